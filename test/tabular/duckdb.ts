/** Not written in the import: types and checks go on where the package is not installed. */
const PACKAGE: string = "@duckdb/node-api";

/** Loads @duckdb/node-api; undefined where its native part does not exist for this platform. */
export async function loadDuckDb(): Promise<unknown> {
  try {
    return (await import(PACKAGE)) as unknown;
  } catch {
    return undefined;
  }
}

/** Is what the tests use of the package. */
export interface DuckDbForTests {
  readonly DuckDBInstance: {
    create(
      path: string,
    ): Promise<{ connect(): Promise<{ runAndReadAll(sql: string): Promise<{ getRowObjectsJson(): Record<string, unknown>[] }> }> }>;
  };
}
