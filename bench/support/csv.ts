import * as fs from "node:fs";
import { SeededNumbers } from "./seeded.ts";

const NAMES = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven", "inlet", "joule", "karst", "lotus"];
const HEADER = "id,time,name,group,value,score,flag\n";
const FLUSH_CHARACTERS = 1 << 20;

/** Says what a table of the benchmark holds. */
export interface CsvPlan {
  readonly seed: string;
  readonly bytes: number;
}

/** Says how the edited copy differs. */
export interface CsvEdit {
  readonly insertedRows: number;
  readonly changedCells: number;
}

/** Writes a table of about `plan.bytes`. Returns its number of rows. */
export function writeCsv(file: string, plan: CsvPlan): number {
  const numbers = new SeededNumbers(plan.seed);
  const out = fs.openSync(file, "w");
  let text = HEADER;
  let written = 0;
  let rows = 0;
  while (written + text.length < plan.bytes) {
    text += formatRow(rows++, numbers);
    if (text.length < FLUSH_CHARACTERS) continue;
    written += fs.writeSync(out, text);
    text = "";
  }
  fs.writeSync(out, text);
  fs.closeSync(out);
  return rows;
}

/** Writes a copy with rows inserted in the middle and the fifth cell of random rows changed; streams, a block at a time. */
export function writeEditedCsv(source: string, target: string, options: CsvEdit & { readonly rows: number; readonly seed: string }): void {
  const numbers = new SeededNumbers(options.seed);
  const changed = new Set<number>();
  while (changed.size < Math.min(options.changedCells, options.rows)) changed.add(numbers.below(options.rows));
  const middle = Math.floor(options.rows / 2);
  const out = fs.openSync(target, "w");
  const block = Buffer.allocUnsafe(1 << 22);
  const input = fs.openSync(source, "r");
  let rest = "";
  let row = -1;
  for (let length = fs.readSync(input, block); length > 0; length = fs.readSync(input, block)) {
    const lines = (rest + block.toString("latin1", 0, length)).split("\n");
    rest = lines.pop() ?? "";
    const edited: string[] = [];
    for (const line of lines) {
      if (row === middle)
        for (let extra = 0; extra < options.insertedRows; extra++) edited.push(formatRow(options.rows + extra, numbers).trimEnd());
      edited.push(changed.has(row) ? changeCell(line, numbers) : line);
      row++;
    }
    fs.writeSync(out, `${edited.join("\n")}\n`, null, "latin1");
  }
  fs.closeSync(input);
  fs.closeSync(out);
}

function formatRow(id: number, numbers: SeededNumbers): string {
  const value = (numbers.uint32() / 1000).toFixed(3);
  const score = (numbers.uint32() / 2 ** 32).toFixed(9);
  const name = NAMES[numbers.below(NAMES.length)] ?? "";
  const minutes = numbers.below(60);
  const time = `2026-${pad((id >> 20) % 12)}-${pad((id >> 12) % 28)}T${String(id % 24).padStart(2, "0")}:${String(minutes).padStart(2, "0")}:00Z`;
  return `${id},${time},${name}-${numbers.below(10_000)},${id % 100},${value},${score},${minutes % 2 === 0}\n`;
}

function pad(value: number): string {
  return String(value + 1).padStart(2, "0");
}

function changeCell(line: string, numbers: SeededNumbers): string {
  const cells = line.split(",");
  cells[4] = (numbers.uint32() / 1000).toFixed(3);
  return cells.join(",");
}
