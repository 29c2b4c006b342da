/**
 * Runs `work` over `items` with at most `limit` at once and returns the results in order.
 * The first failure stops new work, waits for what runs, and is thrown.
 */
export async function mapConcurrent<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results = Array.from<Result>({ length: items.length });
  let next = 0;
  let failed = false;
  const lane = async (): Promise<void> => {
    while (!failed && next < items.length) {
      const index = next++;
      const item = items[index] as Item;
      try {
        results[index] = await work(item, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = Array.from({ length: Math.max(1, Math.min(limit, items.length)) }, lane);
  const settled = await Promise.allSettled(lanes);
  for (const lane_ of settled) if (lane_.status === "rejected") throw lane_.reason;
  return results;
}

/** Waits until both are settled, then returns their results or throws the first failure: nothing goes on behind the caller's back. */
export async function settleBoth<First, Second>(first: Promise<First>, second: Promise<Second>): Promise<[First, Second]> {
  await Promise.allSettled([first, second]);
  return Promise.all([first, second]);
}

/** Throws an `AbortError`'s reason as soon as the signal is aborted; cheap enough for inner loops. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw signal.reason;
}
