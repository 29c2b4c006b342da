import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { parsePointer } from "../../src/formats/pointer.ts";
import { Cache } from "../../src/store/cache.ts";
import { readManifestRoot } from "../../src/store/manifests.ts";
import { makeSandbox, type Sandbox } from "../cli/sealed.ts";
import { findNode, findProgram } from "../cli/program.ts";

interface Merge {
  readonly sandbox: Sandbox;
  readonly status: number | undefined;
  readonly said: string;
}

type Edit = (folder: string, sandbox: Sandbox) => void;

const write =
  (file: string, content: string): Edit =>
  (folder) => {
    fs.mkdirSync(path.join(folder, path.dirname(file)), { recursive: true });
    fs.writeFileSync(path.join(folder, file), content);
  };
const remove =
  (file: string): Edit =>
  (folder) =>
    fs.rmSync(path.join(folder, file), { recursive: true });

/** Makes a repository with the driver, a branch for each side, and merges theirs into ours. */
function merge(start: Edit[], ours: Edit[], theirs: Edit[]): Merge {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r", { remote: "store" });
  const folder = sandbox.at("r");
  sandbox.git("r", "config", "merge.mlv.driver", `'${findNode()}' '${findProgram()}' merge-driver %O %A %B %P`);
  fs.writeFileSync(path.join(folder, ".gitattributes"), "*.mlv merge=mlv\n");
  const apply = (edits: Edit[]): void => {
    for (const edit of edits) edit(folder, sandbox);
    for (const target of ["set", "file.bin"]) if (fs.existsSync(path.join(folder, target))) sandbox.mlv("r", ["add", "-q", target]);
    sandbox.commit("r", "edit");
  };
  apply(start);
  sandbox.git("r", "checkout", "-q", "-b", "theirs");
  apply(theirs);
  sandbox.git("r", "checkout", "-q", "main");
  for (const target of ["set", "file.bin"]) fs.rmSync(path.join(folder, target), { recursive: true, force: true });
  sandbox.mlv("r", ["checkout", "-q", "--force"]);
  apply(ours);
  const result = sandbox.exec("git", ["merge", "-q", "--no-edit", "theirs"], { cwd: "r" });
  return { sandbox, status: result.status, said: result.stderr };
}

const pointer = (sandbox: Sandbox, target: string): ReturnType<typeof parsePointer> =>
  parsePointer(fs.readFileSync(sandbox.at("r", `${target}.mlv`), "utf8"), target);
const oursOf = (sandbox: Sandbox, target: string): string => sandbox.git("r", "show", `main:${target}.mlv`);
const isOurs = (sandbox: Sandbox, target: string): boolean =>
  fs.readFileSync(sandbox.at("r", `${target}.mlv`), "utf8").trimEnd() === oursOf(sandbox, target);

const base = [write("set/a", "a"), write("set/b", "b"), write("file.bin", "one")];
const conflicts: readonly (readonly [name: string, target: string, says: string, start: Edit[], ours: Edit[], theirs: Edit[]])[] = [
  ["a file changed on both sides", "file.bin", "both sides changed it", base, [write("file.bin", "two")], [write("file.bin", "three")]],
  ["a file added on both sides", "file.bin", "both sides added it", [], [write("file.bin", "two")], [write("file.bin", "three")]],
  [
    "a file that became a folder on one side",
    "file.bin",
    "a file on one side and a folder on the other",
    base,
    [write("file.bin", "two")],
    [remove("file.bin"), write("file.bin/x", "x")],
  ],
  ["a file in a folder changed on both sides", "set", "a: changed on both sides", base, [write("set/a", "a1")], [write("set/a", "a2")]],
  ["a file in a folder added on both sides", "set", "n: added on both sides", base, [write("set/n", "n1")], [write("set/n", "n2")]],
  ["a file deleted here and changed there", "set", "a: deleted on our side", base, [remove("set/a")], [write("set/a", "a2")]],
  [
    "a file changed here and deleted there",
    "set",
    "a: changed on our side, deleted on theirs",
    base,
    [write("set/a", "a1")],
    [remove("set/a")],
  ],
  ["a file here where there is a folder there", "set", "n/x: a file on one side", base, [write("set/n", "n")], [write("set/n/x", "x")]],
  ["a folder here where there is a file there", "set", "n: a file on one side", base, [write("set/n/x", "x")], [write("set/n", "n")]],
  [
    "a folder added on both sides with a file in two versions",
    "set",
    "n: added on both sides",
    [],
    [write("set/n", "n1"), write("set/o", "o")],
    [write("set/n", "n2"), write("set/p", "p")],
  ],
  [
    "a pointer that was edited by hand there",
    "file.bin",
    "is malformed",
    base,
    [write("file.bin", "two")],
    [remove("file.bin"), write("file.bin.mlv", '{"mlv": 1}\n')],
  ],
  [
    "a pointer that a newer mlv wrote there",
    "file.bin",
    "was written by a newer mlv",
    base,
    [write("file.bin", "two")],
    [remove("file.bin"), write("file.bin.mlv", '{\n  "mlv": 2\n}\n')],
  ],
  [
    "a folder whose list is nowhere to be had",
    "set",
    "cannot merge set: there is no mlv store",
    base,
    [write("set/c", "c")],
    [
      remove("set"),
      (folder) => {
        const file = path.join(folder, "set.mlv");
        fs.writeFileSync(file, fs.readFileSync(file, "utf8").replace(/[0-9a-f]{64}/, "0".repeat(64)));
      },
    ],
  ],
];

