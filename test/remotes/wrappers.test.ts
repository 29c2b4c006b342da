import { expect, test } from "vitest";
import { MemoryRemote } from "../../src/remotes/memory/memory-remote.ts";
import { RemoteError } from "../../src/remotes/remote-error.ts";
import type { CleaningOptions } from "../../src/remotes/remote.ts";
import { bytesSource } from "../../src/remotes/streams.ts";
import { withBandwidthLimit } from "../../src/remotes/wrappers/bandwidth.ts";
import { countRequests } from "../../src/remotes/wrappers/counting.ts";
import { unavailable, withFailures } from "../../src/remotes/wrappers/failing.ts";
import { withIdleTimeout } from "../../src/remotes/wrappers/idle.ts";
import { withConcurrencyLimit } from "../../src/remotes/wrappers/limit.ts";
import { withRetry } from "../../src/remotes/wrappers/retry.ts";
import { failureOf, hashOf, listAll, readAll, someBytes, source } from "./helpers.ts";

/** Returns retry options whose waits are recorded and not waited for. */
function impatient(): { readonly waits: number[]; readonly wait: (milliseconds: number) => Promise<void> } {
  const waits: number[] = [];
  return { waits, wait: async (milliseconds) => void waits.push(milliseconds) };
}

test("a call that fails for good is tried nine times in all, with waits that grow and vary", async () => {
  const { waits, wait } = impatient();
  let calls = 0;
  const broken = withFailures(new MemoryRemote(), () => {
    calls++;
    return { when: "before", error: unavailable() };
  });
  expect(await failureOf(withRetry(broken, { wait }).stat("a/b"))).toMatchObject({ reason: "unavailable" });
  expect(calls).toBe(9);
  for (const [index, waited] of waits.entries()) {
    const full = Math.min(20_000, 200 * 2 ** index);
    expect(waited).toBeGreaterThanOrEqual(full / 2);
    expect(waited).toBeLessThanOrEqual(full);
  }
});

test("a failure that no retry can help is thrown at once", async () => {
  let calls = 0;
  const broken = withFailures(new MemoryRemote(), () => {
    calls++;
    return { when: "before", error: new RemoteError("denied", "no") };
  });
  expect(await failureOf(withRetry(broken).stat("a/b"))).toMatchObject({ reason: "denied" });
  expect(calls).toBe(1);
});

test("Retry-After is obeyed, and one that is too long is a failure", async () => {
  const { waits, wait } = impatient();
  const once = withFailures(new MemoryRemote(), (_operation, _key, call) =>
    call === 0 ? { when: "before", error: new RemoteError("throttled", "slow down", { retryAfterMs: 30_000 }) } : undefined,
  );
  expect(await withRetry(once, { wait }).stat("a/b")).toBeUndefined();
  expect(waits).toEqual([30_000]);
  const forever = withFailures(new MemoryRemote(), () => ({
    when: "before",
    error: new RemoteError("throttled", "tomorrow", { retryAfterMs: 86_400_000 }),
  }));
  expect(await failureOf(withRetry(forever, { wait }).stat("a/b"))).toMatchObject({ reason: "throttled" });
  expect(waits).toHaveLength(1);
});

test("a get that breaks in mid-body goes on behind the last byte and reads nothing twice", async () => {
  const inner = new MemoryRemote();
  const data = someBytes(3_000_000);
  await inner.put("a/b", source(data));
  const counted = countRequests(inner);
  const flaky = withFailures(counted.remote, (_operation, _key, call) =>
    call < 2 ? { when: "midway", bytes: 1_000_000, error: unavailable() } : undefined,
  );
  const { wait } = impatient();
  expect(hashOf((await readAll(withRetry(flaky, { wait }), "a/b")) ?? Buffer.alloc(0))).toBe(hashOf(data));
  expect(counted.counts().requests.get).toBe(3);
  expect(counted.counts().receivedBytes).toBeLessThan(data.length + 2 * 1_048_576);
});

