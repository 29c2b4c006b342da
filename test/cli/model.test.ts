import * as fs from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { makeSandbox, noise, type Sandbox } from "./sealed.ts";

/** Is a file as the model knows it. */
interface ModelFile {
  readonly content: string;
  readonly isExecutable: boolean;
}
type Files = ReadonlyMap<string, ModelFile>;

/** Is what one repository and its clone should be like. */
interface Model {
  files: Map<string, ModelFile>;
  /** What mlv recorded of the workspace; `isEdited` marks what a checkout found edited and left. */
  known: Map<string, ModelFile & { readonly isEdited?: boolean }>;
  /** The version that the workspace was last made from, and the one that the pointer names. */
  base: Files;
  pointer: Files;
  commits: Files[];
  head: number;
  pushed: Set<string>;
  clone: Files;
}

/** Is the real thing. */
interface Real {
  readonly box: Sandbox;
  readonly commits: string[];
}

const PATHS = ["a", "b c", "sub/d", "sub/e", "sub/deep/f"];
const LARGE = [noise("one", 150_000), noise("two", 150_000)].map((bytes) => bytes.toString("latin1"));
const CONTENTS = ["", "x1", "x2", "longer text", ...LARGE];
const seed = Number(process.env["MLV_FAULTS_SEED"] ?? 20260102);
const numRuns = Number(process.env["MLV_MODEL_RUNS"] ?? 4);

const isSame = (a: ModelFile | undefined, b: ModelFile | undefined): boolean =>
  a !== undefined && b !== undefined && a.content === b.content && a.isExecutable === b.isExecutable;
const keyOf = (files: Files): string =>
  JSON.stringify([...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, file]) => [path, file.content, file.isExecutable]));

function readFiles(root: string): Map<string, ModelFile> {
  const found = new Map<string, ModelFile>();
  for (const entry of fs.readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = `${entry.parentPath}/${entry.name}`;
    found.set(file.slice(root.length + 1), {
      content: fs.readFileSync(file, "latin1"),
      isExecutable: (fs.statSync(file).mode & 0o100) !== 0,
    });
  }
  return found;
}

function writeFile(box: Sandbox, path: string, file: ModelFile): void {
  const place = box.at("project/data", path);
  fs.mkdirSync(place.slice(0, place.lastIndexOf("/")), { recursive: true });
  fs.rmSync(place, { force: true });
  fs.writeFileSync(place, file.content, "latin1");
  fs.chmodSync(place, file.isExecutable ? 0o755 : 0o644);
}

function expectAgreement(model: Model, { box }: Real): void {
  expect(keyOf(readFiles(box.at("project/data")))).toBe(keyOf(model.files));
}

/** Makes a command of a name, what it needs, and what it does to the model and the real thing. */
function command(name: string, check: (model: Model) => boolean, run: (model: Model, real: Real) => void): fc.AsyncCommand<Model, Real> {
  return {
    check,
    run: async (model, real) => {
      run(model, real);
      expectAgreement(model, real);
    },
    toString: () => name,
  };
}

const write = (path: string, content: string, isExecutable: boolean): fc.AsyncCommand<Model, Real> =>
  command(
    `write ${path} (${content.length} bytes${isExecutable ? ", executable" : ""})`,
    () => true,
    (model, { box }) => {
      model.files.set(path, { content, isExecutable });
      writeFile(box, path, { content, isExecutable });
    },
  );

const remove = (path: string): fc.AsyncCommand<Model, Real> =>
  command(
    `delete ${path}`,
    (model) => model.files.has(path) && model.files.size > 1,
    (model, { box }) => {
      model.files.delete(path);
      fs.rmSync(box.at("project/data", path));
    },
  );

const rename = (from: string, to: string): fc.AsyncCommand<Model, Real> =>
  command(
    `rename ${from} to ${to}`,
    (model) => model.files.has(from) && from !== to,
    (model, { box }) => {
      const file = model.files.get(from) as ModelFile;
      model.files.delete(from);
      model.files.set(to, file);
      const place = box.at("project/data", to);
      fs.mkdirSync(place.slice(0, place.lastIndexOf("/")), { recursive: true });
      fs.renameSync(box.at("project/data", from), place);
    },
  );

const chmod = (path: string): fc.AsyncCommand<Model, Real> =>
  command(
    `chmod ${path}`,
    (model) => model.files.has(path),
    (model, { box }) => {
      const file = model.files.get(path) as ModelFile;
      model.files.set(path, { ...file, isExecutable: !file.isExecutable });
      fs.chmodSync(box.at("project/data", path), file.isExecutable ? 0o644 : 0o755);
    },
  );

const add = command(
  "mlv add -u",
  () => true,
  (model, { box }) => {
    const result = box.run(["add", "-u"], { cwd: "project" });
    if (keyOf(model.pointer) !== keyOf(model.base)) {
      // Out of date, or edited here and changed by Git: either way nothing is recorded.
      expect(result.status).toBe(3);
      expect(box.git("project", "status", "--short")).toBe("");
      return;
    }
    expect(result).toMatchObject({ status: 0 });
    const next = new Map(model.files);
    // What is neither here nor ever was stays in the version.
    for (const [path, file] of model.pointer) if (!next.has(path) && !model.known.has(path)) next.set(path, file);
    model.pointer = next;
    model.base = next;
    model.known = new Map(model.files);
  },
);

const commit = command(
  "git commit",
  (model) => keyOf(model.pointer) !== keyOf(model.commits[model.head] as Files),
  (model, { box, commits }) => {
    commits.push(box.commit("project", `commit ${commits.length}`));
    model.commits.push(model.pointer);
    model.head = model.commits.length - 1;
  },
);

