import { expect, test } from "vitest";
import { openCatFile } from "../../src/git/cat-file.ts";
import { createSandbox, pointer } from "./sandbox.ts";

test("objects are read in order, missing ones are undefined, names may hold spaces", async () => {
  const sandbox = createSandbox();
  const commit = sandbox.commit({ "a b.mlv": pointer("one"), empty: "", "ü.mlv": "line\n\nwith newline at the end\n" });
  const catFile = openCatFile(sandbox.repository);
  const specs = [
    "HEAD:a b.mlv",
    "HEAD:missing",
    "HEAD:empty",
    ":ü.mlv",
    commit,
    "HEAD:a b.mlv\nHEAD:empty",
    "",
    "--batch-all-objects",
    "nonsense blob 3",
  ];
  const objects = await Promise.all(specs.map((spec) => catFile.read(spec)));
  expect(objects.map((object) => object && [object.type, object.size])).toEqual([
    ["blob", Buffer.byteLength(pointer("one"))],
    undefined,
    ["blob", 0],
    ["blob", 30],
    ["commit", Number(sandbox.git("cat-file", "-s", commit))],
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect(objects[0]?.content.toString()).toBe(pointer("one"));
  expect(objects[0]?.oid).toBe(sandbox.git("rev-parse", "HEAD:a b.mlv"));
  expect(objects[3]?.content.toString()).toBe("line\n\nwith newline at the end\n");
  await catFile.close();
});

test("thousands of overlapping reads each get their own object", async () => {
  const sandbox = createSandbox();
  const files = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`f${index}`, `${index}\n`.repeat(index * 20)]));
  sandbox.commit(files);
  const catFile = openCatFile(sandbox.repository);
  const names = Array.from({ length: 3000 }, (_, index) => `f${(index * 7) % 300}`);
  const objects = await Promise.all(names.map((name) => catFile.read(`HEAD:${name}`)));
  expect(objects.every((object, index) => object?.content.toString() === files[names[index] ?? ""])).toBe(true);
  await catFile.close();
});

test("an object above the limit fails alone and the reads behind it still work", async () => {
  const sandbox = createSandbox();
  sandbox.commit({ big: "x".repeat(300_000), small: "ok" });
  const catFile = openCatFile(sandbox.repository, { maxBytes: 1000 });
  const [big, small] = await Promise.allSettled([catFile.read("HEAD:big"), catFile.read("HEAD:small")]);
  expect(big).toMatchObject({ status: "rejected", reason: { code: "git-failed", details: { size: 300_000 } } });
  expect(small).toMatchObject({ status: "fulfilled", value: { size: 2 } });
  await catFile.close();
});

test("closing ends the process, reads afterwards fail, and an abort reaches waiting reads", async () => {
  const sandbox = createSandbox();
  sandbox.commit({ a: "1" });
  const catFile = openCatFile(sandbox.repository);
  await catFile.read("HEAD:a");
  await catFile.close();
  await expect(catFile.read("HEAD:a")).rejects.toMatchObject({ code: "git-failed" });

  const controller = new AbortController();
  const aborted = openCatFile(sandbox.repository, { signal: controller.signal });
  const waiting = aborted.read("HEAD:a").then(() => aborted.read("HEAD:a"));
  controller.abort(new Error("stopped"));
  await expect(waiting).rejects.toThrow("stopped");
  await aborted.close();
});
