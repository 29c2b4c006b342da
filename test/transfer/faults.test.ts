import { describe, expect, test } from "vitest";
import type { Sha256 } from "../../src/base/ids.ts";
import type { Pointer } from "../../src/formats/pointer.ts";
import { MemoryRemote } from "../../src/remotes/memory/memory-remote.ts";
import type { GetOptions, RemoteBody } from "../../src/remotes/remote.ts";
import { countRequests } from "../../src/remotes/wrappers/counting.ts";
import { unavailable, withFailures } from "../../src/remotes/wrappers/failing.ts";
import { ForwardingRemote } from "../../src/remotes/wrappers/forwarding.ts";
import { KnownHeads } from "../../src/transfer/known-heads.ts";
import { noise } from "../cli/tree.ts";
import { hashesOf, makeMachine, type Machine } from "./versions.ts";

function makeFiles(version: number): Map<string, Buffer> {
  const files = new Map<string, Buffer>([
    ["large.bin", noise(`large ${version}`, 9 * 1024 * 1024)],
    ["middle.bin", noise("middle", 600_000)],
    ["empty", Buffer.alloc(0)],
  ]);
  for (let index = 0; index < 400; index++) files.set(`small/${index}`, noise(`${index} ${index % 40 === 0 ? version : ""}`, 500 + index));
  return files;
}

async function makeVersion(): Promise<{ machine: Machine; pointer: Pointer; files: Map<string, Buffer> }> {
  const machine = makeMachine();
  const files = makeFiles(1);
  return { machine, pointer: await machine.store(files), files };
}

async function expectWhole(remote: MemoryRemote, pointer: Pointer, files: ReadonlyMap<string, Buffer>): Promise<void> {
  const other = makeMachine();
  expect(await other.fetch(remote, [pointer])).toMatchObject([{ status: "fetched" }]);
  expect(await other.read(pointer)).toEqual(hashesOf(files));
}

describe("a push", () => {
  test("done twice sends nothing the second time", async () => {
    const { machine, pointer, files } = await makeVersion();
    const remote = new MemoryRemote();
    await machine.push(remote, [pointer]);
    const before = new Map([...remote.blobs].map(([key, blob]) => [key, blob.etag]));
    const counted = countRequests(remote);
    expect(await machine.push(counted.remote, [pointer])).toMatchObject({ sentBytes: 0, versions: [{ status: "up-to-date" }] });
    expect(new Map([...remote.blobs].map(([key, blob]) => [key, blob.etag]))).toEqual(before);
    await expectWhole(remote, pointer, files);
  });

  test.each(["before", "after"] as const)(
    "that fails at any write (%s it is done) leaves a remote that the next push completes",
    async (when) => {
      const { machine, pointer, files } = await makeVersion();
      const calibration = new MemoryRemote();
      let writes = 0;
      const isWrite = (operation: string): boolean => operation === "put" || operation === "replace";
      await machine.push(
        withFailures(calibration, (operation) => void (writes += isWrite(operation) ? 1 : 0)),
        [pointer],
      );
      expect(writes).toBeGreaterThan(4);
      for (let failing = 0; failing < writes; failing++) {
        const remote = new MemoryRemote();
        let seen = 0;
        const faulty = withFailures(remote, (operation) =>
          isWrite(operation) && seen++ === failing ? { when, error: unavailable() } : undefined,
        );
        await expect(machine.push(faulty, [pointer])).rejects.toMatchObject({ code: "remote-unavailable" });
        // A version is there exactly when its head is: whoever fetches now gets all of it or is told that it is not there.
        const early = makeMachine();
        const outcome = await early.fetch(remote, [pointer]).catch((error: { code: string }) => error.code);
        if (typeof outcome === "string") expect(outcome).toBe("remote-unavailable");
        else if (outcome[0]?.status === "fetched") expect(await early.read(pointer)).toEqual(hashesOf(files));
        await machine.push(remote, [pointer]);
        await expectWhole(remote, pointer, files);
      }
    },
  );

  test.each(["mlv.json", "recipes/"])("that fails at `%s` fails only once nothing of it is under way any more", async (failing) => {
    const { machine, pointer } = await makeVersion();
    const remote = new MemoryRemote();
    await machine.push(remote, [pointer]);
    let running = 0;
    class Watched extends ForwardingRemote {
      override async get(key: string, options?: GetOptions): Promise<RemoteBody | undefined> {
        if (key.startsWith(failing)) throw unavailable();
        running++;
        try {
          for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
          return await super.get(key, options);
        } finally {
          running--;
        }
      }
    }
    await expect(machine.push(new Watched(remote), [pointer])).rejects.toMatchObject({ code: "remote-unavailable" });
    expect(running).toBe(0);
  });

  test("that names a lost blob of an earlier version sends it again", async () => {
    const { machine, pointer: first } = await makeVersion();
    const remote = new MemoryRemote();
    await machine.push(remote, [first]);
    const files = makeFiles(2);
    const second = await machine.store(files);
    for (const key of [...remote.blobs.keys()].filter((name) => name.startsWith("packs/"))) remote.blobs.delete(key);
    await machine.push(remote, [second], [first]);
    await expectWhole(remote, second, files);
  });
});

