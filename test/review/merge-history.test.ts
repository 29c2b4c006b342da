import * as fs from "node:fs";
import { expect, test } from "vitest";
import { parsePointer } from "../../src/formats/pointer.ts";
import { makeInstalled, type Installed } from "./installed.ts";

const status = ({ sandbox }: Installed): string => sandbox.mlv("r", ["status"]).stdout;
const read = ({ sandbox }: Installed, file: string): string => fs.readFileSync(sandbox.at("r", file), "utf8");
const pointer = (project: Installed, target: string): ReturnType<typeof parsePointer> =>
  parsePointer(read(project, `${target}.mlv`), target);

/** Leaves a repository on `main`, with a commit there and one on `theirs`, both on top of what `start` made. */
function diverge(start: (project: Installed) => void, ours: (project: Installed) => void, theirs: (project: Installed) => void): Installed {
  const project = makeInstalled("--no-hooks");
  const { sandbox } = project;
  start(project);
  sandbox.git("r", "checkout", "-q", "-b", "theirs");
  theirs(project);
  sandbox.git("r", "checkout", "-q", "main");
  sandbox.mlv("r", ["checkout", "-q"]);
  ours(project);
  return project;
}

const edit =
  (file: string, content: string, target = file) =>
  (project: Installed): void => {
    project.write(file, content);
    project.record(target);
  };
const drop =
  (target: string) =>
  ({ sandbox }: Installed): void => {
    sandbox.mlv("r", ["remove", "-q", "--delete", target]);
    sandbox.commit("r", "drop");
  };

test.each([
  ["theirs", edit("f.bin", "two!"), drop("f.bin"), "UD f.bin.mlv"],
  ["ours", drop("f.bin"), edit("f.bin", "two!"), "DU f.bin.mlv"],
] as const)("a target that %s deleted and the other side edited is told of, and resolved either way", (deletedBy, ours, theirs, says) => {
  const project = diverge(edit("f.bin", "one"), ours, theirs);
  const { sandbox, git } = project;
  const merged = git("merge", "--no-edit", "theirs");
  expect([merged.status, merged.stdout.includes("CONFLICT (modify/delete): f.bin.mlv")]).toEqual([1, true]);
  expect(git("status", "--porcelain", "f.bin.mlv").stdout.trim()).toBe(says);
  expect(pointer(project, "f.bin").size).toBe(4);
  expect(status(project)).toMatch(/f\.bin: .*in conflict/);
  const other = deletedBy === "ours" ? "theirs" : "ours";
  const refused = sandbox.mlv("r", ["resolve", `--${deletedBy}`, "f.bin"], 2).stderr;
  expect(refused).toContain(`${deletedBy === "ours" ? "our" : "their"} side deleted`);
  expect(refused).toContain(`to delete it: \`git rm f.bin.mlv\`; to keep it: \`mlv resolve --${other} f.bin\``);
  sandbox.mlv("r", ["resolve", `--${other}`]);
  sandbox.commit("r", "merged");
  sandbox.mlv("r", ["checkout"]);
  expect(read(project, "f.bin")).toBe("two!");
});

test("a target that both sides deleted, and one that both gave the same content, are no conflict", () => {
  const both = (name: string) => (project: Installed) => {
    drop("f.bin")(project);
    edit("g.bin", "same")(project);
    edit(name, name)(project);
  };
  const project = diverge(edit("f.bin", "one"), both("ours.bin"), both("theirs.bin"));
  expect(project.git("merge", "--no-edit", "theirs").status).toBe(0);
  expect(project.sandbox.mlv("r", ["checkout"]).stdout).toContain("theirs.bin: wrote 1 file");
  expect(fs.existsSync(project.sandbox.at("r/f.bin"))).toBe(false);
});

