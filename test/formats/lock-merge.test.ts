import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compactJson, splitJsonObject } from "../../src/formats/json-members.ts";
import { mergeLockFiles, type LockMerge } from "../../src/formats/lock-merge.ts";

const where = "mlv.lock";
const file = (stages: Record<string, unknown>, rest: Record<string, unknown> = {}): string =>
  `${JSON.stringify({ mlv: 1, ...rest, stages }, undefined, 2)}\n`;
const merge = (base: string, ours: string, theirs: string, prefer?: "ours" | "theirs"): LockMerge =>
  mergeLockFiles({ base, ours, theirs, where }, prefer);
const stage = (hash: string): object => ({ cmd: `run ${hash}`, outs: { out: hash } });

describe("a merge of run records", () => {
  test("takes what one side changed, added or deleted, stage by stage", () => {
    const base = file({ clean: stage("1"), old: stage("2"), train: stage("3") });
    const ours = file({ clean: stage("1b"), old: stage("2"), train: stage("3") });
    const theirs = file({ clean: stage("1"), eval: stage("4"), train: stage("3b") });
    const merged = merge(base, ours, theirs);
    expect(merged).toMatchObject({ stages: [], keys: [], taken: 3 });
    expect(merged.text).toBe(file({ clean: stage("1b"), eval: stage("4"), train: stage("3b") }));
  });

  test("names the stages that both sides ran differently, and holds the preferred side's", () => {
    const base = file({ a: stage("1"), b: stage("1"), c: stage("1") });
    const ours = file({ a: stage("2"), c: stage("2") });
    const theirs = file({ a: stage("3"), b: stage("3"), c: stage("2") });
    expect(merge(base, ours, theirs)).toMatchObject({ stages: ["a", "b"], taken: 0, text: ours });
    expect(merge(base, ours, theirs, "theirs").text).toBe(theirs);
    expect(merge("", ours, theirs).stages).toEqual(["a"]);
  });

  test("keeps keys that it does not know, their order, and numbers to the last digit", () => {
    const text = (big: string, stages: string): string =>
      `{\n\t"mlv": 1,\n\t"z-note": [1.0, ${big}],\n\t"stages": {\n${stages}\n\t},\n\t"a-note": "},{"\n}\n`;
    const [one, two, three] = ["z", "a", "m"].map((name, at) => `\t\t"${name}": {"seconds": 1.${at}0, "x-new": {"]": "\\""}}`);
    const merged = merge(
      text("12345678901234567890", `${one}`),
      text("12345678901234567890", `${one},\n${two}`),
      text("12345678901234567891", `${one},\n${three}`),
    );
    expect(merged.text).toBe(text("12345678901234567891", `${one},\n${three},\n${two}`));
    const conflicted = merge(text("1", ""), text("2", ""), text("3", ""));
    expect(conflicted).toMatchObject({ keys: ["z-note"], text: text("2", "").replace("{\n\n\t}", "{}") });
  });

  test("refuses what is no object, names a key twice, or is of another format", () => {
    const good = file({});
    for (const bad of ["", "[]", "stages:\n", '{"mlv": 1, "stages": []}', '{"a": 1, "a": 2}', "<<<<<<< ours\n"]) {
      expect(() => merge(good, good, bad)).toThrow(expect.objectContaining({ code: "lock-malformed" }) as Error);
    }
    expect(() => merge(good, good, good.replace('"mlv": 1', '"mlv": 2'))).toThrow(
      expect.objectContaining({ code: "format-newer" }) as Error,
    );
  });

  test("is always valid, never has a key that neither side had, and loses none that nobody deleted", () => {
    const records = fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 6 });
    fc.assert(
      fc.property(records, records, records, fc.constantFrom(0, 2), (base, ours, theirs, spaces) => {
        const write = (stages: object): string => JSON.stringify({ mlv: 1, stages }, undefined, spaces);
        const merged = merge(write(base), write(ours), write(theirs));
        const { stages } = JSON.parse(merged.text) as { stages: Record<string, unknown> };
        const has = (side: object, key: string): boolean => Object.hasOwn(side, key);
        for (const key of Object.keys(stages)) expect(has(ours, key) || has(theirs, key)).toBe(true);
        for (const key of Object.keys(ours)) if (!has(base, key) || has(theirs, key)) expect(has(stages, key)).toBe(true);
        for (const key of Object.keys(theirs)) if (!has(base, key)) expect(has(stages, key)).toBe(true);
        expect(merge(write(base), write(ours), write(base)).text).toBe(write(ours));
      }),
    );
  });
});

test("an object's members come apart as they stand in the source", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 1, 3), (value, spaces) => {
      const text = JSON.stringify(value, undefined, spaces);
      const members = splitJsonObject(text) ?? [];
      expect(members.map(({ key, raw }) => [key, JSON.parse(raw) as unknown])).toEqual(Object.entries(JSON.parse(text) as object));
      expect(compactJson(text)).toBe(JSON.stringify(JSON.parse(text)));
    }),
  );
});
