import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mapConcurrent } from "../../src/base/concurrency.ts";
import type { PutSource, Remote } from "../../src/remotes/remote.ts";
import { failureOf, hashOf, listAll, lyingSource, readAll, someBytes, source } from "./helpers.ts";

/** Is a fresh, empty remote and what to do with it at the end. */
export interface OpenedRemote {
  readonly remote: Remote;
  /** Counts temp files, parts or uploads that are left behind, where somebody can look. */
  readonly litter?: () => Promise<number>;
  close?(): Promise<void>;
}

export interface ContractOptions {
  /** A size that needs several parts; 12 MiB when absent. */
  readonly largeBytes?: number;
  readonly manyKeys?: number;
  /** True for a server that is known to ignore the condition at the end of an upload in parts: then several may say that they created it. */
  readonly ignoresFinalCondition?: boolean;
}

/** Holds one driver, wrapper or server to every sentence of the remote contract. */
export function describeRemote(name: string, open: () => Promise<OpenedRemote>, options: ContractOptions = {}): void {
  describe(`the contract on ${name}`, () => {
    let opened: OpenedRemote;
    let remote: Remote;
    const largeBytes = options.largeBytes ?? 12 * 1024 * 1024 + 12_345;
    const manyKeys = options.manyKeys ?? 2105;

    beforeAll(async () => {
      opened = await open();
      remote = opened.remote;
    });
    afterAll(async () => {
      await remote?.close();
      await opened?.close?.();
    });

    test("absence is a value for stat and get, and removing what is missing is no error", async () => {
      expect(await remote.stat("objects/aa/missing")).toBeUndefined();
      expect(await remote.get("objects/aa/missing")).toBeUndefined();
      expect(await remote.get("objects/aa/missing", { range: { offset: 3, length: 5 } })).toBeUndefined();
      await remote.remove("objects/aa/missing");
      await remote.removeMany(["objects/aa/missing", "objects/aa/missing2"]);
      expect(await listAll(remote, "objects/aa/")).toEqual([]);
    });

    test("a blob comes back as it went, with its size and ETag", async () => {
      const data = someBytes(200_001, 2);
      const put = await remote.put("objects/bb/one", source(data), { sha256: hashOf(data) });
      expect(put.created).toBe(true);
      const stat = await remote.stat("objects/bb/one");
      expect(stat).toMatchObject({ size: data.length, etag: put.etag });
      if (stat?.sha256 !== undefined) expect(stat.sha256).toBe(hashOf(data));
      const body = await remote.get("objects/bb/one");
      expect(body).toMatchObject({ size: data.length, length: data.length, etag: put.etag });
      expect(hashOf((await readAll(remote, "objects/bb/one")) ?? Buffer.alloc(0))).toBe(hashOf(data));
      await body?.stream[Symbol.asyncIterator]().return?.();
    });

    test("an empty blob is a blob", async () => {
      expect(
        (
          await remote.put("objects/bb/empty", source(Buffer.alloc(0)), {
            sha256: hashOf(Buffer.alloc(0)),
          })
        ).created,
      ).toBe(true);
      expect(await remote.stat("objects/bb/empty")).toMatchObject({ size: 0 });
      expect(await readAll(remote, "objects/bb/empty")).toEqual(Buffer.alloc(0));
      expect(await readAll(remote, "objects/bb/empty", { range: { offset: 0, length: 0 } })).toEqual(Buffer.alloc(0));
    });

    test("a put never replaces what is there", async () => {
      const first = await remote.put("objects/cc/kept", source(Buffer.from("first")));
      const second = await remote.put("objects/cc/kept", source(Buffer.from("second!")));
      expect(second).toEqual({ created: false, etag: first.etag });
      expect(String(await readAll(remote, "objects/cc/kept"))).toBe("first");
    });

    test("a put with the token of the blob that is there recognises it as its own, where tokens are stored", async () => {
      await remote.put("objects/cc/own", source(Buffer.from("mine")), { token: "token-1" });
      const stat = await remote.stat("objects/cc/own");
      const again = await remote.put("objects/cc/own", source(Buffer.from("mine")), {
        token: "token-1",
      });
      const other = await remote.put("objects/cc/own", source(Buffer.from("mine")), {
        token: "token-2",
      });
      expect(again.created).toBe(stat?.token === "token-1");
      expect(other.created).toBe(false);
    });

    test("of twelve racers exactly one creates the blob, and it is whole", async () => {
      const racers = Array.from({ length: 12 }, (_, index) => someBytes(70_000, 100 + index));
      const results = await Promise.all(racers.map((data) => remote.put("objects/cc/race", source(data), { sha256: hashOf(data) })));
      const winners = results.flatMap((result, index) => (result.created ? [index] : []));
      expect(winners).toHaveLength(1);
      const winner = racers[winners[0] ?? -1] ?? Buffer.alloc(0);
      expect(hashOf((await readAll(remote, "objects/cc/race")) ?? Buffer.alloc(0))).toBe(hashOf(winner));
    });

    test.each([
      ["fewer", 1000, 1001],
      ["more", 1001, 1000],
      ["no", 0, 10],
    ])("a source that gives %s bytes than it declared fails and leaves nothing", async (word, real, declared) => {
      const failure = await failureOf(remote.put(`objects/dd/${word}`, lyingSource(someBytes(real), declared)));
      expect(failure).toMatchObject({ name: "RemoteError", reason: "corrupt", retryable: false });
      expect(await remote.stat(`objects/dd/${word}`)).toBeUndefined();
      expect(await listAll(remote, "objects/dd/")).toEqual([]);
    });

    test("a small blob whose bytes are not those of its SHA-256 fails and leaves nothing", async () => {
      const failure = await failureOf(
        remote.put("objects/dd/wrong", source(someBytes(500)), {
          sha256: hashOf(someBytes(500, 9)),
        }),
      );
      expect(failure).toMatchObject({ name: "RemoteError", reason: "corrupt" });
      expect(await remote.stat("objects/dd/wrong")).toBeUndefined();
    });

    test("a source that throws ends the put with what it threw, and a later put of the same key works", async () => {
      const broken: PutSource = {
        size: 300_000,
        async *open(range) {
          yield someBytes(Math.min(10_000, range?.length ?? 10_000));
          throw new TypeError("the disk burns");
        },
      };
      await expect(remote.put("objects/dd/broken", broken)).rejects.toThrow(new TypeError("the disk burns"));
      expect(await remote.stat("objects/dd/broken")).toBeUndefined();
      expect((await remote.put("objects/dd/broken", source(someBytes(300_000)))).created).toBe(true);
      await remote.remove("objects/dd/broken");
    });

    test("ranges deliver exactly what was asked, and throw when the blob cannot fill them", async () => {
      const data = someBytes(100_000, 5);
      await remote.put("objects/ee/ranges", source(data));
      for (const range of [
        { offset: 0, length: 1 },
        { offset: 99_999, length: 1 },
        { offset: 12_345, length: 54_321 },
        { offset: 0, length: 100_000 },
        { offset: 500, length: 0 },
      ]) {
        const body = await remote.get("objects/ee/ranges", { range });
        expect(body).toMatchObject({ length: range.length, size: data.length });
        await body?.stream[Symbol.asyncIterator]().return?.();
        expect(await readAll(remote, "objects/ee/ranges", { range })).toEqual(data.subarray(range.offset, range.offset + range.length));
      }
      for (const range of [
        { offset: 99_999, length: 2 },
        { offset: 100_000, length: 1 },
        { offset: 500_000, length: 10 },
      ]) {
        expect(await failureOf(readAll(remote, "objects/ee/ranges", { range }))).toMatchObject({
          reason: "corrupt",
          retryable: false,
        });
      }
    });

    test("a read on condition of another ETag is a conflict", async () => {
      const { etag } = await remote.put("objects/ee/match", source(Buffer.from("v1")));
      expect(String(await readAll(remote, "objects/ee/match", { ifMatch: etag }))).toBe("v1");
      const { etag: next } = await remote.replace("objects/ee/match", source(Buffer.from("v2")), {
        ifMatch: etag,
      });
      expect(await failureOf(readAll(remote, "objects/ee/match", { ifMatch: etag }))).toMatchObject({ reason: "conflict" });
      expect(await failureOf(readAll(remote, "objects/ee/match", { ifMatch: etag, range: { offset: 0, length: 1 } }))).toMatchObject({
        reason: "conflict",
      });
      expect(String(await readAll(remote, "objects/ee/match", { ifMatch: next }))).toBe("v2");
    });

    test("replace needs what was read: an ETag, or nothing", async () => {
      const { etag: first } = await remote.replace("objects/ff/head", source(Buffer.from("one")), {
        ifMatch: undefined,
      });
      expect(await failureOf(remote.replace("objects/ff/head", source(Buffer.from("x")), { ifMatch: undefined }))).toMatchObject({
        reason: "conflict",
      });
      const { etag: second } = await remote.replace("objects/ff/head", source(Buffer.from("two")), {
        ifMatch: first,
      });
      expect(second).not.toBe(first);
      expect(await failureOf(remote.replace("objects/ff/head", source(Buffer.from("y")), { ifMatch: first }))).toMatchObject({
        reason: "conflict",
      });
      expect(String(await readAll(remote, "objects/ff/head"))).toBe("two");
      await remote.remove("objects/ff/head");
      expect(await failureOf(remote.replace("objects/ff/head", source(Buffer.from("z")), { ifMatch: second }))).toMatchObject({
        reason: "conflict",
      });
      expect(await remote.stat("objects/ff/head")).toBeUndefined();
    });

    test("of eight that replace the same version exactly one succeeds", async () => {
      const { etag } = await remote.put("objects/ff/race", source(Buffer.from("start")));
      const settled = await Promise.allSettled(
        Array.from({ length: 8 }, (_, index) => remote.replace("objects/ff/race", source(Buffer.from(`new ${index}`)), { ifMatch: etag })),
      );
      const winners = settled.flatMap((result, index) => (result.status === "fulfilled" ? [index] : []));
      expect(winners).toHaveLength(1);
      for (const result of settled) if (result.status === "rejected") expect(result.reason).toMatchObject({ reason: "conflict" });
      expect(String(await readAll(remote, "objects/ff/race"))).toBe(`new ${winners[0]}`);
    });

    test(`listing ${manyKeys} keys gives each once, by prefix and after a key, and removeMany removes them`, async () => {
      const keys = Array.from({ length: manyKeys }, (_, index) => `packs/${(index % 7).toString(16)}0/k${String(index).padStart(5, "0")}`);
      await mapConcurrent(keys, 16, (key) => remote.put(key, source(Buffer.from(key))));
      const entries = await listAll(remote, "packs/");
      expect(entries.map((entry) => entry.key).sort()).toEqual([...keys].sort());
      for (const entry of entries.slice(0, 3)) {
        expect(entry.size).toBe(entry.key.length);
        expect(entry.etag).toBe((await remote.stat(entry.key))?.etag);
        expect(Math.abs(Date.now() - entry.modifiedAt)).toBeLessThan(600_000);
      }
      const ofThree = keys.filter((key) => key.startsWith("packs/30/")).sort();
      expect((await listAll(remote, "packs/30/")).map((entry) => entry.key).sort()).toEqual(ofThree);
      expect((await listAll(remote, "packs/3")).map((entry) => entry.key).sort()).toEqual(ofThree);
      expect((await listAll(remote, "packs/30/", ofThree[9])).map((entry) => entry.key).sort()).toEqual(ofThree.slice(10));
      await remote.removeMany([...keys, "packs/30/never-there"]);
      expect(await listAll(remote, "packs/")).toEqual([]);
    });

    test("a large blob travels in parts, reports progress and comes back whole", async () => {
      const data = someBytes(largeBytes, 7);
      let sent = 0;
      const onProgress = (bytes: number): void => void (sent = Math.max(sent, bytes));
      const put = await remote.put("objects/99/large", source(data), {
        sha256: hashOf(data),
        onProgress,
      });
      expect(put.created).toBe(true);
      expect(sent).toBe(data.length);
      expect(await remote.stat("objects/99/large")).toMatchObject({
        size: data.length,
        etag: put.etag,
      });
      expect(hashOf((await readAll(remote, "objects/99/large")) ?? Buffer.alloc(0))).toBe(hashOf(data));
      const again = await remote.put("objects/99/large", source(data), { sha256: hashOf(data) });
      expect(again).toEqual({ created: false, etag: put.etag });
    });

    test("of three that put the same large blob at once exactly one creates it, and nothing is left to clean", async () => {
      const data = someBytes(largeBytes, 11);
      const results = await Promise.all([1, 2, 3].map(() => remote.put("objects/99/crowd", source(data), { sha256: hashOf(data) })));
      const creators = results.filter((result) => result.created).length;
      if (options.ignoresFinalCondition === true) {
        expect(creators).toBeGreaterThan(0);
      } else {
        expect(creators).toBe(1);
        expect(new Set(results.map((result) => result.etag)).size).toBe(1);
      }
      expect(hashOf((await readAll(remote, "objects/99/crowd")) ?? Buffer.alloc(0))).toBe(hashOf(data));
      await remote.removeUnfinishedUploads(Date.now() + 3_600_000);
      expect((await opened.litter?.()) ?? 0).toBe(0);
    });

    test("a large source of the wrong size fails, leaves nothing visible and nothing to clean", async () => {
      const failure = await failureOf(remote.put("objects/99/short", lyingSource(someBytes(largeBytes - 1), largeBytes)));
      expect(failure).toMatchObject({ reason: "corrupt", retryable: false });
      expect(await remote.stat("objects/99/short")).toBeUndefined();
      expect(await remote.removeUnfinishedUploads(Date.now() + 3_600_000)).toBeLessThanOrEqual(1);
      expect((await opened.litter?.()) ?? 0).toBe(0);
    });

    test("an aborted signal stops every call with its own reason", async () => {
      const reason = new Error("the user pressed Ctrl-C");
      const signal = AbortSignal.abort(reason);
      await remote.put("objects/77/there", source(someBytes(3_000_000)));
      await expect(remote.stat("objects/77/there", { signal })).rejects.toBe(reason);
      await expect(remote.get("objects/77/there", { signal })).rejects.toBe(reason);
      await expect(remote.put("objects/77/never", source(someBytes(10)), { signal })).rejects.toBe(reason);
      await expect(listAllWith(remote, signal)).rejects.toBe(reason);
      expect(await remote.stat("objects/77/never")).toBeUndefined();

      const controller = new AbortController();
      const slow = {
        size: largeBytes,
        async *open(range?: { readonly offset: number; readonly length: number }): AsyncGenerator<Uint8Array> {
          yield someBytes(65_536);
          controller.abort(reason);
          yield someBytes((range?.length ?? largeBytes) - 65_536);
        },
      };
      await expect(remote.put("objects/77/never", slow, { signal: controller.signal })).rejects.toBe(reason);
      expect(await remote.stat("objects/77/never")).toBeUndefined();
      await remote.removeUnfinishedUploads(Date.now() + 3_600_000);
      expect((await opened.litter?.()) ?? 0).toBe(0);
    });

    test("a get whose signal is aborted in mid-body throws the reason", async () => {
      const controller = new AbortController();
      const reason = new Error("enough");
      await remote.put("objects/77/long", source(someBytes(8_000_000)));
      const body = await remote.get("objects/77/long", { signal: controller.signal });
      const read = async (): Promise<number> => {
        let seen = 0;
        for await (const piece of body?.stream ?? []) {
          seen += piece.length;
          controller.abort(reason);
        }
        return seen;
      };
      await expect(read()).rejects.toBe(reason);
    });

    test("a key that could leave the remote's prefix is refused", async () => {
      for (const key of ["../up", "a/../b", "/a", "a/", "a//b", "A", "", "a b", "."]) {
        expect(await failureOf(remote.stat(key))).toMatchObject({ reason: "misconfigured" });
      }
    });

    test("a signed URL reads the blob without credentials, where there are any", async () => {
      await remote.put("objects/66/signed", source(Buffer.from("for everyone")));
      if (!remote.capabilities.signedUrls) {
        expect(await failureOf(remote.signedUrl("objects/66/signed", 60))).toMatchObject({
          reason: "unsupported",
        });
        return;
      }
      const response = await fetch(await remote.signedUrl("objects/66/signed", 60));
      expect({ status: response.status, text: await response.text() }).toEqual({
        status: 200,
        text: "for everyone",
      });
    });
  });
}

async function listAllWith(remote: Remote, signal: AbortSignal): Promise<void> {
  for await (const entry of remote.list("", { signal })) if (entry.key === "") throw new Error("an empty key");
}
