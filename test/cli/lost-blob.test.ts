import * as fs from "node:fs";
import path from "node:path";
import { beforeEach, expect, test } from "vitest";
import { flipByte, listFiles, makeSandbox, makeTree, noise, readTree, type Sandbox } from "./sealed.ts";

const FIRST = {
  "data/a.txt": "first\n",
  "data/big.bin": noise("big", 300_000),
  "one.bin": noise("one", 9e6),
  "two.bin": noise("two", 9e6),
};
const SECOND = { "data/a.txt": "second\n", "data/big.bin": noise("big 2", 300_000), "one.bin": "one\n", "two.bin": noise("two 2", 9e6) };
const TARGETS = ["data", "one.bin", "two.bin"];

let box: Sandbox;
/** Blobs that hold the second version's bytes, by the target that they were pushed for. */
let blobs: Map<string, string[]>;

/** Makes a peer that has the first version of each target and the pointers of the second, which are on the remote. */
beforeEach(() => {
  box = makeSandbox();
  box.makeRepository("project", { remote: "storage", tree: FIRST });
  box.mlv("project", ["add", ...TARGETS]);
  box.commit("project", "first");
  box.mlv("project", ["push"]);
  box.clone("project", "peer");
  box.mlv("peer", ["pull"]);
  makeTree(box.at("project"), SECOND);
  box.mlv("project", ["add", "-u"]);
  box.commit("project", "second");
  blobs = new Map();
  for (const target of TARGETS) {
    const before = new Set(listContents());
    box.mlv("project", ["push", target]);
    blobs.set(
      target,
      listContents().filter((blob) => !before.has(blob)),
    );
  }
  box.git("peer", "pull", "-q");
});

function listContents(): string[] {
  return ["objects", "packs"].flatMap((kind) => listFiles(box.at("storage", kind)).map((file) => path.join(kind, file)));
}

function lose(target: string): void {
  const lost = blobs.get(target) ?? [];
  expect(lost).not.toEqual([]);
  for (const blob of lost) fs.rmSync(box.at("storage", blob));
}

function treeOf(where: string): Record<string, unknown> {
  return Object.fromEntries(TARGETS.map((target) => [target, readTree(box.at(where, target))]));
}

function versionOf(target: string): string {
  return (JSON.parse(fs.readFileSync(box.at("peer", `${target}.mlv`), "utf8")) as { sha256: string }).sha256;
}

test.each(["data", "two.bin"])("a pull without a blob of %s checks out the others, leaves it as it was, and names it", (target) => {
  lose(target);
  const [before, wanted] = [treeOf("peer"), treeOf("project")];
  const { status, stdout, stderr } = box.run(["pull"], { cwd: "peer" });
  expect(status).toBe(3);
  expect(treeOf("peer")).toEqual({ ...wanted, [target]: before[target] });
  expect(stdout).toContain("one.bin: wrote 1 file (4 B)\n");
  expect(stderr).toMatch(
    new RegExp(`^error: cannot fetch \`${target}\`\ncaused by: the remote lost (?:objects|packs)/.*\nhint: run \`mlv push\` `),
  );
  expect(stderr).toContain(`    left as it was: ${target} (version ${versionOf(target)}, committed by Ada in `);
  expect(box.mlv("peer", ["status", target]).stdout).toContain(`${target}: out of date`);
  expect(box.run(["pull", "-q"], { cwd: "peer" })).toMatchObject({
    status: 3,
    stdout: "",
    stderr: expect.stringContaining("the remote lost"),
  });

  // What the message says to type, where the data is, mends it.
  box.mlv("project", ["push"]);
  box.mlv("peer", ["pull"]);
  expect(treeOf("peer")).toEqual(wanted);
});

test("a pull without a blob says so in its document, and a fetch goes on with the others too", () => {
  lose("two.bin");
  const fetched = box.run(["fetch", "--json"], { cwd: "peer" });
  expect([fetched.status, fetched.stderr]).toEqual([3, ""]);
  expect(JSON.parse(fetched.stdout)).toMatchObject({ versions: [{ status: "fetched" }, { status: "fetched" }, { status: "failed" }] });
  const pulled = box.run(["pull", "--json"], { cwd: "peer" });
  expect([pulled.status, pulled.stderr]).toEqual([3, ""]);
  expect(JSON.parse(pulled.stdout)).toMatchObject({
    fetched: {
      versions: [
        { target: "data", status: "cached" },
        { target: "one.bin", status: "cached" },
        {
          target: "two.bin",
          pointer: { sha256: versionOf("two.bin") },
          status: "failed",
          origin: { author: "Ada" },
          problem: { code: "content-missing", message: "cannot fetch `two.bin`", hint: expect.stringContaining("mlv push") },
        },
      ],
    },
    targets: [
      { target: "data", written: 2 },
      { target: "one.bin", written: 1 },
    ],
  });
});

test("a blob whose bytes are wrong fails its target alone, with the exit status of damage", () => {
  for (const blob of blobs.get("two.bin") ?? []) flipByte(box.at("storage", blob), { at: 4_000_000 });
  const [before, wanted] = [treeOf("peer"), treeOf("project")];
  const { status, stderr } = box.run(["pull"], { cwd: "peer" });
  expect(status).toBe(14);
  expect(stderr).toContain("cannot fetch `two.bin`");
  expect(treeOf("peer")).toEqual({ ...wanted, "two.bin": before["two.bin"] });
});

test("a pull with --force keeps the edit of a target whose blob is lost", () => {
  lose("two.bin");
  fs.writeFileSync(box.at("peer/two.bin"), "mine\n");
  expect(box.run(["pull", "--force"], { cwd: "peer" }).status).toBe(3);
  expect(fs.readFileSync(box.at("peer/two.bin"), "utf8")).toBe("mine\n");
  expect(fs.readFileSync(box.at("peer/one.bin"), "utf8")).toBe("one\n");
});