test.each(conflicts)("%s conflicts with a message and stays our pointer", (_name, target, says, start, ours, theirs) => {
  const { sandbox, status, said } = merge(start, ours, theirs);
  expect(said).toContain(says);
  expect(said).toContain("the pointer stays ours");
  expect(said).toContain(`choose with \`mlv resolve --ours ${target}\` or \`--theirs\``);
  expect(status).toBe(1);
  expect(isOurs(sandbox, target)).toBe(true);
  expect(sandbox.git("r", "status", "--porcelain", "--", `${target}.mlv`)).toMatch(/^(?:UU|AA) /);
  expect(sandbox.mlv("r", ["status"]).stdout).toMatch(
    new RegExp(`${target}: .*in conflict.*\n +→ mlv resolve --ours .*, git add ${target}.mlv`),
  );
  // What the message says to type ends it, for Git and for mlv.
  sandbox.mlv("r", ["resolve", "-q", "--ours", target]);
  sandbox.git("r", "add", `${target}.mlv`);
  sandbox.git("r", "commit", "-q", "--no-edit");
  expect(sandbox.git("r", "status", "--porcelain")).toBe("");
  expect(sandbox.mlv("r", ["status"]).stdout).not.toMatch(/in conflict|modified/);
});

test("both hashes are named, and resolve takes either side from Git's index", () => {
  const { sandbox, said } = merge(base, [write("file.bin", "two")], [write("file.bin", "three")]);
  const theirs = parsePointer(`${sandbox.git("r", "show", "theirs:file.bin.mlv")}\n`, "theirs");
  expect(said).toContain(theirs.sha256);
  expect(said).toContain(pointer(sandbox, "file.bin").sha256);
  expect(sandbox.mlv("r", ["resolve", "--theirs", "file.bin"]).stdout).toContain("Next: git add file.bin.mlv");
  expect(pointer(sandbox, "file.bin").sha256).toBe(theirs.sha256);
  sandbox.mlv("r", ["resolve", "--ours", "file.bin"]);
  expect(isOurs(sandbox, "file.bin")).toBe(true);
  expect(sandbox.mlv("r", ["resolve", "--union", "file.bin"], 2).stderr).toContain("no folder on both sides");
  expect(sandbox.mlv("r", ["resolve", "--ours", "set"], 1).stderr).toContain("in no conflict");
});

test("a union takes the files of both sides and settles what both changed by preference", () => {
  const { sandbox } = merge(
    base,
    [write("set/a", "a1"), write("set/ours", "o"), remove("set/b")],
    [write("set/a", "a2!"), write("set/theirs", "t"), write("set/b", "bb")],
  );
  const list = (): string => sandbox.mlv("r", ["ls", "set", "--json"]).stdout;
  sandbox.mlv("r", ["resolve", "--union", "set"]);
  expect(pointer(sandbox, "set").files).toBe(4);
  expect(list()).toMatch(/"path":"(?:set\/)?ours"/);
  sandbox.git("r", "add", "set.mlv");
  sandbox.git("r", "commit", "-q", "--no-edit");
  sandbox.mlv("r", ["checkout", "-q"]);
  expect(fs.readFileSync(sandbox.at("r/set/a"), "utf8")).toBe("a1");
  expect(fs.readFileSync(sandbox.at("r/set/b"), "utf8")).toBe("bb");
  expect(fs.readFileSync(sandbox.at("r/set/theirs"), "utf8")).toBe("t");
});

test("what one side changed, a deletion and an executable bit merge without a conflict", () => {
  const { sandbox, status, said } = merge(
    [...base, write("set/run", "run")],
    [write("set/a", "a1"), (folder) => fs.chmodSync(path.join(folder, "set/run"), 0o755)],
    [remove("set/b"), write("set/run", "run2"), write("set/new/x", "x")],
  );
  expect(said).toContain("merged set file by file: 3 files from their side");
  expect(status).toBe(0);
  sandbox.mlv("r", ["checkout", "-q"]);
  expect(new Set(fs.readdirSync(sandbox.at("r/set"), { recursive: true, encoding: "utf8" }))).toEqual(
    new Set(["a", "new", "new/x", "run"]),
  );
  expect(fs.statSync(sandbox.at("r/set/run")).mode & 0o111).not.toBe(0);
  expect(fs.readFileSync(sandbox.at("r/set/run"), "utf8")).toBe("run2");
});

