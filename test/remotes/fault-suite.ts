import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openRemote } from "../../src/remotes/open.ts";
import { RemoteError } from "../../src/remotes/remote-error.ts";
import type { Remote, RemoteFailure } from "../../src/remotes/remote.ts";
import { startFaultProxy, type Fault, type FaultProxy, type SeenRequest } from "./fault-proxy.ts";
import { FAULT_TABLE, OPERATIONS, type Operation } from "./fault-table.ts";
import { hashOf, listAll, readAll, someBytes, source } from "./helpers.ts";
import { startServer, type RunningServer, type ServerKind } from "./servers.ts";
import { listUnfinished } from "./unfinished.ts";

const MIB = 1024 * 1024;
const PART_BYTES: Readonly<Record<ServerKind, number>> = { s3: 5 * MIB, gcs: 256 * 1024, azure: 256 * 1024 };
const SMALL_BYTES = 20_000;
const ALWAYS = 1000;
/** What a failure that no retry gets over is called. */
const REASONS: Readonly<Partial<Record<Fault, RemoteFailure>>> = {
  "expired-credentials": "unauthenticated",
  denied: "denied",
  "clock-skew": "unauthenticated",
  "redirect-elsewhere": "misconfigured",
};

type Chooser = (request: SeenRequest) => boolean;

/** Tells whether a request is the one that an operation's fault should befall. */
const CHOOSES: Readonly<Record<ServerKind, Readonly<Record<Operation, Chooser>>>> = {
  s3: {
    get: ({ method, path }) => method === "GET" && !path.includes("list-type"),
    "get whole": ({ method, path }) => method === "GET" && !path.includes("list-type"),
    put: ({ method }) => method === "PUT",
    replace: ({ method }) => method === "PUT",
    list: ({ method, path }) => method === "GET" && path.includes("list-type=2"),
    begin: ({ method, path }) => method === "POST" && /[?&]uploads/.test(path),
    part: ({ method, path }) => method === "PUT" && path.includes("partNumber=2"),
    end: ({ method, path }) => method === "POST" && path.includes("uploadId="),
  },
  gcs: {
    get: ({ path }) => path.includes("alt=media"),
    "get whole": ({ path }) => path.includes("alt=media"),
    put: ({ method, path }) => method === "POST" && path.includes("/upload/"),
    replace: ({ method, path }) => method === "POST" && path.includes("/upload/"),
    list: ({ method, path }) => method === "GET" && /\/o\?/.test(path),
    begin: ({ method, path }) => method === "GET" && /\/o\?/.test(path),
    part: ({ method, path }) => method === "POST" && path.includes("/upload/") && path.includes("%2F1-"),
    end: ({ method, path }) => method === "POST" && path.includes("/compose"),
  },
  azure: {
    get: ({ method }) => method === "GET",
    "get whole": ({ method }) => method === "GET",
    put: ({ method }) => method === "PUT",
    replace: ({ method }) => method === "PUT",
    list: ({ method, path }) => method === "GET" && path.includes("comp=list"),
    begin: ({ method, path }) => method === "GET" && path.includes("comp=blocklist"),
    part: ({ method, path }) => method === "PUT" && /comp=block(?:&|$)/.test(path),
    end: ({ method, path }) => method === "PUT" && path.includes("comp=blocklist"),
  },
};

/** Is one operation on fresh keys, and what its caller must hold in the end. */
interface Attempt {
  readonly key: string;
  readonly expected: unknown;
  work(): Promise<unknown>;
}

