import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

/** Loads @duckdb/node-api from this project, or from the folder that `MLV_TEST_DUCKDB` names; undefined when it is in neither. */
export async function loadDuckDb(): Promise<unknown> {
  const from = [path.join(import.meta.dirname, "x.js"), path.join(process.env["MLV_TEST_DUCKDB"] ?? "/nonexistent", "x.js")];
  for (const place of from) {
    try {
      return (await import(pathToFileURL(createRequire(place).resolve("@duckdb/node-api")).href)) as unknown;
    } catch {
      continue;
    }
  }
  return undefined;
}

/** Is what the tests use of the package. */
export interface DuckDbForTests {
  readonly DuckDBInstance: {
    create(
      path: string,
    ): Promise<{ connect(): Promise<{ runAndReadAll(sql: string): Promise<{ getRowObjectsJson(): Record<string, unknown>[] }> }> }>;
  };
}