const gitCheckout = (pick: number): fc.AsyncCommand<Model, Real> =>
  command(
    `git checkout #${pick}`,
    (model) => keyOf(model.pointer) === keyOf(model.commits[model.head] as Files),
    (model, { box, commits }) => {
      model.head = pick % model.commits.length;
      model.pointer = model.commits[model.head] as Files;
      box.git("project", "checkout", "--quiet", commits[model.head] as string);
    },
  );

const checkout = command(
  "mlv checkout",
  () => true,
  (model, { box }) => {
    const kept: string[] = [];
    const known: Model["known"] = new Map();
    const mayReplace = (path: string): boolean =>
      model.known.get(path)?.isEdited !== true && isSame(model.files.get(path), model.known.get(path));
    for (const [path, file] of model.pointer) {
      const here = model.files.get(path);
      if (here === undefined || isSame(here, file) || mayReplace(path)) {
        model.files.set(path, file);
        known.set(path, file);
      } else {
        kept.push(path);
        if (model.known.has(path)) known.set(path, { ...here, isEdited: true });
      }
    }
    for (const path of model.known.keys()) {
      if (model.pointer.has(path) || !model.files.has(path)) continue;
      if (mayReplace(path)) model.files.delete(path);
      else kept.push(path);
    }
    model.known = known;
    model.base = model.pointer;
    const result = box.run(["checkout"], { cwd: "project" });
    expect({ status: result.status, stderr: kept.length === 0 ? result.stderr : "" }).toEqual({
      status: kept.length === 0 ? 0 : 3,
      stderr: "",
    });
    for (const path of kept) expect(result.stderr).toContain(`left alone, edited here: data/${path}`);
  },
);

const status = command(
  "mlv status",
  () => true,
  (model, { box }) => {
    const result = JSON.parse(box.mlv("project", ["status", "--json"]).stdout) as {
      targets: { isOutOfDate: boolean; changes: { path: string }[] }[];
    };
    expect(result.targets[0]?.isOutOfDate).toBe(keyOf(model.pointer) !== keyOf(model.base));
    const changed = new Set([
      ...[...model.files].filter(([path, file]) => !isSame(file, model.base.get(path))).map(([path]) => path),
      ...[...model.known.keys()].filter((path) => !model.files.has(path)),
    ]);
    const shown = new Set(
      result.targets[0]?.changes.flatMap((change) => ("from" in change ? [change.path, String(change.from)] : [change.path])),
    );
    expect([...shown].sort()).toEqual([...changed].sort());
  },
);

const push = command(
  "mlv push",
  () => true,
  (model, { box }) => {
    box.mlv("project", ["push"]);
    model.pushed.add(keyOf(model.pointer));
    model.pushed.add(keyOf(model.commits[model.head] as Files));
  },
);

const pullInClone = (pick: number): fc.AsyncCommand<Model, Real> =>
  command(
    `pull of #${pick} in the clone`,
    () => true,
    (model, { box, commits }) => {
      const wanted = pick % model.commits.length;
      const version = model.commits[wanted] as Files;
      box.git("clone", "fetch", "--quiet", "origin", commits[wanted] as string);
      box.git("clone", "checkout", "--quiet", commits[wanted] as string);
      const isThere = model.pushed.has(keyOf(version)) || keyOf(version) === keyOf(model.clone);
      const result = box.run(["pull"], { cwd: "clone" });
      if (isThere) model.clone = version;
      expect({ status: result.status, ...(isThere ? { stderr: result.stderr } : {}) }).toEqual(
        isThere ? { status: 0, stderr: "" } : { status: 3 },
      );
      expect(keyOf(readFiles(box.at("clone/data")))).toBe(keyOf(model.clone));
    },
  );

const anyPath = fc.constantFrom(...PATHS);
const commands = fc.commands(
  [
    fc.tuple(anyPath, fc.constantFrom(...CONTENTS), fc.boolean()).map(([path, content, exec]) => write(path, content, exec)),
    anyPath.map(remove),
    fc.tuple(anyPath, anyPath).map(([from, to]) => rename(from, to)),
    anyPath.map(chmod),
    fc.constant(add),
    fc.constant(commit),
    fc.nat(9).map(gitCheckout),
    fc.constant(checkout),
    fc.constant(status),
    fc.constant(push),
    fc.nat(9).map(pullInClone),
  ],
  { maxCommands: 40, size: "max" },
);

function setup(): { model: Model; real: Real } {
  const box = makeSandbox();
  const file = { content: "x1", isExecutable: false };
  box.makeRepository("project", { remote: "storage" });
  writeFile(box, "a", file);
  box.mlv("project", ["add", "data"]);
  const commits = [box.commit("project", "first")];
  box.mlv("project", ["push"]);
  box.clone("project", "clone");
  box.mlv("clone", ["pull"]);
  const version = new Map([["a", file]]);
  const model: Model = {
    files: new Map(version),
    known: new Map(version),
    base: version,
    pointer: version,
    commits: [version],
    head: 0,
    pushed: new Set([keyOf(version)]),
    clone: version,
  };
  return { model, real: { box, commits } };
}

describe("any sequence of edits, commits, checkouts, pushes and pulls", () => {
  test(`agrees with a model in memory (seed ${seed})`, { timeout: 3_600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(commands, (sequence) => fc.asyncModelRun(setup, sequence)),
      { seed, numRuns, endOnFailure: process.env["MLV_MODEL_SHRINK"] === undefined },
    );
  });
});
