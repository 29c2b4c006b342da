import { describe, expect, test } from "vitest";
import { findSameLines, type SameLines } from "../../src/tabular/diff/same-lines.ts";
import { tableFromBytes } from "../../src/tabular/source.ts";

const csv = { newline: 10, quote: 34, delimiter: 44 };

async function find(before: string, after: string): Promise<SameLines | undefined> {
  const text = (content: string): Parameters<typeof findSameLines>[0] => ({
    file: tableFromBytes("t.csv", Buffer.from(content)).file,
    start: 0,
    dialect: csv,
    hasEmptyRecords: false,
  });
  return findSameLines(text(before), text(after));
}

/** Returns the texts that a difference holds on both sides. */
function textsOf(found: SameLines | undefined, before: string, after: string): string[][] | undefined {
  const cut = (text: string, range: { start: number; end: number }): string => Buffer.from(text).toString("utf8", range.start, range.end);
  return found?.differences.map((difference) => [cut(before, difference.before), cut(after, difference.after)]);
}

const line = (at: number): string => `${at},the row number ${at},é${at % 7}\n`;
const lines = (count: number, edit: (at: number) => string = line): string => Array.from({ length: count }, (_, at) => edit(at)).join("");

describe("two versions of a text", () => {
  test("differ where a line was changed, added or removed, and nowhere else, however far apart", async () => {
    const count = 60_000;
    const before = lines(count);
    const edits: Readonly<Record<number, string>> = {
      0: "0,first,x\n",
      777: `${line(777)}n1,added,x\n`,
      30_000: "",
      59_999: "59999,last,x",
    };
    const after = lines(count, (at) => edits[at] ?? line(at));
    const found = await find(before, after);
    expect(textsOf(found, before, after)).toEqual([
      [line(0), edits[0]],
      ["", "n1,added,x\n"],
      [line(30_000), ""],
      [line(59_999), edits[59_999]],
    ]);
    expect(found?.records).toBe(count - 3);
    expect(found?.differences.map(({ beforeRecords, afterRecords }) => [beforeRecords, afterRecords])).toEqual([
      [1, 1],
      [0, 1],
      [1, 0],
      [1, 1],
    ]);
  });

  test("that are the same have nothing that differs, with or without a newline at the end", async () => {
    for (const text of ["", "a,b\n", "a,b", lines(100), `${lines(100)}x,y`]) expect((await find(text, text))?.differences).toEqual([]);
  });

  test("differ in the last line when only one of them ends with a newline", async () => {
    const found = await find("a,1\nb,2", "a,1\nb,2\n");
    expect(textsOf(found, "a,1\nb,2", "a,1\nb,2\n")).toEqual([["b,2", "b,2\n"]]);
  });

  test("meet again after many added lines", async () => {
    const [before, added] = [lines(50_000), lines(20_000, (at) => `n${at},added,row\n`)];
    const after = before.slice(0, before.indexOf(line(100))) + added + before.slice(before.indexOf(line(100)));
    expect(textsOf(await find(before, after), before, after)).toEqual([["", added]]);
  });

  test("are not told apart line by line where a line is a part of a cell", async () => {
    const before = 'id,note\n1,"one\ntwo\nthree"\n2,x\n';
    const found = await find(before, before.replace("two", "TWO"));
    expect(found).toBeUndefined();
    const whole = await find(before, before.replace("2,x", "2,y"));
    expect(textsOf(whole, before, before.replace("2,x", "2,y"))).toEqual([["2,x\n", "2,y\n"]]);
    expect(whole?.records).toBe(2);
  });

  test("that have their lines in another order, or differ in every second one, have too little in common", async () => {
    const before = lines(200_000);
    const reversed = lines(200_000, (at) => line(199_999 - at));
    expect(await find(before, reversed)).toBeUndefined();
    expect(
      await find(
        before,
        lines(200_000, (at) => (at % 2 === 0 ? line(at) : line(at).toUpperCase())),
      ),
    ).toBeUndefined();
  });

  test("meet in lines longer than what is read at once", async () => {
    const long = "x".repeat(1_500_000);
    const [before, after] = [`a,1\n${long},1\n${lines(10)}`, `a,1\n${long},2\n${lines(10)}`];
    const found = await find(before, after);
    expect(found?.differences.map((difference) => difference.before.end - difference.before.start)).toEqual([long.length + 3]);
    expect((await find(before, before))?.differences).toEqual([]);
  });
});
