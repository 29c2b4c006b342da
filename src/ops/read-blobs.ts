import { throwIfAborted } from "../base/concurrency.ts";
import type { Pointer } from "../formats/pointer.ts";
import type { CatFile } from "../git/cat-file.ts";
import type { ChangedPointer } from "../git/changes.ts";
import { parsePointerQuietly } from "./history.ts";

const READ_AT_ONCE = 1000;

/** Returns the blobs of both sides of a change. */
export function blobsOf({ oldOid, newOid }: ChangedPointer): string[] {
  return [oldOid, newOid].filter((oid) => oid !== undefined);
}

/** Reads pointers by the name of their blob, each once; broken ones are left out. */
export async function readPointers(
  catFile: CatFile,
  oids: Iterable<string>,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, Pointer>> {
  const wanted = [...new Set(oids)];
  const pointers = new Map<string, Pointer>();
  for (let at = 0; at < wanted.length; at += READ_AT_ONCE) {
    throwIfAborted(signal);
    const objects = await Promise.all(wanted.slice(at, at + READ_AT_ONCE).map((oid) => catFile.read(oid)));
    for (const object of objects) {
      const pointer = object === undefined ? undefined : parsePointerQuietly(object.content, object.oid);
      if (object !== undefined && pointer !== undefined) pointers.set(object.oid, pointer);
    }
  }
  return pointers;
}
