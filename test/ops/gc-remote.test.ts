import * as fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { gcRemote } from "../../src/ops/gc-remote.ts";
import { verify } from "../../src/ops/verify.ts";
import { listUnfinished } from "../remotes/unfinished.ts";
import { BACKENDS, openPlace, type Place, type StoredProject } from "./buckets.ts";
import { noise, pullAll, type Project } from "./project.ts";

const DAY = 24 * 60 * 60 * 1000;
const MIB = 1024 * 1024;
const DRY = { repositories: [], isConfirmed: false };
const DO = { ...DRY, isConfirmed: true };

function dropHistory(project: Project): void {
  const orphan = project.git("commit-tree", "HEAD^{tree}", "-m", "only this");
  project.git("reset", "-q", "--soft", orphan);
  project.git("reflog", "expire", "--expire=all", "--all");
  fs.rmSync(path.join(project.root, ".git/ORIG_HEAD"), { force: true });
}

describe.each(BACKENDS)("a remote gc on %s", (backend) => {
  let place: Place;

  beforeAll(async () => {
    place = await openPlace(backend);
  });
  afterAll(() => place?.close());

  async function makeProject(): Promise<StoredProject> {
    const project = await place.createProject();
    for (const [message, seed] of [
      ["one", 1],
      ["two", 2],
    ] as const) {
      project.write("big.bin", noise(seed, 9 * MIB));
      for (let index = 0; index < 10; index++) project.write(`set/${index}.bin`, noise(seed * 100 + (index < 5 ? 0 : index), 5000));
      await project.record(message, "big.bin", "set");
      await project.push();
    }
    return project;
  }

  test("marks nothing that history, or a young pin, names", async () => {
    const project = await makeProject();
    expect((await gcRemote(project.context, DRY)).items).toEqual([]);
    dropHistory(project);
    const pinned = await gcRemote(project.context, DRY);
    expect(pinned.items).toEqual([]);
    expect(pinned.pins).toBeGreaterThan(0);
    // Old pins hold on to nothing.
    expect((await gcRemote(project.context, { ...DRY, now: Date.now() + 15 * DAY })).markedBlobs).toBeGreaterThan(0);
  });

  test("marks what nothing names, waits out the grace period, and only then deletes it, leaving every needed version whole", async () => {
    const project = await makeProject();
    dropHistory(project);
    // Pins are younger than the grace period for as long as the pushes are; without them the test can look at marks alone.
    await project.drop("pins/");
    const before = await project.keys();
    const dry = await gcRemote(project.context, DRY);
    expect(dry.items.map((item) => item.action)).toContain("mark");
    expect(await project.keys()).toEqual(before);

    const marked = await gcRemote(project.context, DO);
    expect(marked.markedBlobs).toBe(dry.markedBlobs);
    const early = await gcRemote(project.context, { ...DO, now: Date.now() + 13 * DAY });
    expect(early).toMatchObject({ deletedBlobs: 0, waitingBlobs: dry.markedBlobs });
    const late = await gcRemote(project.context, { ...DO, now: Date.now() + 15 * DAY });
    expect(late).toMatchObject({ deletedBlobs: dry.markedBlobs, waitingBlobs: 0, markedBlobs: 0 });
    expect(late.deletedBytes).toBeGreaterThan(9 * MIB);
    expect(await project.keys("gc/")).toEqual([]);
    expect(await project.keys()).toEqual(before.filter((key) => !late.items.some((item) => item.key === key)));
    expect(await verify(project.context, { paths: [], cache: false, workspace: false, remote: "full", repair: false })).toMatchObject({
      damaged: 0,
    });
    const clone = project.clone();
    await pullAll(clone);
    expect(fs.readFileSync(path.join(clone.root, "big.bin")).equals(noise(2, 9 * MIB))).toBe(true);
    expect(fs.readFileSync(path.join(clone.root, "set/2.bin")).equals(noise(200, 5000))).toBe(true);
  });

  test("keeps what another repository names, and takes the mark from what is named again", async () => {
    const project = await makeProject();
    const other = project.clone();
    dropHistory(project);
    await project.drop("pins/");
    expect((await gcRemote(project.context, { ...DRY, repositories: [other.root] })).items).toEqual([]);
    const marked = await gcRemote(project.context, DO);
    expect(marked.markedBlobs).toBeGreaterThan(0);
    const later = await gcRemote(project.context, { ...DO, repositories: [other.root], now: Date.now() + 15 * DAY });
    expect(later).toMatchObject({ deletedBlobs: 0, unmarkedBlobs: marked.markedBlobs });
    expect(await project.keys("gc/")).toEqual([]);
    await expect(gcRemote(project.context, { ...DO, repositories: ["/nowhere/at/all"] })).rejects.toMatchObject({ code: "path-not-found" });
  });

  test("lets a push upload under another name what is marked, so that the late deletion takes nothing that is needed", async () => {
    const project = await makeProject();
    project.git("branch", "again", "HEAD~1");
    const again = project.clone();
    again.git("checkout", "-q", "-b", "again", "origin/again");
    await pullAll(again);
    project.git("branch", "-D", "again");
    dropHistory(project);
    await project.drop("pins/");
    await gcRemote(project.context, { ...DO, now: Date.now() - 15 * DAY });
    await again.push();
    // The gc knows of the clone only by its pin. What it deletes now, that push has sent again under fresh names.
    expect((await gcRemote(project.context, DO)).deletedBlobs).toBeGreaterThan(0);
    const check = again.git("rev-parse", "HEAD");
    const clone = project.clone();
    clone.git("fetch", "-q", again.root, check);
    clone.git("checkout", "-q", check);
    await pullAll(clone);
    expect(fs.readFileSync(path.join(clone.root, "big.bin")).equals(noise(1, 9 * MIB))).toBe(true);
  });

  test("deletes nothing while a push is unfinished, or while a needed recipe cannot be read", async () => {
    const project = await makeProject();
    dropHistory(project);
    await project.drop("pins/");
    await gcRemote(project.context, { ...DO, now: Date.now() - 15 * DAY });
    const pin = "pins/2026-01-01-0123456789abcdef";
    await project.place(pin, `${JSON.stringify({ mlv: 1, versions: ["ab".repeat(32)], blobs: [] })}\n`);
    const waiting = await gcRemote(project.context, DO);
    expect(waiting.deletedBlobs).toBe(0);
    expect(waiting.waitingBlobs).toBeGreaterThan(0);
    await project.drop(pin);
    const needed = JSON.parse(project.read("big.bin.mlv")) as { readonly sha256: string };
    const head = `recipes/${needed.sha256.slice(0, 2)}/${needed.sha256}`;
    await project.drop(head);
    await project.place(head, "{}\n");
    const before = await project.keys();
    await expect(gcRemote(project.context, DO)).rejects.toMatchObject({ code: "remote-corrupt" });
    expect(await project.keys()).toEqual(before);
  });

  test("removes uploads that were begun and never finished, once they are older than the grace period", async () => {
    const project = await place.createProject(backend === "folder" ? {} : { "part-size": "5MiB", concurrency: "1" });
    project.write("small.txt", "small\n");
    await project.record("small", "small.txt");
    await project.push();
    const controller = new AbortController();
    const stop = new Error("stopped");
    const data = noise(7, 16 * MIB);
    const source = {
      size: data.length,
      async *open(range = { offset: 0, length: data.length }): AsyncGenerator<Uint8Array> {
        for (let at = range.offset; at < range.offset + range.length; at += MIB)
          yield data.subarray(at, Math.min(at + MIB, range.offset + range.length));
        if (range.offset > 0 || backend === "folder") controller.abort(stop);
      },
    };
    await expect(project.remote.put("objects/ab/unfinished", source, { signal: controller.signal })).rejects.toBe(stop);
    expect(await project.keys("objects/")).toEqual([]);
    // A folder cleans up behind itself, and Azure drops by itself, after a week, what nobody committed.
    const { unfinishedUploads } = project.remote.capabilities;
    const isThere = unfinishedUploads && backend !== "folder";
    expect(await gcRemote(project.context, DO)).toMatchObject({ abortedUploads: 0 });
    expect(await gcRemote(project.context, { ...DO, now: Date.now() + 15 * DAY })).toMatchObject({ abortedUploads: isThere ? 1 : 0 });
    if (place.server !== undefined && isThere) expect(await listUnfinished(place.server)).toEqual([]);
    await pullAll(project.clone());
  });
});
