import * as fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** Is the folder of the project. */
export const ROOT = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));

/** Is one source file, its path relative to the project. */
export interface Source {
  readonly file: string;
  readonly text: string;
}

/** Returns the text of a page. */
export function readPage(name: string): string {
  return fs.readFileSync(path.join(ROOT, name), "utf8");
}

/** Returns the names of all Markdown pages under a folder of the project. */
export function listPages(folder: string): string[] {
  return fs
    .readdirSync(path.join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => path.join(folder, name));
}

/** Returns every TypeScript file under a folder of the project. */
export function readSources(folder: string): Source[] {
  return fs
    .readdirSync(path.join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => path.join(folder, name))
    .map((file) => ({ file, text: readPage(file) }));
}

/** Returns what stands under a second-level title, up to the next one; undefined when there is no such title. */
export function findSection(page: string, title: string): string | undefined {
  return page
    .split(/^## /m)
    .slice(1)
    .find((section) => section.startsWith(`${title}\n`));
}

/** Returns the cells of every table row of a page. */
export function readTables(page: string): string[][] {
  return page
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    );
}