test("a rename on one side and an edit on the other end in the edited target under its new name", () => {
  const project = diverge(edit("f.bin", "one"), edit("f.bin", "edited"), ({ sandbox }) => {
    sandbox.mlv("r", ["move", "-q", "f.bin", "g.bin"]);
    sandbox.commit("r", "move");
  });
  expect(project.git("merge", "--no-edit", "theirs").status).toBe(0);
  expect(project.sandbox.mlv("r", ["checkout"]).stdout).toContain("f.bin: removed 1 file, for its pointer is gone");
  expect(read(project, "g.bin")).toBe("edited");
});

test("new content on one side and an executable bit on the other go together", () => {
  const project = diverge(edit("run.sh", "one"), edit("run.sh", "two"), (project_) => {
    fs.chmodSync(project_.sandbox.at("r/run.sh"), 0o755);
    project_.record("run.sh");
  });
  expect(project.git("merge", "--no-edit", "theirs").status).toBe(0);
  expect(pointer(project, "run.sh")).toMatchObject({ mode: "x", size: 3 });
  project.sandbox.mlv("r", ["checkout"]);
  expect([read(project, "run.sh"), fs.statSync(project.sandbox.at("r/run.sh")).mode & 0o111]).toEqual(["two", 0o111]);
});

test("a folder tracked whole here and in part there is clean for Git, and status says that one must go", () => {
  const project = diverge(
    () => undefined,
    (project_) => {
      project_.write("data/a", "a");
      project_.write("data/b", "b");
      project_.record("data");
    },
    edit("data/a", "a"),
  );
  expect(project.git("merge", "--no-edit", "theirs").status).toBe(0);
  expect(status(project)).toContain("data/a: lies inside the target data\n    → mlv remove data/a (or data)");
});

/** Makes `main` and `x` that merged each other's first edit; `settle` says what each took of `set/a`, which both had edited. */
function crissCross(settle: boolean): Installed {
  const project = makeInstalled("--no-hooks");
  const { sandbox, git } = project;
  for (const name of ["a", "b", "c", "d"]) project.write(`set/${name}`, name);
  project.record("set");
  sandbox.git("r", "branch", "x");
  edit("set/a", "a1", "set")(project);
  sandbox.git("r", "branch", "main-first");
  sandbox.git("r", "checkout", "-q", "x");
  sandbox.mlv("r", ["checkout", "-q"]);
  edit(settle ? "set/a" : "set/b", "x1", "set")(project);
  sandbox.git("r", "branch", "x-first");
  for (const [branch, other] of [["x", "main-first"] as const, ["main", "x-first"] as const]) {
    sandbox.git("r", "checkout", "-q", branch);
    git("merge", "--no-edit", other);
    if (settle) sandbox.mlv("r", ["resolve", "--ours"]);
    sandbox.commit("r", "merged");
    sandbox.mlv("r", ["checkout", "-q"]);
    edit(branch === "x" ? "set/d" : "set/c", branch, "set")(project);
  }
  expect(sandbox.git("r", "merge-base", "--all", "main", "x").split("\n")).toHaveLength(2);
  return project;
}

test("a criss-cross merge takes the edits of both sides", () => {
  const project = crissCross(false);
  expect(project.git("merge", "--no-edit", "x").status).toBe(0);
  project.sandbox.mlv("r", ["checkout"]);
  expect(["a", "b", "c", "d"].map((name) => read(project, `set/${name}`))).toEqual(["a1", "x1", "main", "x"]);
});

test("a criss-cross merge in which each side had settled the same conflict in its own way conflicts again", () => {
  const project = crissCross(true);
  const merged = project.git("merge", "--no-edit", "x");
  expect([merged.status, merged.stderr.includes("a: changed on both sides")]).toEqual([1, true]);
  expect(merged.stderr.match(/mlv: conflict/g)).toHaveLength(1);
  project.sandbox.mlv("r", ["resolve", "--union"]);
  project.sandbox.commit("r", "merged");
  project.sandbox.mlv("r", ["checkout"]);
  expect(["a", "b", "c", "d"].map((name) => read(project, `set/${name}`))).toEqual(["a1", "b", "main", "x"]);
});
