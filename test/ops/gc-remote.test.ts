import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { gcRemote } from "../../src/ops/gc-remote.ts";
import { verify } from "../../src/ops/verify.ts";
import { cloneProject, createProject, filesUnder, noise, pullAll, type Project } from "./project.ts";

const DAY = 24 * 60 * 60 * 1000;
const DRY = { repositories: [], isConfirmed: false };

function dropHistory(project: Project): void {
  const orphan = project.git("commit-tree", "HEAD^{tree}", "-m", "only this");
  project.git("reset", "-q", "--soft", orphan);
  project.git("reflog", "expire", "--expire=all", "--all");
  fs.rmSync(path.join(project.root, ".git/ORIG_HEAD"), { force: true });
}

async function makeProject(): Promise<Project & { readonly remote: string }> {
  const project = await createProject();
  for (const [message, seed] of [
    ["one", 1],
    ["two", 2],
  ] as const) {
    project.write("big.bin", noise(seed, 9 * 1024 * 1024));
    for (let index = 0; index < 10; index++) project.write(`set/${index}.bin`, noise(seed * 100 + (index < 5 ? 0 : index), 5000));
    await project.record(message, "big.bin", "set");
    await project.push();
  }
  return project;
}

/** Pins are younger than the grace period for as long as the pushes are; without them the test can look at marks alone. */
function dropPins(project: { readonly remote: string }): void {
  fs.rmSync(path.join(project.remote, "pins"), { recursive: true, force: true });
}

test("nothing that history, or a young pin, names is marked", async () => {
  const project = await makeProject();
  expect((await gcRemote(project.context, DRY)).items).toEqual([]);
  dropHistory(project);
  const pinned = await gcRemote(project.context, DRY);
  expect(pinned.items).toEqual([]);
  expect(pinned.pins).toBeGreaterThan(0);
  // Old pins hold on to nothing.
  expect((await gcRemote(project.context, { ...DRY, now: Date.now() + 15 * DAY })).markedBlobs).toBeGreaterThan(0);
});

test("what nothing names is marked, waits out the grace period, and only then goes, leaving every needed version whole", async () => {
  const project = await makeProject();
  dropHistory(project);
  dropPins(project);
  const before = filesUnder(project.remote);
  const dry = await gcRemote(project.context, DRY);
  expect(dry.items.map((item) => item.action)).toContain("mark");
  expect(filesUnder(project.remote)).toEqual(before);

  const marked = await gcRemote(project.context, { ...DRY, isConfirmed: true });
  expect(marked.markedBlobs).toBe(dry.markedBlobs);
  const early = await gcRemote(project.context, { ...DRY, isConfirmed: true, now: Date.now() + 13 * DAY });
  expect(early).toMatchObject({ deletedBlobs: 0, waitingBlobs: dry.markedBlobs });
  const late = await gcRemote(project.context, { ...DRY, isConfirmed: true, now: Date.now() + 15 * DAY });
  expect(late).toMatchObject({ deletedBlobs: dry.markedBlobs, waitingBlobs: 0, markedBlobs: 0 });
  expect(late.deletedBytes).toBeGreaterThan(9 * 1024 * 1024);
  expect(filesUnder(path.join(project.remote, "gc"))).toEqual([]);
  expect(await verify(project.context, { paths: [], cache: false, workspace: false, remote: "full", repair: false })).toMatchObject({
    damaged: 0,
  });
  const clone = cloneProject(project);
  await pullAll(clone);
  expect(fs.readFileSync(path.join(clone.root, "big.bin")).equals(noise(2, 9 * 1024 * 1024))).toBe(true);
  expect(fs.readFileSync(path.join(clone.root, "set/2.bin")).equals(noise(200, 5000))).toBe(true);
});

test("what another repository names is kept, and what is named again loses its mark", async () => {
  const project = await makeProject();
  const other = cloneProject(project);
  dropHistory(project);
  dropPins(project);
  expect((await gcRemote(project.context, { ...DRY, repositories: [other.root] })).items).toEqual([]);
  const marked = await gcRemote(project.context, { ...DRY, isConfirmed: true });
  expect(marked.markedBlobs).toBeGreaterThan(0);
  const later = await gcRemote(project.context, { repositories: [other.root], isConfirmed: true, now: Date.now() + 15 * DAY });
  expect(later).toMatchObject({ deletedBlobs: 0, unmarkedBlobs: marked.markedBlobs });
  expect(filesUnder(path.join(project.remote, "gc"))).toEqual([]);
  await expect(gcRemote(project.context, { ...DRY, repositories: ["/nowhere/at/all"], isConfirmed: true })).rejects.toMatchObject({
    code: "path-not-found",
  });
});

test("an unfinished push, and a needed recipe that cannot be read, keep everything from being deleted", async () => {
  const project = await makeProject();
  dropHistory(project);
  dropPins(project);
  await gcRemote(project.context, { ...DRY, isConfirmed: true });
  fs.mkdirSync(path.join(project.remote, "pins"));
  const pin = path.join(project.remote, "pins/2026-01-01-0123456789abcdef");
  fs.writeFileSync(pin, `${JSON.stringify({ mlv: 1, versions: ["ab".repeat(32)], blobs: [] })}\n`);
  const soon = new Date(Date.now() + 15 * DAY);
  fs.utimesSync(pin, soon, soon);
  const waiting = await gcRemote(project.context, { ...DRY, isConfirmed: true, now: soon.getTime() });
  expect(waiting.deletedBlobs).toBe(0);
  expect(waiting.waitingBlobs).toBeGreaterThan(0);
  fs.rmSync(pin);
  const needed = JSON.parse(project.read("big.bin.mlv")) as { readonly sha256: string };
  fs.writeFileSync(path.join(project.remote, "recipes", needed.sha256.slice(0, 2), needed.sha256), "{}\n");
  const before = filesUnder(project.remote);
  await expect(gcRemote(project.context, { ...DRY, isConfirmed: true, now: soon.getTime() })).rejects.toMatchObject({
    code: "remote-corrupt",
  });
  expect(filesUnder(project.remote)).toEqual(before);
});
