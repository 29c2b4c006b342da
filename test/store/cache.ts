import * as fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll } from "vitest";
import type { OperationEvent } from "../../src/base/events.ts";
import { Cache } from "../../src/store/cache.ts";

const base = fs.mkdtempSync(path.join(os.tmpdir(), "mlv-cache-"));
afterAll(() => fs.rmSync(base, { recursive: true, force: true }));
let count = 0;

/** Makes an empty folder that is gone after the test file. */
export function freshFolder(): string {
  const folder = path.join(base, String((count += 1)));
  fs.mkdirSync(folder);
  return folder;
}

/** Opens the cache in a folder; `events` hears its warnings. */
export function openCache(folder: string, events: OperationEvent[] = []): Cache {
  return new Cache({ folder, stateFolder: folder, onEvent: (event) => void events.push(event) });
}
