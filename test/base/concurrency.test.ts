import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mapConcurrent, throwIfAborted } from "../../src/base/concurrency.ts";

/** Lets everything that waits go on for some turns. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await Promise.resolve();
}

describe("work over many items", () => {
  test("gives the results in order, runs each item once and never more than the limit at once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(20), { maxLength: 40 }), fc.integer({ min: 1, max: 8 }), async (delays, limit) => {
        let running = 0;
        let most = 0;
        const seen: number[] = [];
        const results = await mapConcurrent(delays, limit, async (delay, index) => {
          seen.push(index);
          most = Math.max(most, ++running);
          await turns(delay);
          running--;
          return index * 2;
        });
        expect(results).toEqual(delays.map((_, index) => index * 2));
        expect(seen.sort((left, right) => left - right)).toEqual([...delays.keys()]);
        expect(most).toBeLessThanOrEqual(limit);
        if (delays.length >= limit && delays.every((delay) => delay > 0)) expect(most).toBe(Math.min(limit, delays.length));
      }),
    );
  });

  test("throws the first failure, starts nothing after it, and only once what runs has ended", async () => {
    let running = 0;
    let started = 0;
    const work = mapConcurrent(
      Array.from({ length: 100 }, (_, index) => index),
      4,
      async (index) => {
        started++;
        running++;
        await turns(index === 2 ? 3 : 50);
        running--;
        if (index === 2) throw new Error("third");
      },
    );
    await expect(work).rejects.toThrow("third");
    expect(running).toBe(0);
    expect(started).toBeLessThanOrEqual(5);
  });

  test("with a limit of zero goes on one at a time", async () => {
    expect(await mapConcurrent([1, 2, 3], 0, (item) => Promise.resolve(item))).toEqual([1, 2, 3]);
    expect(await mapConcurrent([], 4, () => Promise.reject(new Error("never")))).toEqual([]);
  });
});

test("an aborted signal throws its reason, any other does nothing", () => {
  const controller = new AbortController();
  throwIfAborted(undefined);
  throwIfAborted(controller.signal);
  const reason = new Error("stop");
  controller.abort(reason);
  expect(() => throwIfAborted(controller.signal)).toThrow(reason);
});
