import fc from "fast-check";
import { expect, test } from "vitest";
import { mapConcurrent, throwIfAborted } from "../../src/base/concurrency.ts";

test("results come in the order of the items, whatever order the work ends in", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.integer(), { maxLength: 20 }),
      fc.integer({ min: 1, max: 8 }),
      async (scheduler, items, limit) => {
        const work = scheduler.scheduleFunction(async (item: number) => item * 2);
        const results = mapConcurrent(items, limit, async (item) => work(item));
        await scheduler.waitFor(results);
        expect(await results).toEqual(items.map((item) => item * 2));
      },
    ),
  );
});

test("never more than the limit run at once, and as many as the limit do", async () => {
  let running = 0;
  let most = 0;
  await mapConcurrent(Array.from({ length: 50 }), 7, async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
  });
  expect(most).toBe(7);
});

test("each item is worked on once, with its position", async () => {
  const seen: number[] = [];
  await mapConcurrent(["a", "b", "c", "d"], 2, async (_, index) => void seen.push(index));
  expect(seen.sort((left, right) => left - right)).toEqual([0, 1, 2, 3]);
});

test("the first failure stops new work, waits for what runs, and is thrown", async () => {
  const failure = new Error("first");
  const started: number[] = [];
  const finished: number[] = [];
  const outcome = mapConcurrent([0, 1, 2, 3, 4, 5, 6, 7], 2, async (item) => {
    started.push(item);
    if (item === 0) throw failure;
    await new Promise((resolve) => setImmediate(resolve));
    finished.push(item);
  });
  await expect(outcome).rejects.toBe(failure);
  expect(started).toEqual([0, 1]);
  expect(finished).toEqual([1]);
});

test("no items and a limit of zero are no trouble", async () => {
  expect(await mapConcurrent([], 4, async () => 1)).toEqual([]);
  expect(await mapConcurrent([1, 2], 0, async (item) => item)).toEqual([1, 2]);
});

test("an aborted signal throws its own reason, any other nothing", () => {
  const controller = new AbortController();
  throwIfAborted(undefined);
  throwIfAborted(controller.signal);
  const reason = new Error("enough");
  controller.abort(reason);
  expect(() => throwIfAborted(controller.signal)).toThrow(reason);
});