describe("a fetch", () => {
  test("that breaks off anywhere is gone on with, and what was received is not asked for again", async () => {
    const { machine, pointer, files } = await makeVersion();
    const remote = new MemoryRemote();
    await machine.push(remote, [pointer]);
    const other = makeMachine();
    const received: number[] = [];
    let isDone = false;
    for (let attempt = 0; attempt < 12 && !isDone; attempt++) {
      let gets = 0;
      const faulty = withFailures(remote, (operation) =>
        operation === "get" && ++gets > 3 && attempt < 10 ? { when: "midway", bytes: 1_500_000, error: unavailable() } : undefined,
      );
      const counted = countRequests(faulty);
      isDone = await other.fetch(counted.remote, [pointer]).then(
        () => true,
        () => false,
      );
      received.push(counted.counts().receivedBytes);
    }
    expect(isDone).toBe(true);
    expect(await other.read(pointer)).toEqual(hashesOf(files));
    const whole = [...remote.blobs].reduce((sum, [key, blob]) => sum + (key.startsWith("pins/") ? 0 : blob.data.length), 0);
    expect(received.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(whole * 1.6);
  });

  test("that is killed knows already that the remote has what it was bringing", async () => {
    const { machine, pointer } = await makeVersion();
    const remote = new MemoryRemote();
    await machine.push(remote, [pointer]);
    const other = makeMachine();
    const known = (): Sha256[] => [...new KnownHeads(other.folder, "origin").versions()];
    let knownAtLast: Sha256[] = [];
    const watched = withFailures(remote, (operation, key) => {
      if (operation === "get" && /^(?:packs|objects)\//.test(key)) knownAtLast = known();
      return undefined;
    });
    await other.fetch(watched, [pointer]);
    expect(knownAtLast).toEqual([pointer.sha256]);
  });

  test("of damaged bytes makes nothing visible, whatever blob is damaged", async () => {
    const { machine, pointer } = await makeVersion();
    const source = new MemoryRemote();
    await machine.push(source, [pointer]);
    for (const damaged of [...source.blobs.keys()].filter((key) => /^(?:packs|objects|bodies)\//.test(key))) {
      const remote = new MemoryRemote();
      for (const [key, blob] of source.blobs) {
        const data = Buffer.from(blob.data);
        if (key === damaged) data[Math.floor(data.length / 3)] = (data[Math.floor(data.length / 3)] ?? 0) ^ 1;
        remote.blobs.set(key, { ...blob, data });
      }
      const other = makeMachine();
      await expect(other.fetch(remote, [pointer])).rejects.toMatchObject({ code: "content-mismatch" });
      expect(await other.read(pointer)).toBeUndefined();
    }
  });
});

describe("two machines", () => {
  test("that push the same and different versions at once leave every version whole", async () => {
    const machines = await Promise.all(
      [1, 1, 2, 3].map(async (version) => {
        const machine = makeMachine();
        const files = makeFiles(version);
        return { machine, files, pointer: await machine.store(files) };
      }),
    );
    for (let round = 0; round < 3; round++) {
      const remote = new MemoryRemote();
      await Promise.all(machines.map(({ machine, pointer }) => machine.push(remote, [pointer])));
      for (const { pointer, files } of machines) await expectWhole(remote, pointer, files);
    }
  });
});