/** Holds one driver to every cell of the table, on the server that `startServer` gives, through the fault proxy. */
export function describeFaults(kind: ServerKind): void {
  describe(`faults of the network and the service under ${kind}`, () => {
    let server: RunningServer;
    let proxy: FaultProxy;
    let remote: Remote;
    let counter = 0;
    /** Every failure that was seen, also those that a retry got over. */
    const failures: unknown[] = [];

    beforeAll(async () => {
      server = await startServer(kind);
      const address = server.options["endpoint"] ?? "";
      const { origin } = new URL(address);
      proxy = await startFaultProxy(origin, kind);
      const options = {
        ...server.options,
        endpoint: address.replace(origin, proxy.url),
        "part-size": String(PART_BYTES[kind]),
        "idle-timeout": "1s",
      };
      remote = await openRemote(
        { name: "origin", url: `${server.url}/faults-${process.pid}`, options, origin: "local" },
        { repositoryRoot: undefined, env: server.env, isTrusted: () => false, onRetry: (error) => void failures.push(error) },
      );
    });
    afterAll(async () => {
      await remote?.close();
      await proxy?.stop();
      await server?.stop();
    });

    const readBack = async (key: string): Promise<unknown> => {
      const data = await readAll(remote, key);
      return data === undefined ? undefined : hashOf(data);
    };

    async function prepare(operation: Operation, fault: Fault): Promise<Attempt> {
      const key = `objects/f${++counter}/${fault}`;
      const isLarge = operation === "begin" || operation === "part" || operation === "end";
      const data = someBytes(isLarge ? PART_BYTES[kind] * 2 + 1000 : SMALL_BYTES, counter);
      switch (operation) {
        case "get": {
          await remote.put(key, source(data));
          const range = { offset: 10, length: SMALL_BYTES - 100 };
          const work = async (): Promise<unknown> => hashOf((await readAll(remote, key, { range })) ?? Buffer.alloc(0));
          return { key, expected: hashOf(data.subarray(10, SMALL_BYTES - 90)), work };
        }
        case "get whole":
          await remote.put(key, source(data));
          return { key, expected: hashOf(data), work: () => readBack(key) };
        case "list": {
          await remote.put(`${key}/1`, source(data));
          await remote.put(`${key}/2`, source(data));
          const work = async (): Promise<unknown> => (await listAll(remote, key)).map((entry) => entry.key).sort();
          return { key, expected: [`${key}/1`, `${key}/2`], work };
        }
        case "replace": {
          const { etag } = await remote.put(key, source(someBytes(100, counter)));
          const work = async (): Promise<unknown> => {
            await remote.replace(key, source(data), { ifMatch: etag, sha256: hashOf(data) });
            return readBack(key);
          };
          return { key, expected: hashOf(data), work };
        }
        case "put":
        case "begin":
        case "part":
        case "end": {
          const work = async (): Promise<unknown> => {
            const { created } = await remote.put(key, source(data), { sha256: hashOf(data) });
            return created ? await readBack(key) : "created by nobody";
          };
          return { key, expected: hashOf(data), work };
        }
      }
    }

    /** No request of ours reached the place that redirects name, and no failure's text or field has what proves who we are. */
    function expectNothingLeaked(): void {
      expect(proxy.elsewhere).toEqual([]);
      const proofs = [...new Set(proxy.seen.map(({ headers }) => headers.authorization ?? ""))].filter((proof) => proof !== "");
      expect(proofs.length).toBeGreaterThan(0);
      const secrets = [...server.secrets, ...proofs.map((proof) => proof.slice(-40))];
      for (const failure of failures.splice(0)) {
        const text = inspect(failure, { depth: 20, showHidden: true });
        for (const secret of secrets) expect(text).not.toContain(secret);
        expect(text).not.toMatch(/AWS4-HMAC|SharedKey |Bearer |Signature=|sig=/);
      }
    }

    async function expectNoOrphan(): Promise<void> {
      await remote.removeUnfinishedUploads(Date.now() + 3_600_000);
      expect(await remote.removeUnfinishedUploads(Date.now() + 3_600_000)).toBe(0);
      expect(await listUnfinished(server)).toEqual([]);
    }

    for (const operation of OPERATIONS) {
      const cells = Object.entries(FAULT_TABLE).map(([fault, row]) => ({ fault: fault as Fault, cell: row[operation] }));
      const heals = cells.filter(({ cell }) => cell === "heals" || (cell === "clock" && kind === "s3"));
      const fails = cells.filter(({ cell }) => cell === "fails" || (cell === "clock" && kind !== "s3"));

      test.each(heals)(`${operation} gets over $fault`, async ({ fault }) => {
        const { expected, work } = await prepare(operation, fault);
        const left = proxy.inject(fault, CHOOSES[kind][operation]);
        try {
          expect(await work()).toEqual(expected);
          expect(left()).toBe(0);
        } finally {
          proxy.clear();
        }
        expectNothingLeaked();
        await expectNoOrphan();
      });

      test.each(fails)(`${operation} fails clearly on $fault, leaks nothing, and works afterwards`, async ({ fault }) => {
        const { key, expected, work } = await prepare(operation, fault);
        const before = await readBack(key);
        const left = proxy.inject(fault, CHOOSES[kind][operation], ALWAYS);
        const error: unknown = await work()
          .then(
            () => undefined,
            (thrown: unknown) => thrown,
          )
          .finally(() => proxy.clear());
        expect(left()).toBeLessThan(ALWAYS);
        expect(error).toBeInstanceOf(RemoteError);
        expect(error).toMatchObject({ reason: REASONS[fault], retryable: false });
        failures.push(error);
        expectNothingLeaked();
        expect(await readBack(key)).toBe(before);
        expect(await work()).toEqual(expected);
        await expectNoOrphan();
      });
    }

    test("an upload of many parts that failed for good leaves nothing visible, and nothing after removeUnfinishedUploads", async () => {
      const key = `objects/f${++counter}/orphan`;
      const data = someBytes(PART_BYTES[kind] * 2 + 1);
      proxy.inject("expired-credentials", CHOOSES[kind].end, ALWAYS);
      await expect(remote.put(key, source(data))).rejects.toMatchObject({ reason: "unauthenticated" });
      proxy.clear();
      expect(await remote.stat(key)).toBeUndefined();
      expect(await listAll(remote, key)).toEqual([]);
      if (kind !== "azure") return expectNoOrphan();
      // Azure drops blocks that nobody committed by itself, and has no way to drop them that is safe beside another writer.
      expect(await listUnfinished(server)).toEqual([expect.stringContaining(key)]);
      await remote.put(key, source(data));
      expect(await listUnfinished(server)).toEqual([]);
    });
  });
}
