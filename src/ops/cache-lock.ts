/**
 * Lets a gc that deletes wait for commands that are using the same cache, and those for it.
 *
 * Each leaves a note in the cache's temp folder, `use-<process>-…` or `gc-<process>-…`, and looks for notes of the other kind only after its
 * own is there: so of two that begin at once, one sees the other. Notes of processes that are gone are swept; that a process of another
 * machine, which shares the cache, is alive is seen by its touching its note every minute. No command needs the lock to be safe: where a
 * note cannot be written, as on a full disk, it goes on without.
 */
import * as fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ownerOf, sweepTempFolder, uniqueName } from "../base/durable.ts";
import { MlvError, systemErrorCode } from "../base/errors.ts";
import type { OperationContext } from "./open-workspace.ts";

const POLL_MS = 50;
const NOTE = /^(use|gc)-\d+-[0-9a-f]{16}$/;
const TOUCH_MS = 60_000;
/** A note of another machine that was not touched for so long is that of a process that died. */
const SILENT_MS = 5 * TOUCH_MS;

interface Note {
  readonly file: string;
  readonly release: ReleaseCache;
}

/** Takes a note away; what it held off goes on. Never throws. */
export type ReleaseCache = () => void;

/** Waits until no gc deletes from the cache, and holds the next one off. Throws `locked` where the caller must not wait. */
export async function useCache(tempFolder: string, context: OperationContext): Promise<ReleaseCache> {
  const wait = createWait(context, "a gc that deletes from the cache");
  for (;;) {
    const { file, release } = leaveNote(tempFolder, "use");
    const other = findNote(tempFolder, "gc", file);
    if (other === undefined) return release;
    release();
    await wait(other);
  }
}

/** Waits until no other command uses the cache, and holds all of them off. Throws `locked` where the caller must not wait. */
export async function lockCache(tempFolder: string, context: OperationContext): Promise<ReleaseCache> {
  const waitForGc = createWait(context, "another gc");
  const waitForUse = createWait(context, "a command that uses the cache");
  for (;;) {
    const { file, release } = leaveNote(tempFolder, "gc");
    try {
      const other = findNote(tempFolder, "gc", file);
      if (other === undefined) {
        for (let user = findNote(tempFolder, "use", file); user !== undefined; user = findNote(tempFolder, "use", file))
          await waitForUse(user);
        return release;
      }
      // The older process goes first: both backing off could go on for ever.
      if (other < process.pid) release();
      await waitForGc(other);
    } catch (error) {
      release();
      throw error;
    }
    release();
  }
}

/** Returns what says once on stderr who is waited for, and comes back a moment later. */
function createWait(context: OperationContext, what: string): (process: number) => Promise<void> {
  let isSaid = false;
  return async (holder) => {
    if (context.noWait === true) {
      throw new MlvError("locked", `${what} is running (process ${holder})`, {
        hint: "wait for it to end, then run the command again; without `--no-wait` mlv waits",
        details: { process: holder },
      });
    }
    if (!isSaid) {
      context.onEvent({
        type: "notice",
        level: "info",
        message: `waiting for ${what} (process ${holder})`,
        hint: "`--no-wait` fails instead",
      });
    }
    isSaid = true;
    await sleep(POLL_MS, undefined, { signal: context.signal });
  };
}

function leaveNote(tempFolder: string, kind: "use" | "gc"): Note {
  const file = path.join(tempFolder, uniqueName(kind));
  const touch = (): void => {
    try {
      // Written, not given a time: the clock that counts is that of the disk they share.
      fs.writeFileSync(file, ".");
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error;
    }
  };
  touch();
  const touching = setInterval(touch, TOUCH_MS);
  touching.unref();
  const release = (): void => {
    clearInterval(touching);
    try {
      fs.rmSync(file, { force: true });
    } catch {
      // The next command sweeps it once this process is gone.
    }
  };
  return { file, release };
}

/** Returns the process of a note that another living process left; `own` is a note that was touched just now. */
function findNote(tempFolder: string, kind: "use" | "gc", own: string): number | undefined {
  sweepTempFolder(tempFolder, Date.now());
  for (const name of readNames(tempFolder)) {
    const owner = ownerOf(name);
    if (owner === undefined || NOTE.exec(name)?.[1] !== kind) continue;
    if (owner.isOfThisMachine ? owner.pid !== process.pid : !isSilent(path.join(tempFolder, name), own)) return owner.pid;
  }
  return undefined;
}

function isSilent(note: string, own: string): boolean {
  const touched = fs.statSync(note, { throwIfNoEntry: false })?.mtimeMs;
  const now = fs.statSync(own, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
  return touched === undefined || now - touched > SILENT_MS;
}

function readNames(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}
