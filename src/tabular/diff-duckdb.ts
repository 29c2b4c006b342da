/**
 * The keyed diff of large tables through DuckDB, when the optional package @duckdb/node-api is installed. Where both versions have most
 * lines in common, only what differs is matched, by mlv, and DuckDB counts the rest; else one query joins both files. Whatever DuckDB
 * cannot do exactly as mlv does (ragged rows, empty or repeated keys, types that differ) gives undefined, and mlv's own matching follows.
 */
import { matchByJoin } from "./duckdb/join.ts";
import { DuckDbSession, isDuckDbFailure } from "./duckdb/session.ts";
import { DuckDbSides, type DuckDbFound, type DuckDbMatch, type MatchSettings } from "./duckdb/sides.ts";
import { matchBySplit } from "./duckdb/split.ts";
import { isWrittenAlike } from "./duckdb/texts.ts";
import type { TableSource } from "./source.ts";
import type { TableReader } from "./table-reader.ts";

export type { DuckDbOptions } from "./duckdb/session.ts";

const MIN_BYTES = 64 * 1024 * 1024;

/** Matches rows by one key column. Returns undefined when DuckDB is not there, is not worth it, or cannot match exactly. */
export async function matchWithDuckDb(match: DuckDbMatch, settings: MatchSettings): Promise<DuckDbFound | undefined> {
  const bytes = match.before.file.byteLength + match.after.file.byteLength;
  if (bytes < (settings.duckdb.minBytes ?? MIN_BYTES) || !isSupported(match)) return undefined;
  const session = await DuckDbSession.open(settings.duckdb, settings.signal);
  if (session === undefined) return undefined;
  try {
    const sides = new DuckDbSides(session, match, settings);
    return (match.split && (await matchBySplit(sides, match.split))) ?? (await matchByJoin(sides));
  } catch (error) {
    settings.signal?.throwIfAborted();
    if (isDuckDbFailure(error)) return undefined;
    throw error;
  } finally {
    session.close();
  }
}

function isSupported({ before, after, readers, plan }: DuckDbMatch): boolean {
  const isReadable = (source: TableSource, reader: TableReader): boolean =>
    source.path !== undefined &&
    !/[*?[\]{}]/.test(source.path) &&
    ((reader.format === "parquet" && reader.columns.every(isWrittenAlike)) || (reader.format !== "jsonl" && reader.encoding === "utf-8"));
  const haveSameTypes = plan.shared.every(
    (column) => readers.before.columns[column.before]?.nativeType === readers.after.columns[column.after]?.nativeType,
  );
  return plan.shared.length > 1 && haveSameTypes && isReadable(before, readers.before) && isReadable(after, readers.after);
}
