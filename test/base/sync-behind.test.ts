import * as fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { SyncBehind } from "../../src/base/sync-behind.ts";

/** Is a descriptor that nobody has. */
const notOpen = 1_000_000;
const LARGE = 64 * 1024 * 1024;

test("syncing behind the writes ends before `settle` does, and little is not synced at all", async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mlv-sync-"));
  const descriptor = fs.openSync(path.join(folder, "file"), "w");
  try {
    const behind = new SyncBehind(descriptor);
    behind.wrote(1);
    await behind.settle();
    behind.wrote(LARGE);
    behind.wrote(LARGE);
    await behind.settle();
    behind.wrote(1);
    await behind.settle();
  } finally {
    fs.closeSync(descriptor);
    fs.rmSync(folder, { recursive: true });
  }
});

test("a sync that fails is told by every later `settle`, since the kernel tells it only once", async () => {
  const behind = new SyncBehind(notOpen);
  behind.wrote(LARGE);
  await expect(behind.settle()).rejects.toMatchObject({ code: "EBADF" });
  await expect(behind.settle()).rejects.toMatchObject({ code: "EBADF" });
});
