import { describe, expect, it } from "vitest";
import type { Pointer } from "../../src/formats/pointer.ts";
import { MemoryRemote } from "../../src/remotes/memory/memory-remote.ts";
import { hashesOf, makeMachine, type Machine } from "./versions.ts";

const MIB = 1024 * 1024;

describe("a large file that was edited", () => {
  it("in a folder, is sent and received as what differs", async () => {
    const remote = new MemoryRemote();
    const [author, reader] = [makeMachine(), makeMachine()];
    const first = new Map([
      ["a/small.txt", Buffer.from("small")],
      ["model.bin", noise(1, 12 * MIB)],
      ["other.bin", noise(2, 10 * MIB)],
    ]);
    const second = new Map(first).set("model.bin", edited(first.get("model.bin"), 3));
    const [before, after] = await pushInTurn(author, remote, [first, second]);
    expect(after.sentBytes).toBeLessThan(0.02 * 12 * MIB);

    await reader.fetch(remote, [before.pointer]);
    const [fetched] = await reader.fetch(remote, [after.pointer], [before.pointer]);
    expect(fetched?.receivedBytes).toBeLessThan(0.02 * 12 * MIB);
    expect(await reader.read(after.pointer)).toEqual(hashesOf(second));
    // Nothing of an earlier version is needed, either.
    const newcomer = makeMachine();
    await newcomer.fetch(remote, [after.pointer]);
    expect(await newcomer.read(after.pointer)).toEqual(hashesOf(second));
  });

  it("is a delta against its own earlier version when several are pushed at once", async () => {
    const remote = new MemoryRemote();
    const author = makeMachine();
    const contents = [noise(1, 10 * MIB), noise(2, 10 * MIB), noise(3, 10 * MIB)];
    const befores = await Promise.all(contents.map((content) => author.storeFile(content)));
    await author.push(remote, befores);
    const afters = await Promise.all(contents.map((content, index) => author.storeFile(edited(content, index))));
    const { sentBytes } = await author.pushWith(
      remote,
      afters.map((pointer, index) => ({ pointer, ancestors: [befores[index] as Pointer] })),
    );
    expect(sentBytes).toBeLessThan(0.02 * 30 * MIB);
  });

  it.each(["file", "folder"] as const)(
    "is received as what differs where only the version before it is cached, not the base: %s",
    async (kind) => {
      const remote = new MemoryRemote();
      const [author, reader] = [makeMachine(), makeMachine()];
      const contents = [noise(1, 24 * MIB)];
      for (let edit = 0; edit < 3; edit++) contents.push(edited(contents.at(-1), edit));
      const pushed = [];
      if (kind === "folder")
        pushed.push(
          ...(await pushInTurn(
            author,
            remote,
            contents.map((content) => new Map([["in/table.bin", content]])),
          )),
        );
      else pushed.push(...(await pushFilesInTurn(author, remote, contents)));
      const pointers = pushed.map(({ pointer }) => pointer);

      await reader.fetch(remote, pointers.slice(2, 3));
      const [fetched] = await reader.fetch(remote, pointers.slice(3), pointers.slice(2, 3));
      expect(fetched?.status).toBe("fetched");
      expect(fetched?.receivedBytes).toBeLessThan(0.03 * 24 * MIB);
      // The reader goes on from there with small pushes, too.
      const next = edited(contents.at(-1), 99);
      const pointer = kind === "folder" ? await reader.store(new Map([["in/table.bin", next]])) : await reader.storeFile(next);
      const { sentBytes } = await reader.push(remote, [pointer], pointers.slice(3));
      expect(sentBytes).toBeLessThan(0.03 * 24 * MIB);
      await author.fetch(remote, [pointer], pointers);
      expect(author.cache.has(pointer.sha256)).toBe(true);
    },
  );
});

interface Pushed {
  readonly pointer: Pointer;
  readonly sentBytes: number;
}

async function pushInTurn(
  machine: Machine,
  remote: MemoryRemote,
  folders: readonly ReadonlyMap<string, Buffer>[],
): Promise<[Pushed, Pushed]> {
  return inTurn(
    machine,
    remote,
    folders.map((files) => () => machine.store(files)),
  );
}

async function pushFilesInTurn(machine: Machine, remote: MemoryRemote, contents: readonly Buffer[]): Promise<Pushed[]> {
  return inTurn(
    machine,
    remote,
    contents.map((content) => () => machine.storeFile(content)),
  );
}

async function inTurn(machine: Machine, remote: MemoryRemote, stores: readonly (() => Promise<Pointer>)[]): Promise<[Pushed, Pushed]> {
  const pushed: Pushed[] = [];
  for (const store of stores) {
    const pointer = await store();
    const { sentBytes } = await machine.push(remote, [pointer], pushed.map((earlier) => earlier.pointer).toReversed());
    pushed.push({ pointer, sentBytes });
  }
  return pushed as [Pushed, Pushed];
}

/** Returns bytes that no compression makes smaller, the same for the same seed. */
function noise(seed: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let at = 0; at + 4 <= length; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes.writeInt32LE(state | 0, at);
  }
  return bytes;
}

/** Returns a copy with twenty small edits, and a few bytes put in, at places of the seed's. */
function edited(content: Buffer | undefined, seed: number): Buffer {
  const copy = Buffer.from(content ?? Buffer.alloc(0));
  for (let edit = 0; edit < 20; edit++) {
    const at = (edit * 7919 * 131 + seed * 999_983) % (copy.length - 16);
    copy.write(`edit ${seed}.${edit}`, at, "latin1");
  }
  const middle = (seed * 1_234_567) % copy.length;
  return Buffer.concat([copy.subarray(0, middle), Buffer.from(`put in ${seed}`), copy.subarray(middle)]);
}
