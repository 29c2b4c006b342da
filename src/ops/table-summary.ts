import type { TableSummary } from "../formats/pointer.ts";
import { createTableDescriber, tableFormatOf } from "../tabular/describe.ts";

/** Watches a file's bytes go by and then describes the table in them. */
export interface TableWatch {
  /** Absent for a format that is described from its end, not from the bytes as they pass. */
  readonly onData: ((data: Uint8Array) => void) | undefined;
  finish(): Promise<TableSummary | undefined>;
}

/** Returns what describes a table while its file is hashed, or undefined for a file that cannot be one by its name. */
export function describeTable(file: string): TableWatch | undefined {
  if (tableFormatOf(file) === "parquet") return { onData: undefined, finish: () => describeParquetFile(file) };
  const describer = createTableDescriber(file);
  if (describer === undefined) return undefined;
  return { onData: (data) => describer.update(data), finish: async () => describer.finish() };
}

/** Only the footer is read. A file that is no Parquet after all has no summary. */
async function describeParquetFile(file: string): Promise<TableSummary | undefined> {
  const { describeParquet } = await import("../tabular/parquet.ts");
  const { openTableFile } = await import("../tabular/source.ts");
  const source = await openTableFile(file);
  try {
    return await describeParquet(source.file);
  } finally {
    await source.close();
  }
}
