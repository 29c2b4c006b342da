import * as fs from "node:fs";
import { expect, test } from "vitest";
import { listFiles, makeSandbox, type Sandbox } from "../cli/sealed.ts";

interface Seen {
  readonly leftovers: readonly { readonly target: string; readonly files: number }[];
}

const left = (sandbox: Sandbox): string[] =>
  (JSON.parse(sandbox.mlv("r", ["status", "--json"]).stdout) as Seen).leftovers.map(({ target, files }) => `${target} ${files}`);
const write = (sandbox: Sandbox, file: string, content: string): void => {
  fs.mkdirSync(sandbox.at("r", file, ".."), { recursive: true });
  fs.writeFileSync(sandbox.at("r", file), content);
};

/** Makes a repository whose branch `data` tracks `set` and `data/t.csv`, whose `main` does not, and checks out `main`. */
function switched(): Sandbox {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r", { remote: "store" });
  sandbox.git("r", "checkout", "-q", "-b", "data");
  write(sandbox, "set/a", "a");
  write(sandbox, "set/deep/b", "b");
  write(sandbox, "data/t.csv", "id\n1\n");
  sandbox.mlv("r", ["add", "-q", "set", "data/t.csv"]);
  sandbox.commit("r", "data");
  sandbox.git("r", "checkout", "-q", "main");
  return sandbox;
}

test("status tells of data whose pointer is gone, checkout removes it, and going back brings it back", () => {
  const sandbox = switched();
  expect(left(sandbox)).toEqual(["data/t.csv 1", "set 2"]);
  expect(sandbox.mlv("r", ["status"]).stdout).toContain("set: its pointer is gone, 2 files still here (2 B)");
  expect(sandbox.run(["status", "--exit-code"], { cwd: "r" }).status).toBe(4);
  expect(sandbox.mlv("r", ["checkout", "--dry-run"]).stdout).toContain("set: would remove 2 files");
  expect(left(sandbox)).toHaveLength(2);
  expect(sandbox.mlv("r", ["checkout"]).stdout).toContain("set: removed 2 files, for its pointer is gone");
  expect([fs.existsSync(sandbox.at("r/set")), fs.existsSync(sandbox.at("r/data"))]).toEqual([false, false]);
  expect(left(sandbox)).toEqual([]);
  expect(sandbox.git("r", "status", "--porcelain")).toBe("");
  sandbox.git("r", "checkout", "-q", "data");
  sandbox.mlv("r", ["checkout"]);
  expect(listFiles(sandbox.at("r/set"))).toHaveLength(2);
});

test("edits, files that mlv never saw and what the cache lost stay where they are", () => {
  const sandbox = switched();
  write(sandbox, "set/a", "edited");
  write(sandbox, "set/own", "mine");
  const result = sandbox.run(["checkout"], { cwd: "r" });
  expect(result.status).toBe(3);
  expect(result.stderr).toContain("left alone: set/a (the pointer is gone; edited here)");
  expect(result.stderr).toContain("left alone: set/own (the pointer is gone; not of mlv's making)");
  expect(new Set(listFiles(sandbox.at("r/set")).map((file) => file.replace(/.*set\//, "")))).toEqual(new Set(["a", "own"]));
  // The edit is still told of, and is an edit when the branch comes back.
  expect(left(sandbox)).toEqual(["set 1"]);
  sandbox.git("r", "checkout", "-q", "data");
  expect(sandbox.run(["checkout"], { cwd: "r" }).stderr).toContain("edited here: set/a");
  expect(fs.readFileSync(sandbox.at("r/set/a"), "utf8")).toBe("edited");

  const lost = switched();
  fs.rmSync(lost.at("r/.git/mlv/packs"), { recursive: true });
  expect(lost.run(["checkout"], { cwd: "r" }).stderr).toContain("set/deep/b (the pointer is gone; the cache does not have it)");
  expect(listFiles(lost.at("r/set"))).toHaveLength(2);
});

test("a version that no commit names stays, and so does one whose pointer was deleted by hand", () => {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r");
  write(sandbox, "draft", "draft");
  sandbox.mlv("r", ["add", "-q", "draft"]);
  fs.rmSync(sandbox.at("r/draft.mlv"));
  expect(sandbox.run(["checkout"], { cwd: "r" }).stderr).toContain("draft (the pointer is gone; no commit names this version)");
  write(sandbox, "kept", "kept");
  sandbox.mlv("r", ["add", "-q", "kept"]);
  sandbox.commit("r", "kept");
  fs.rmSync(sandbox.at("r/kept.mlv"));
  sandbox.run(["checkout"], { cwd: "r" });
  expect([fs.existsSync(sandbox.at("r/draft")), fs.existsSync(sandbox.at("r/kept"))]).toEqual([true, true]);
});

test("what Git tracks by now is Git's, even when its bytes are those of the target", () => {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r");
  write(sandbox, "config.json", "{}");
  sandbox.commit("r", "in Git");
  sandbox.git("r", "checkout", "-q", "-b", "data");
  sandbox.git("r", "rm", "-q", "--cached", "config.json");
  sandbox.mlv("r", ["add", "-q", "config.json"]);
  sandbox.commit("r", "in mlv");
  sandbox.git("r", "checkout", "-q", "--force", "main");
  sandbox.mlv("r", ["checkout"]);
  expect(fs.readFileSync(sandbox.at("r/config.json"), "utf8")).toBe("{}");
  expect(left(sandbox)).toEqual([]);
});

test("a folder that was one target gives way to targets inside it, and the other way round", () => {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r");
  write(sandbox, "data/a", "a");
  write(sandbox, "data/b", "b");
  sandbox.mlv("r", ["add", "-q", "data"]);
  sandbox.commit("r", "one target");
  sandbox.git("r", "branch", "whole");
  sandbox.mlv("r", ["remove", "-q", "data"]);
  fs.rmSync(sandbox.at("r/data/b"));
  sandbox.mlv("r", ["add", "-q", "data/a"]);
  sandbox.git("r", "rm", "-q", "--cached", "data.mlv");
  sandbox.commit("r", "one inside");
  sandbox.git("r", "checkout", "-q", "whole");
  sandbox.mlv("r", ["checkout"]);
  expect(fs.readdirSync(sandbox.at("r/data")).sort()).toEqual(["a", "b"]);
  sandbox.git("r", "checkout", "-q", "main");
  sandbox.mlv("r", ["checkout"]);
  expect(fs.readFileSync(sandbox.at("r/data/a"), "utf8")).toBe("a");
  expect(fs.existsSync(sandbox.at("r/data/b"))).toBe(false);
  expect(left(sandbox)).toEqual([]);
});