test("branches that each added 1,000 files to a folder of 20,000 merge in a clone that downloads no content", () => {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r", { remote: "store" });
  fs.writeFileSync(sandbox.at("r/.gitattributes"), "*.mlv merge=mlv\n");
  const addFiles = (prefix: string, count: number): void => {
    fs.mkdirSync(sandbox.at("r/set"), { recursive: true });
    for (let file = 0; file < count; file++) fs.writeFileSync(sandbox.at("r/set", `${prefix}${file}`), `${prefix} ${file}`);
    sandbox.mlv("r", ["add", "-q", "set"]);
    sandbox.commit("r", prefix);
    sandbox.mlv("r", ["push", "-q"]);
  };
  addFiles("base", 20_000);
  sandbox.git("r", "checkout", "-q", "-b", "theirs");
  addFiles("theirs", 1000);
  sandbox.git("r", "checkout", "-q", "main");
  sandbox.mlv("r", ["checkout", "-q"]);
  addFiles("ours", 1000);
  sandbox.clone("r", "clone");
  sandbox.git("clone", "branch", "-q", "theirs", "origin/theirs");
  sandbox.git("clone", "config", "merge.mlv.driver", `'${findNode()}' '${findProgram()}' merge-driver %O %A %B %P`);
  // The remote is a folder beside the repository, so the clone finds it under the same relative path.
  const before = process.hrtime.bigint();
  sandbox.git("clone", "merge", "-q", "--no-edit", "theirs");
  const seconds = Number(process.hrtime.bigint() - before) / 1e9;
  expect(parsePointer(fs.readFileSync(sandbox.at("clone/set.mlv"), "utf8"), "set").files).toBe(22_000);
  expect(seconds).toBeLessThan(10);
  const bytes = fs
    .readdirSync(sandbox.at("clone/.git/mlv/packs"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + fs.statSync(path.join(entry.parentPath, entry.name)).size, 0);
  expect(sandbox.mlv("clone", ["status"]).stdout).toContain("set");
  expect(bytes).toBeLessThan(22_000 * 120 * 2);
  expect(fs.existsSync(sandbox.at("clone/set"))).toBe(false);
});

test("a merge in a clone fetches the leaves of the lists that differ, and of ours the others only when it makes a new list", () => {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r", { remote: "store" });
  fs.writeFileSync(sandbox.at("r/.gitattributes"), "*.mlv merge=mlv\n");
  const name = (file: number): string => `${String(file).padStart(5, "0")}-${"n".repeat(190)}`;
  const edit = (branch: string, files: Readonly<Record<number, string>>): void => {
    sandbox.mlv("r", ["checkout", "-q"]);
    for (const [file, content] of Object.entries(files)) fs.writeFileSync(sandbox.at("r/set", name(Number(file))), content);
    sandbox.mlv("r", ["add", "-q", "set"]);
    sandbox.commit("r", branch);
    sandbox.mlv("r", ["push", "-q"]);
  };
  fs.mkdirSync(sandbox.at("r/set"));
  edit("base", Object.fromEntries(Array.from({ length: 3000 }, (_, file) => [file, `base ${file}`])));
  for (const branch of ["clash", "apart"]) sandbox.git("r", "branch", branch);
  edit("ours", { 10: "ours" });
  sandbox.git("r", "checkout", "-q", "clash");
  edit("clash", { 10: "theirs" });
  sandbox.git("r", "checkout", "-q", "apart");
  edit("apart", { 2990: "theirs" });
  sandbox.git("r", "checkout", "-q", "main");
  sandbox.clone("r", "clone");
  sandbox.git("clone", "config", "merge.mlv.driver", `'${findNode()}' '${findProgram()}' merge-driver %O %A %B %P`);
  const cachedLeaves = (revision: string): string => {
    const { sha256 } = parsePointer(`${sandbox.git("r", "show", `${revision}:set.mlv`)}\n`, revision);
    const folder = sandbox.at("clone/.git/mlv");
    const cache = new Cache({ folder, stateFolder: folder, onEvent: () => undefined });
    const { leaves } = readManifestRoot(cache, sha256, revision);
    expect(leaves.length).toBeGreaterThan(4);
    const cached = leaves.filter((leaf) => cache.has(leaf.sha256)).length;
    cache.close();
    return cached === leaves.length ? "all" : String(cached);
  };
  expect(sandbox.exec("git", ["merge", "-q", "--no-edit", "origin/clash"], { cwd: "clone" }).status).toBe(1);
  expect(["main~1", "main", "clash"].map(cachedLeaves)).toEqual(["1", "1", "1"]);
  sandbox.git("clone", "merge", "--abort");
  sandbox.git("clone", "merge", "-q", "--no-edit", "origin/apart");
  expect(["main", "apart", "main~1"].map(cachedLeaves)).toEqual(["all", "all", "all"]);
  expect(fs.existsSync(sandbox.at("clone/.git/mlv/objects"))).toBe(false);
});
