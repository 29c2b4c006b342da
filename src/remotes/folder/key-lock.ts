import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { hostname } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { throwIfAborted } from "../../base/concurrency.ts";
import { systemErrorCode } from "../../base/errors.ts";
import { uniqueName } from "../../base/durable.ts";
import { RemoteError } from "../remote-error.ts";

const WAIT_MS = 30_000;
const STALE_MS = 5 * 60_000;

/**
 * Runs `work` while no other process replaces or removes the same key.
 *
 * The lock is a file of one name per key, made by linking (so it is never seen without its holder inside). One whose holder is a
 * dead process of this machine, or that is five minutes old, is taken over by renaming it away first: of two that try, one succeeds.
 * Throws `unavailable` (retryable) when it stays taken for 30 seconds.
 */
export async function withKeyLock<T>(tempFolder: string, key: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const lock = path.join(tempFolder, `lock-${createHash("sha256").update(key).digest("hex").slice(0, 32)}`);
  const mine = path.join(tempFolder, uniqueName("holder"));
  await fs.writeFile(mine, JSON.stringify({ host: hostname(), pid: process.pid }), { flag: "wx" });
  try {
    await acquire(lock, mine, signal);
    try {
      return await work();
    } finally {
      await fs.rm(lock, { force: true });
    }
  } finally {
    await fs.rm(mine, { force: true });
  }
}

async function acquire(lock: string, mine: string, signal: AbortSignal | undefined): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  for (let waitMs = 2; ; waitMs = Math.min(waitMs * 2, 100)) {
    throwIfAborted(signal);
    if (await tryTake(lock, mine)) return;
    if (await isAbandoned(lock)) await breakLock(lock, mine);
    else if (Date.now() > deadline) throw new RemoteError("unavailable", "another process keeps a blob of the folder remote locked");
    else await sleep(waitMs * (0.5 + Math.random()), undefined, signal === undefined ? {} : { signal }).catch(() => throwIfAborted(signal));
  }
}

async function tryTake(lock: string, mine: string): Promise<boolean> {
  try {
    await fs.link(mine, lock);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    if (!CANNOT_LINK.has(systemErrorCode(error) ?? "")) throw error;
  }
  try {
    await fs.writeFile(lock, await fs.readFile(mine), { flag: "wx" });
    return true;
  } catch (error) {
    if (systemErrorCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** Are the errno of file systems without hard links. */
export const CANNOT_LINK: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EINVAL"]);

async function isAbandoned(lock: string): Promise<boolean> {
  try {
    const [text, stat] = [await fs.readFile(lock, "utf8"), await fs.stat(lock)];
    if (Date.now() - stat.mtimeMs > STALE_MS) return true;
    const holder = JSON.parse(text) as { host?: unknown; pid?: unknown };
    if (holder.host !== hostname() || typeof holder.pid !== "number" || holder.pid === process.pid) return false;
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return systemErrorCode(error) === "ESRCH";
  }
}

/** Moves an abandoned lock aside; looks again at what was moved, and puts it back when it turns out to be a living one. */
async function breakLock(lock: string, mine: string): Promise<void> {
  const aside = `${mine}-broken`;
  try {
    await fs.rename(lock, aside);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return;
    throw error;
  }
  if (!(await isAbandoned(aside))) await fs.link(aside, lock).catch(() => undefined);
  await fs.rm(aside, { force: true });
}
