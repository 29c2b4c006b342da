/** A DuckDB in memory, from the optional package @duckdb/node-api: loaded only when it is asked for, and only when it is installed. */
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";

/** Says how DuckDB is used. */
export interface DuckDbOptions {
  /** Files smaller than this, together, are not worth it; 64 MiB unless said otherwise. */
  readonly minBytes?: number;
  /** Bytes that DuckDB may take for its tables before it spills to disk; 400 MiB unless said otherwise. */
  readonly memoryBytes?: number;
  /** Loads the package; by default `import("@duckdb/node-api")`. */
  readonly load?: () => Promise<unknown>;
}

const MEMORY_BYTES = 400 * 1024 * 1024;
const PACKAGE = "@duckdb/node-api";

/** Is what is used of the package. */
interface DuckDbPackage {
  readonly DuckDBInstance: { create(path: string, options: Record<string, string>): Promise<DuckDbInstance> };
}

interface DuckDbInstance {
  connect(): Promise<DuckDbConnection>;
  closeSync(): void;
}

interface DuckDbConnection {
  runAndReadAll(sql: string): Promise<{ getRowObjectsJson(): Record<string, unknown>[] }>;
  interrupt(): void;
  closeSync(): void;
}

/** Is thrown for whatever DuckDB refuses. */
class DuckDbFailure extends Error {}

/** Tells whether DuckDB refused to do something, for which mlv has its own way. */
export function isDuckDbFailure(error: unknown): boolean {
  return error instanceof DuckDbFailure;
}

/** Runs queries until it is closed. */
export class DuckDbSession {
  readonly #instance: DuckDbInstance;
  readonly #connection: DuckDbConnection;
  readonly #tempFolder: string;
  readonly #signal: AbortSignal | undefined;
  readonly #interrupt = (): void => this.#connection.interrupt();

  private constructor(instance: DuckDbInstance, connection: DuckDbConnection, tempFolder: string, signal: AbortSignal | undefined) {
    this.#instance = instance;
    this.#connection = connection;
    this.#tempFolder = tempFolder;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#interrupt);
  }

  /** Opens a DuckDB that installs nothing and keeps to its memory; undefined when the package is not installed or does not start. */
  static async open(options: DuckDbOptions, signal?: AbortSignal): Promise<DuckDbSession | undefined> {
    let tempFolder: string | undefined;
    try {
      const loaded: unknown = await (options.load ?? (async () => import(PACKAGE)))();
      if (!isPackage(loaded)) return undefined;
      tempFolder = await mkdtemp(path.join(tmpdir(), "mlv-duckdb-"));
      const instance = await loaded.DuckDBInstance.create(":memory:", {
        memory_limit: `${Math.ceil((options.memoryBytes ?? MEMORY_BYTES) / 1024 / 1024)}MiB`,
        temp_directory: tempFolder,
        threads: String(Math.min(8, availableParallelism())),
        preserve_insertion_order: "false",
        autoinstall_known_extensions: "false",
        autoload_known_extensions: "false",
      });
      const connection = await instance.connect();
      // Points in time are texts in UTC. Without the extension that knows time zones, they are anyway.
      await connection.runAndReadAll("SET TimeZone = 'UTC'").catch(() => undefined);
      return new DuckDbSession(instance, connection, tempFolder, signal);
    } catch {
      // Not installed, built for another platform, or a version with other options: mlv's own matching does the same work.
      if (tempFolder !== undefined) rmSync(tempFolder, { recursive: true, force: true });
      return undefined;
    }
  }

  /** Runs a query and returns its rows, big numbers as texts. */
  async rows(sql: string): Promise<Record<string, unknown>[]> {
    try {
      return (await this.#connection.runAndReadAll(sql)).getRowObjectsJson();
    } catch (error) {
      throw new DuckDbFailure("DuckDB refused a query", { cause: error });
    }
  }

  /** Ends the session and removes what it spilled. */
  close(): void {
    this.#signal?.removeEventListener("abort", this.#interrupt);
    this.#connection.closeSync();
    this.#instance.closeSync();
    rmSync(this.#tempFolder, { recursive: true, force: true });
  }
}

function isPackage(value: unknown): value is DuckDbPackage {
  return typeof value === "object" && value !== null && "DuckDBInstance" in value;
}
