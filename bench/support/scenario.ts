import type { Arena } from "./arena.ts";
import type { DataSets } from "./data.ts";
import type { Versioner } from "./versioners.ts";

/** Is what a group of cases gets. */
export interface Scene {
  readonly arena: Arena;
  readonly data: DataSets;
  readonly versioners: readonly Versioner[];
  readonly hasFloor: boolean;
  readonly runs: number;
  readonly scale: number;
}

/** Returns the contestants of a run, another one first each time, so that nobody always comes after the same neighbour. */
export function rotate<Item>(items: readonly Item[], run: number): readonly Item[] {
  const start = items.length === 0 ? 0 : run % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
