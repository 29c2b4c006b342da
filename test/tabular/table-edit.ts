/** Edits a table in known ways and says what a diff has to find. */

/** Is a table as texts, the header first. */
export type Cells = readonly (readonly string[])[];

/** Says how a table is written as delimited text. */
export interface CsvForm {
  readonly delimiter: string;
  readonly newline: string;
  readonly quotes: "needed" | "all";
  readonly encoding: "utf8" | "utf8-bom" | "utf16le";
}

/** Reads a comma-separated text with quotes; empty lines are no rows. */
export function parseCsv(text: string): Cells {
  const rows: string[][] = [];
  let row: string[] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/gy;
  while (cell.lastIndex < text.length) {
    const match = cell.exec(text);
    if (match === null) throw new Error("the table is malformed");
    row.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === ",") continue;
    if (row.length > 1 || row[0] !== "") rows.push(row);
    row = [];
  }
  return rows;
}

/** Writes a table. */
export function formatCsv(cells: Cells, { delimiter, newline, quotes, encoding }: CsvForm): Uint8Array {
  const needed = (text: string): boolean => quotes === "all" || /["\r\n]/.test(text) || text.includes(delimiter);
  const write = (text: string): string => (needed(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const text = cells.map((row) => row.map(write).join(delimiter) + newline).join("");
  const mark = encoding === "utf8" ? "" : "\uFEFF";
  return Buffer.from(mark + text, encoding === "utf16le" ? "utf16le" : "utf8");
}

interface EditedRow {
  /** The row before; undefined for an inserted one. */
  readonly from: readonly string[] | undefined;
  cells: string[];
}

/** Edits a copy of a table; each row is touched by at most one kind of edit. */
export class TableEdit {
  readonly key: readonly string[];
  readonly added: string[][] = [];
  readonly removed: (readonly string[])[] = [];
  isReversed = false;
  retyped: readonly string[] = [];
  readonly #header: readonly string[];
  readonly #columns: { name: string; readonly from: number | undefined }[];
  #rows: EditedRow[];
  readonly #before: Cells;
  #isMoved = false;
  #state: number;

  constructor(table: Cells, key: readonly string[], seed: number) {
    const [header = [], ...rows] = table;
    this.key = key;
    this.#header = header;
    this.#before = rows;
    this.#columns = header.map((name, from) => ({ name, from }));
    this.#rows = rows.map((row) => ({ from: row, cells: [...row] }));
    this.#state = seed;
  }

  /** Changes one cell, never of the key, in each of some rows. */
  changeCells(count: number): this {
    const places = this.#columns.flatMap(({ name, from }, place) => (this.key.includes(name) || from === undefined ? [] : [place]));
    for (const row of this.#pick(count)) {
      const place = places[this.#random(places.length)] ?? 0;
      row.cells[place] = `${row.cells[place] ?? ""}7`;
    }
    return this;
  }

  /** Changes a column in all rows, so that its type is another. */
  changeColumn(name: string, change: (text: string) => string): this {
    const place = this.#columns.findIndex((column) => column.name === name);
    for (const row of this.#rows) row.cells[place] = change(row.cells[place] ?? "");
    this.retyped = [name];
    return this;
  }

  removeRows(count: number): this {
    const gone = new Set(this.#pick(count));
    for (const row of gone) if (row.from !== undefined) this.removed.push(row.from);
    this.#rows = this.#rows.filter((row) => !gone.has(row));
    return this;
  }

  /** Inserts rows with keys that no other row has. */
  insertRows(count: number): this {
    for (let row = 0; row < count; row++) {
      const cells = this.#columns.map(({ name }) => (this.key.includes(name) ? `new ${row}` : `${this.#random(1000)}`));
      this.added.push(cells);
      this.#rows.splice(this.#random(this.#rows.length), 0, { from: undefined, cells });
    }
    return this;
  }

  /** Puts some rows in a second time. */
  duplicateRows(count: number): this {
    for (let row = 0; row < count; row++) {
      const cells = [...(this.#rows[this.#random(this.#rows.length)]?.cells ?? [])];
      this.#rows.splice(this.#random(this.#rows.length), 0, { from: undefined, cells });
    }
    return this;
  }

  reverseRows(): this {
    this.#rows.reverse();
    this.isReversed = true;
    return this;
  }

  renameColumn(name: string, to: string): this {
    const column = this.#columns.find((found) => found.name === name);
    if (column !== undefined) column.name = to;
    return this;
  }

  dropColumn(name: string): this {
    const place = this.#columns.findIndex((column) => column.name === name);
    this.#columns.splice(place, 1);
    for (const row of this.#rows) row.cells.splice(place, 1);
    return this;
  }

  addColumn(name: string, value: string): this {
    this.#columns.push({ name, from: undefined });
    for (const row of this.#rows) row.cells.push(value);
    return this;
  }

  moveColumn(name: string, to: number): this {
    const place = this.#columns.findIndex((column) => column.name === name);
    this.#columns.splice(to, 0, ...this.#columns.splice(place, 1));
    for (const row of this.#rows) row.cells.splice(to, 0, ...row.cells.splice(place, 1));
    this.#isMoved = true;
    return this;
  }

  /** Returns the edited table. */
  cells(): Cells {
    return [this.#columns.map(({ name }) => name), ...this.#rows.map((row) => row.cells)];
  }

  /** Returns the names, before and after, of columns that both versions have. */
  sharedColumns(): [string, string][] {
    return this.#columns.flatMap(({ name, from }): [string, string][] => (from === undefined ? [] : [[this.#header[from] ?? "", name]]));
  }

  /** Returns every changed cell as a diff names it. */
  changes(): { key: string[]; column: string; before: string; after: string }[] {
    return this.#rows.flatMap(({ from, cells }) => {
      if (from === undefined) return [];
      const key = this.key.map((name) => from[this.#header.indexOf(name)] ?? "");
      return this.#columns.flatMap((column, place) => {
        if (column.from === undefined) return [];
        const [before = "", after = ""] = [from[column.from], cells[place]];
        return before === after ? [] : [{ key, column: column.name, before, after }];
      });
    });
  }

  /** Returns the columns of which some cell came, went or changed. */
  touchedColumns(): string[] {
    const isAll = this.added.length + this.removed.length > 0;
    return isAll ? this.#columns.map(({ name }) => name) : this.changes().map(({ column }) => column);
  }

  counts(): { added: number; removed: number; changed: number; unchanged: number } {
    const changed = new Set(this.changes().map(({ key }) => JSON.stringify(key))).size;
    const kept = this.#rows.filter(({ from }) => from !== undefined).length;
    return { added: this.added.length, removed: this.removed.length, changed, unchanged: kept - changed };
  }

  /** Returns how many rows one version has more often than the other. */
  multisetCounts(): { added: number; removed: number } {
    const times = new Map<string, number>();
    for (const row of this.#before) times.set(row.join("\u0000"), (times.get(row.join("\u0000")) ?? 0) - 1);
    for (const { cells } of this.#rows) times.set(cells.join("\u0000"), (times.get(cells.join("\u0000")) ?? 0) + 1);
    const differences = [...times.values()];
    return {
      added: differences.reduce((sum, count) => sum + Math.max(0, count), 0),
      removed: differences.reduce((sum, count) => sum + Math.max(0, -count), 0),
    };
  }

  /** Returns what a diff says of the columns. */
  schema(): unknown {
    const kept = new Set(this.#columns.map(({ from }) => from));
    return {
      added: this.#columns.flatMap(({ name, from }) => (from === undefined ? [name] : [])),
      dropped: this.#header.filter((_, place) => !kept.has(place)),
      renamed: this.sharedColumns().flatMap(([before, after]) => (before === after ? [] : [{ before, after }])),
      isReordered: this.#isMoved,
    };
  }

  /** Picks rows that no edit has touched. */
  #pick(count: number): EditedRow[] {
    const free = this.#rows.filter((row) => row.from !== undefined && this.#isUntouched(row));
    return Array.from({ length: Math.min(count, free.length) }, () => free.splice(this.#random(free.length), 1)).flat();
  }

  #isUntouched({ from, cells }: EditedRow): boolean {
    return from !== undefined && this.#columns.every((column, place) => column.from === undefined || from[column.from] === cells[place]);
  }

  #random(below: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * below);
  }
}
