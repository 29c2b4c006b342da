import * as fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import type { AbsolutePath } from "../../src/base/ids.ts";
import { FolderRemote } from "../../src/remotes/folder/folder-remote.ts";
import { MemoryRemote } from "../../src/remotes/memory/memory-remote.ts";
import { createRequestMeter } from "../../src/remotes/request-meter.ts";
import { withBandwidthLimit } from "../../src/remotes/wrappers/bandwidth.ts";
import { withCounting } from "../../src/remotes/wrappers/counting.ts";
import { withFailures } from "../../src/remotes/wrappers/failing.ts";
import { withIdleTimeout } from "../../src/remotes/wrappers/idle.ts";
import { withConcurrencyLimit } from "../../src/remotes/wrappers/limit.ts";
import { withRetry } from "../../src/remotes/wrappers/retry.ts";
import { withDelay } from "../../src/remotes/wrappers/slow.ts";
import { describeRemote } from "./contract.ts";
import { failureOf, hashOf, listAll, readAll, someBytes, source } from "./helpers.ts";

function makeFolder(): { readonly root: AbsolutePath; remove(): void } {
  const base = fs.mkdtempSync(path.join(os.tmpdir(), "mlv-folder-"));
  return {
    root: path.join(base, "remote") as AbsolutePath,
    remove: () => fs.rmSync(base, { recursive: true, force: true }),
  };
}

describeRemote("a folder", async () => {
  const { root, remove } = makeFolder();
  const litter = async (): Promise<number> => fs.readdirSync(path.join(root, "tmp")).length;
  return { remote: new FolderRemote(root), litter, close: async () => remove() };
});
describeRemote("memory", async () => ({ remote: new MemoryRemote() }));
describeRemote("memory behind every wrapper, none of them with a fault to add", async () => {
  const inner = withDelay(
    withFailures(new MemoryRemote(), () => undefined),
    0,
  );
  const limited = withBandwidthLimit(
    withConcurrencyLimit(withIdleTimeout(withCounting(inner, createRequestMeter()), 60_000), { limit: 4 }),
    {
      bytesPerSecond: undefined,
    },
  );
  return { remote: withRetry(limited) };
});

test("a folder put leaves a read-only file under its key and no temp file", async () => {
  const { root, remove } = makeFolder();
  const remote = new FolderRemote(root);
  await remote.put("objects/ab/x", source(someBytes(3_000_000)));
  const mode = fs.statSync(path.join(root, "objects/ab/x")).mode & 0o777;
  expect({ mode: mode.toString(8), temp: fs.readdirSync(path.join(root, "tmp")) }).toEqual({
    mode: (0o444 & ~process.umask()).toString(8),
    temp: [],
  });
  remove();
});

test("a folder put of a file copies it whole, checks its hash, and refuses one that changed its size", async () => {
  const { root, remove } = makeFolder();
  const file = `${root}-source`;
  const data = someBytes(5_000_001);
  fs.writeFileSync(file, data);
  const remote = new FolderRemote(root);
  const fromFile = { ...source(data), path: file };
  expect((await remote.put("objects/ab/x", fromFile, { sha256: hashOf(data) })).created).toBe(true);
  expect(hashOf(fs.readFileSync(path.join(root, "objects/ab/x")))).toBe(hashOf(data));
  expect(await failureOf(remote.put("objects/ab/y", fromFile, { sha256: hashOf(Buffer.from("other")) }))).toMatchObject({
    reason: "corrupt",
  });
  expect(await failureOf(remote.put("objects/ab/y", { ...fromFile, size: data.length - 1 }))).toMatchObject({ reason: "corrupt" });
  expect(await remote.stat("objects/ab/y")).toBeUndefined();
  remove();
});

test("a folder remote whose disk is gone says so instead of looking empty", async () => {
  const remote = new FolderRemote("/nowhere/mounted/store" as AbsolutePath);
  const calls = [
    () => remote.stat("a/b"),
    () => remote.get("a/b"),
    () => remote.put("a/b", source(Buffer.from("x"))),
    () => listAll(remote, ""),
  ];
  for (const call of calls) {
    expect(await failureOf(call())).toMatchObject({
      code: "remote-misconfigured",
      message: expect.stringContaining("/nowhere/mounted"),
    });
  }
  expect(fs.existsSync("/nowhere")).toBe(false);
});

test("a folder's temp files of a writer that died are swept, and a younger one is left alone", async () => {
  const { root, remove } = makeFolder();
  const remote = new FolderRemote(root);
  await remote.put("objects/ab/x", source(Buffer.from("x")));
  const old = path.join(root, "tmp", "put-999999999-0123456789abcdef");
  const young = path.join(root, "tmp", "put-999999998-0123456789abcdef");
  fs.writeFileSync(old, "half");
  fs.utimesSync(old, new Date(1000), new Date(1000));
  fs.writeFileSync(young, "half");
  expect(await remote.removeUnfinishedUploads(Date.now() - 60_000)).toBe(1);
  expect(fs.readdirSync(path.join(root, "tmp"))).toEqual([path.basename(young)]);
  expect(String(await readAll(remote, "objects/ab/x"))).toBe("x");
  remove();
});

test("a lock left by a process that died is taken over", async () => {
  const { root, remove } = makeFolder();
  const remote = new FolderRemote(root);
  const { etag } = await remote.put("recipes/ab/x", source(Buffer.from("1")));
  const name = `lock-${hashOf(Buffer.from("recipes/ab/x")).slice(0, 32)}`;
  fs.writeFileSync(path.join(root, "tmp", name), JSON.stringify({ host: os.hostname(), pid: 999_999_999 }));
  await remote.replace("recipes/ab/x", source(Buffer.from("2")), { ifMatch: etag });
  expect(String(await readAll(remote, "recipes/ab/x"))).toBe("2");
  remove();
});