test("a get does not go on when the blob was replaced meanwhile", async () => {
  const inner = new MemoryRemote();
  const { etag } = await inner.put("a/b", source(someBytes(2_000_000)));
  const flaky = withFailures(inner, (_operation, _key, call) =>
    call === 0 ? { when: "midway", bytes: 500_000, error: unavailable() } : undefined,
  );
  const body = await withRetry(flaky, {
    wait: async () => void (await inner.replace("a/b", source(someBytes(2_000_000, 9)), { ifMatch: etag })),
  }).get("a/b");
  const read = async (): Promise<void> => {
    for await (const piece of body?.stream ?? []) if (piece.length === 0) return;
  };
  expect(await failureOf(read())).toMatchObject({ reason: "conflict" });
});

test("a put whose reply was lost says that it created the blob, and one that another writer beat to it says that it did not", async () => {
  const inner = new MemoryRemote();
  const lost = withFailures(inner, (operation, _key, call) =>
    operation === "put" && call === 0 ? { when: "after", error: unavailable() } : undefined,
  );
  const { wait } = impatient();
  expect((await withRetry(lost, { wait }).put("a/b", source(Buffer.from("x")))).created).toBe(true);
  const beaten = withFailures(inner, (operation, _key, call) =>
    operation === "put" && call === 0 ? { when: "before", error: unavailable() } : undefined,
  );
  const other = async (): Promise<void> => void (await inner.put("a/c", source(Buffer.from("x"))));
  expect((await withRetry(beaten, { wait: other }).put("a/c", source(Buffer.from("x")))).created).toBe(false);
});

test("a replace whose reply was lost succeeds, and one that lost to another writer is a conflict", async () => {
  const inner = new MemoryRemote();
  const { etag } = await inner.put("a/b", source(Buffer.from("1")));
  const lost = withFailures(inner, (operation, _key, call) =>
    operation === "replace" && call === 0 ? { when: "after", error: unavailable() } : undefined,
  );
  const { wait } = impatient();
  const { etag: next } = await withRetry(lost, { wait }).replace("a/b", source(Buffer.from("2")), { ifMatch: etag });
  expect(next).toBe((await inner.stat("a/b"))?.etag);
  const beaten = withFailures(inner, (operation, _key, call) =>
    operation === "replace" && call === 0 ? { when: "before", error: unavailable() } : undefined,
  );
  const other = async (): Promise<void> => void (await inner.replace("a/b", source(Buffer.from("3")), { ifMatch: next }));
  expect(await failureOf(withRetry(beaten, { wait: other }).replace("a/b", source(Buffer.from("4")), { ifMatch: next }))).toMatchObject({
    reason: "conflict",
  });
  expect(String(await readAll(inner, "a/b"))).toBe("3");
});

test("a list that breaks goes on behind the last key and gives each key once", async () => {
  const inner = new MemoryRemote();
  const keys = Array.from({ length: 50 }, (_, index) => `a/${String(index).padStart(3, "0")}`);
  for (const key of keys) await inner.put(key, source(Buffer.from("x")));
  const flaky = withFailures(inner, (_operation, _key, call) =>
    call < 3 ? { when: "midway", bytes: 12, error: unavailable() } : undefined,
  );
  const { wait } = impatient();
  expect((await listAll(withRetry(flaky, { wait }), "a/")).map((entry) => entry.key)).toEqual(keys);
});

test("a listing, deletions and a signature that fall silent are given up, whatever the driver does about its signal", async () => {
  const inner = new MemoryRemote();
  for (const key of ["a/1", "a/2"]) await inner.put(key, source(Buffer.from(key)));
  const never = (): Promise<never> => new Promise(() => undefined);
  const stuck = new Proxy(inner, {
    get(target, name) {
      if (name === "removeMany" || name === "signedUrl") return never;
      if (name !== "list") return Reflect.get(target, name, target);
      return async function* list(): AsyncGenerator {
        yield { key: "a/1", size: 3, etag: "1", modifiedAt: 0 };
        await never();
      };
    },
  });
  const watched = withIdleTimeout(stuck, 50);
  const seen: string[] = [];
  const list = async (): Promise<void> => {
    for await (const { key } of watched.list("a/")) seen.push(key);
  };
  expect(await failureOf(list())).toMatchObject({ reason: "timeout", retryable: true });
  expect(seen).toEqual(["a/1"]);
  expect(await failureOf(watched.removeMany(["a/1", "a/2"]))).toMatchObject({ reason: "timeout" });
  expect(await failureOf(watched.signedUrl("a/1", 60))).toMatchObject({ reason: "timeout" });
});

