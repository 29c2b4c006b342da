import * as fs from "node:fs";
import path from "node:path";
import { ensureFolder } from "../base/durable.ts";
import { isSha256, type Sha256 } from "../base/ids.ts";
import { formatHead, parseHead, type Head } from "../formats/head.ts";

/** Is a head as it was last read from or written to a remote. */
export interface KnownHead {
  readonly head: Head;
  readonly etag: string;
}

/**
 * Remembers the heads that a remote had when they were last read or written: what `status` calls pushed, and what a push checks with one
 * request. One line each, the last of a version counts; a line that cannot be read is forgotten.
 */
export class KnownHeads {
  readonly #file: string;
  #heads: Map<string, KnownHead> | undefined;
  #pending: string[] = [];

  constructor(stateFolder: string, remote: string) {
    this.#file = path.join(stateFolder, "remotes", remote, "heads");
  }

  get(version: Sha256): KnownHead | undefined {
    return this.#load().get(version);
  }

  /** Yields every version that the remote is known to have. */
  *versions(): Generator<Sha256> {
    for (const version of this.#load().keys()) if (isSha256(version)) yield version;
  }

  set(version: Sha256, known: KnownHead): void {
    const before = this.#load().get(version);
    if (before?.etag === known.etag && before.head.body === known.head.body) return;
    this.#load().set(version, known);
    this.#pending.push(`${version} ${encodeURIComponent(known.etag)} ${formatHead(known.head)}`);
  }

  delete(version: Sha256): void {
    if (this.#load().delete(version)) this.#pending.push(`${version} -\n`);
  }

  /** Appends what is new; losing it costs requests, never data. */
  save(): void {
    if (this.#pending.length === 0) return;
    ensureFolder(path.dirname(this.#file));
    fs.appendFileSync(this.#file, this.#pending.join(""));
    this.#pending = [];
  }

  #load(): Map<string, KnownHead> {
    if (this.#heads !== undefined) return this.#heads;
    this.#heads = new Map();
    let text = "";
    try {
      text = fs.readFileSync(this.#file, "utf8");
    } catch {
      return this.#heads;
    }
    for (const line of text.split("\n")) {
      const [version = "", etag = "", ...rest] = line.split(" ");
      if (etag === "-") this.#heads.delete(version);
      if (rest.length === 0) continue;
      try {
        this.#heads.set(version, { head: parseHead(`${rest.join(" ")}\n`, version as Sha256), etag: decodeURIComponent(etag) });
      } catch {
        this.#heads.delete(version);
      }
    }
    return this.#heads;
  }
}
