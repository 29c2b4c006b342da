import * as fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** Is the repository's root. */
export const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));

/** Returns a file of the repository as text. */
export function readText(file: string): string {
  return fs.readFileSync(path.join(root, file), "utf8");
}

/** Returns the paths of all files below a folder whose names end so, relative to the root. */
export function listFiles(folder: string, suffix: string): string[] {
  return fs
    .readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => path.posix.join(folder, name.split(path.sep).join("/")))
    .filter((name) => name.endsWith(suffix))
    .sort();
}

/** Returns a Markdown page's sections by their headings of one level, what stands before the first left out. */
export function readSections(page: string, level: number): Map<string, string> {
  const sections = new Map<string, string>();
  const marks = "#".repeat(level);
  for (const part of readText(page).split(new RegExp(`^(?=${marks} )`, "m"))) {
    const match = new RegExp(`^${marks} (.+)\\n`).exec(part);
    if (match !== null) sections.set(match[1] ?? "", part.slice(match[0].length));
  }
  return sections;
}
