import { diffTables, type DiffTablesOptions, type TableDiff } from "../../src/tabular/diff.ts";
import { tableFromBytes } from "../../src/tabular/source.ts";

/** Compares two versions of a table held in memory; a CSV file unless `name` says otherwise. */
export async function diffTexts(
  before: string | Uint8Array,
  after: string | Uint8Array,
  options: DiffTablesOptions & { name?: string } = {},
): Promise<TableDiff> {
  const { name = "t.csv", ...rest } = options;
  const bytes = (content: string | Uint8Array): Uint8Array => (typeof content === "string" ? Buffer.from(content) : content);
  return diffTables(tableFromBytes(name, bytes(before)), tableFromBytes(name, bytes(after)), rest);
}
