/** The rows of a small table, as texts by column. */
import { rowTexts } from "../batch.ts";
import type { TableReader } from "../table-reader.ts";
import { TypeCollector, type ColumnType } from "../text/infer.ts";

/** Are cells by column, a row's at the same place in each, and what types they have. */
export interface RowsByColumn {
  readonly cells: readonly (readonly string[])[];
  readonly types: readonly ColumnType[];
}

/** Reads all rows of a table of delimited text into memory. A cell that a row does not have is empty. */
export async function readRowTexts(reader: TableReader, signal?: AbortSignal): Promise<RowsByColumn> {
  const cells: string[][] = reader.columns.map(() => []);
  const types = new TypeCollector();
  for await (const batch of reader.readBatches(signal)) {
    for (let row = 0; row < batch.rowCount; row++) {
      const texts = rowTexts(batch, row);
      for (const [place, column] of cells.entries()) {
        const text = texts[place] ?? "";
        column.push(text);
        types.addText(place, text);
      }
    }
  }
  return { cells, types: reader.columns.map((_, place) => types.typeOf(place)) };
}
