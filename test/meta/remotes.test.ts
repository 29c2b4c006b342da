import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { readPage, readSources, ROOT } from "./pages.ts";

/** Is the one folder that is no driver. */
const WRAPPERS = "wrappers";
/** Has no URL: tests use it, people cannot. */
const WITHOUT_PAGE = new Set(["memory"]);

const drivers = fs
  .readdirSync(path.join(ROOT, "src/remotes"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name !== WRAPPERS)
  .map((entry) => entry.name);

test("the drivers are found where they are expected", () => {
  expect(drivers).toEqual(expect.arrayContaining(["azure", "folder", "gcs", "memory", "s3"]));
});

test("every driver has a page, and every page is of a driver", () => {
  const pages = listPages().map((page) => path.basename(page, ".md"));
  expect(drivers.filter((driver) => !WITHOUT_PAGE.has(driver) && !pages.includes(driver))).toEqual([]);
  expect(pages.filter((page) => !drivers.includes(page))).toEqual([]);
});

test("every driver's page says how to add it and which rights it needs or that it needs none", () => {
  for (const driver of drivers) {
    if (WITHOUT_PAGE.has(driver)) continue;
    const page = readPage(`docs/remotes/${driver}.md`);
    expect([driver, page]).toEqual([driver, expect.stringMatching(/mlv remote add/)]);
  }
});

test("every driver is held to the contract by a test file that calls the suite", () => {
  const texts = new Map(readSources("test/remotes").map(({ file, text }) => [file, text]));
  const files = [...texts.keys()];
  const uses = (file: string, driver: string, seen = new Set<string>()): boolean => {
    if (seen.has(file)) return false;
    seen.add(file);
    const text = texts.get(file) ?? "";
    if (text.includes(`src/remotes/${driver}/`) || text.includes(`startServer("${driver}"`)) return true;
    const imported = [...text.matchAll(/from "\.\/([\w-]+\.ts)"/g)].map((match) => path.join("test", "remotes", match[1] ?? ""));
    return imported.some((inner) => path.basename(inner) !== "contract.ts" && uses(inner, driver, seen));
  };
  const suites = files.filter((file) => file.endsWith(".test.ts") && /^describeRemote\(|^\s+describeRemote\(/m.test(texts.get(file) ?? ""));
  expect(drivers.filter((driver) => !suites.some((file) => uses(file, driver)))).toEqual([]);
});

test("the contract's suite skips nothing", () => {
  expect(readPage("test/remotes/contract.ts")).not.toMatch(/\.(?:skip|skipIf|todo|runIf)\b/);
});

test("every scheme of a URL is on the page of some driver", () => {
  const pages = listPages().map(readPage).join("\n");
  const missing = ["s3://", "gs://", "az://", "file://"].filter((scheme) => !pages.includes(scheme));
  expect(missing).toEqual([]);
});

function listPages(): string[] {
  const names = fs.readdirSync(path.join(ROOT, "docs", "remotes")).filter((name) => name.endsWith(".md"));
  return names.map((name) => path.join("docs", "remotes", name));
}
