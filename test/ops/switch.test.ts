import * as fs from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkoutSelections, type CheckoutResult } from "../../src/ops/checkout.ts";
import { withWorkspace } from "../../src/ops/open-workspace.ts";
import { status } from "../../src/ops/status.ts";
import { selectTargets } from "../../src/ops/targets.ts";
import { createProject, filesUnder, type Project } from "./project.ts";

interface Checked {
  readonly results: readonly CheckoutResult[];
  /** How many roots and leaves of lists, and small files, were read from the cache. */
  readonly reads: number;
}

async function checkoutCounting(project: Project, force = false): Promise<Checked> {
  return withWorkspace(project.context, async (workspace) => {
    const { cache } = workspace;
    const read = cache.readSmall.bind(cache);
    let reads = 0;
    cache.readSmall = (hash) => {
      reads += 1;
      return read(hash);
    };
    const results = await checkoutSelections(workspace, await selectTargets(workspace, []), { force, dryRun: false });
    return { results, reads };
  });
}

function contentsOf(project: Project): Record<string, string> {
  return Object.fromEntries(filesUnder(path.join(project.root, "data")).map((file) => [file, project.read(`data/${file}`)]));
}

test("a checkout of a version that differs in one file opens the leaves that differ and not the others", async () => {
  const project = await createProject();
  const longName = "name".repeat(50);
  for (let index = 0; index < 3000; index++) project.write(`data/f${index % 50}/${longName}${index}`, String(index));
  const first = await project.record("one", "data");
  const before = contentsOf(project);
  project.write(`data/f7/${longName}2007`, "edited");
  const second = await project.record("two", "data");
  const after = contentsOf(project);

  for (const [commit, wanted] of [
    [first, before],
    [second, after],
    [first, before],
  ] as const) {
    project.git("checkout", "-q", commit);
    const { results, reads } = await checkoutCounting(project);
    expect(results).toMatchObject([{ written: 1, removed: 0, kept: [], missing: [] }]);
    // Roots, two leaves, and one more where a file as young as its record is looked up: the lists have more than twelve leaves.
    expect(reads).toBeLessThanOrEqual(6);
    expect(contentsOf(project)).toEqual(wanted);
    const { targets } = await status(project.context, { paths: [] });
    expect(targets).toMatchObject([{ changes: [], isOutOfDate: false, notHere: 0, notCached: 0 }]);
  }
  expect((await checkoutCounting(project)).reads).toBeLessThanOrEqual(1);
});

test("a file that was deleted or edited here is found beside what differs, and no other is opened", async () => {
  const project = await createProject();
  for (let index = 0; index < 3000; index++) project.write(`data/f${index % 30}/${index}`, String(index));
  const first = await project.record("one", "data");
  project.write("data/f7/7", "edited");
  fs.rmSync(path.join(project.root, "data/f8/8"));
  await project.record("two", "data");
  fs.rmSync(path.join(project.root, "data/f9/9"));
  project.write("data/f10/10", "mine");
  project.write("data/f11/new", "new");
  project.git("checkout", "-q", first);
  const { results } = await checkoutCounting(project);
  expect(results).toMatchObject([{ written: 3, removed: 0, kept: ["data/f10/10"], missing: [] }]);
  expect(project.read("data/f7/7")).toBe("7");
  expect(project.read("data/f8/8")).toBe("8");
  expect(project.read("data/f9/9")).toBe("9");
  expect(project.read("data/f10/10")).toBe("mine");
  const { targets } = await status(project.context, { paths: [] });
  expect(targets[0]?.changes).toMatchObject([
    { path: "f10/10", kind: "modified" },
    { path: "f11/new", kind: "new" },
  ]);
  const forced = await checkoutCounting(project, true);
  expect(forced.results).toMatchObject([{ written: 1, kept: [], saved: [{ path: "data/f10/10" }] }]);
  expect(project.read("data/f10/10")).toBe("10");
});

const names = fc.constantFrom("a", "b", "c/a", "c/b", "c/d/a", "c/d/b", "c-d", "ä", "e", "z/y/x");
const trees = fc.dictionary(names, fc.constantFrom("1", "2", "3"), { minKeys: 1, maxKeys: 10 });
const edits = fc.dictionary(names, fc.constantFrom("gone", "1", "2", "mine"), { maxKeys: 5 });

test("whatever was edited here, a forced checkout gives the wanted version and keeps what it does not know", async () => {
  await fc.assert(
    fc.asyncProperty(trees, trees, edits, async (wanted, other, edited) => {
      const project = await createProject();
      const record = async (tree: Record<string, string>): Promise<string> => {
        fs.rmSync(path.join(project.root, "data"), { recursive: true, force: true });
        for (const [name, content] of Object.entries(tree)) project.write(`data/${name}`, content);
        return project.record("one", "data");
      };
      const first = await record(wanted);
      await record(other);
      for (const [name, content] of Object.entries(edited)) {
        if (content === "gone") fs.rmSync(path.join(project.root, "data", name), { force: true });
        else project.write(`data/${name}`, content);
      }
      const unknown = Object.entries(edited).filter(
        ([name, content]) => content !== "gone" && wanted[name] === undefined && other[name] === undefined,
      );
      project.git("checkout", "-q", first);
      const { results } = await checkoutCounting(project, true);
      expect(results[0]).toMatchObject({ kept: [], missing: [], damaged: [] });
      expect(contentsOf(project)).toEqual({ ...wanted, ...Object.fromEntries(unknown) });
      const { targets } = await status(project.context, { paths: [] });
      expect(targets[0]?.changes.map((change) => [change.path, change.kind])).toEqual(
        unknown.map(([name]) => [name, "new"]).sort(([a = ""], [b = ""]) => Buffer.from(a).compare(Buffer.from(b))),
      );
      expect(targets[0]?.notHere).toBe(0);
    }),
    { numRuns: 25 },
  );
}, 120_000);