test("cleaning up unfinished uploads may take long, and is given up when the service falls silent", async () => {
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 40));
  const cleaning = (answers: number, isStuck: boolean): Promise<number> => {
    const stuck = new Proxy(new MemoryRemote(), {
      get(target, name) {
        if (name !== "removeUnfinishedUploads") return Reflect.get(target, name, target);
        return async (_olderThan: number, { onProgress }: CleaningOptions): Promise<number> => {
          for (let answer = 0; answer < answers; answer++) {
            await pause();
            onProgress?.();
          }
          return isStuck ? new Promise(() => undefined) : answers;
        };
      },
    });
    return withIdleTimeout(stuck, 200).removeUnfinishedUploads(0);
  };
  expect(await cleaning(10, false)).toBe(10);
  expect(await failureOf(cleaning(2, true))).toMatchObject({ reason: "timeout", retryable: true });
});

test("a body that falls silent is given up and asked for again", async () => {
  const inner = new MemoryRemote();
  const data = someBytes(100_000);
  await inner.put("a/b", source(data));
  let calls = 0;
  const silent = withFailures(inner, () => undefined);
  const stuck = new Proxy(silent, {
    get(target, name) {
      if (name !== "get") return Reflect.get(target, name, target) as unknown;
      return async (key: string, options: object) => {
        const body = await target.get(key, options);
        if (calls++ > 0 || body === undefined) return body;
        return { ...body, stream: { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) } };
      };
    },
  });
  const { wait } = impatient();
  expect(await readAll(withRetry(withIdleTimeout(stuck, 50), { wait }), "a/b")).toEqual(data);
  expect(calls).toBe(2);
});

test("throttling halves the number of calls at once, and quiet raises it again", async () => {
  const inner = new MemoryRemote();
  const changes: number[] = [];
  let isThrottling = true;
  const service = withFailures(inner, () =>
    isThrottling ? { when: "before", error: new RemoteError("throttled", "slow down") } : undefined,
  );
  const limited = withConcurrencyLimit(service, { limit: 8, onChange: (limit) => changes.push(limit) });
  await Promise.allSettled(Array.from({ length: 8 }, () => limited.stat("a/b")));
  expect(changes).toEqual([4]);
  isThrottling = false;
  for (let call = 0; call < 60; call++) await limited.stat("a/b");
  expect(changes.at(-1)).toBe(8);
});

test("never more calls run at once than the limit", async () => {
  let running = 0;
  let most = 0;
  const inner = new MemoryRemote();
  const slow = new Proxy(inner, {
    get(target, name) {
      if (name !== "stat") return Reflect.get(target, name, target) as unknown;
      return async (key: string) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        return target.stat(key);
      };
    },
  });
  const limited = withConcurrencyLimit(slow, { limit: 3 });
  await Promise.all(Array.from({ length: 40 }, () => limited.stat("a/b")));
  expect(most).toBe(3);
});

test("a bandwidth limit makes bytes of both directions wait for their turn", async () => {
  let clock = 0;
  const wait = async (milliseconds: number): Promise<void> => void (clock += milliseconds);
  const remote = withBandwidthLimit(new MemoryRemote(), { bytesPerSecond: 1_000_000, now: () => clock, wait });
  await remote.put("a/b", bytesSource(someBytes(2_000_000)));
  await readAll(remote, "a/b");
  expect(clock).toBeGreaterThan(3_500);
  expect(clock).toBeLessThan(4_100);
});

test("counting counts calls by kind and the bytes of both directions", async () => {
  const { remote, counts } = countRequests(new MemoryRemote());
  await remote.put("a/b", source(someBytes(1000)));
  await readAll(remote, "a/b", { range: { offset: 0, length: 10 } });
  await remote.stat("a/b");
  await listAll(remote, "");
  await remote.removeMany(["a/b"]);
  expect(counts()).toEqual({
    requests: { stat: 1, get: 1, put: 1, list: 1, remove: 1, other: 0 },
    totalRequests: 5,
    sentBytes: 1000,
    receivedBytes: 10,
  });
});
