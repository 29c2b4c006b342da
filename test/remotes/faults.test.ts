import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RemoteError } from "../../src/remotes/remote-error.ts";
import type { Remote } from "../../src/remotes/remote.ts";
import { openOn } from "./cloud.ts";
import { startFaultProxy, type Fault, type FaultProxy, type SeenRequest } from "./fault-proxy.ts";
import { hashOf, listAll, readAll, someBytes, source } from "./helpers.ts";
import { startServer, type RunningServer, type ServerKind } from "./servers.ts";

type Operation = "get" | "put" | "list" | "multipart" | "multipart end";

const TRANSIENT_GET: readonly Fault[] = [
  "status-503",
  "throttled-429",
  "reset-download",
  "truncated-with-length",
  "truncated-without-length",
];
const RECOVERS: Readonly<Record<Operation, readonly Fault[]>> = {
  get: [...TRANSIENT_GET, "lost-reply", "html-200", "stalled-body", "wrong-length"],
  put: ["status-503", "throttled-429", "reset-upload", "lost-reply", "flipped-byte-up", "html-200", "stalled-body"],
  list: [...TRANSIENT_GET, "lost-reply", "html-200", "stalled-body", "empty-page"],
  multipart: ["status-503", "throttled-429", "reset-upload", "lost-reply", "flipped-byte-up", "html-200"],
  "multipart end": ["status-503", "throttled-429", "lost-reply", "html-200", "stalled-body"],
};
const REFUSALS: readonly Fault[] = ["expired-credentials", "redirect-elsewhere"];
const MIB = 1024 * 1024;

/** Tells whether a request is the one that an operation's fault should befall. */
const CHOOSES: Readonly<Record<ServerKind, Readonly<Record<Operation, (request: SeenRequest) => boolean>>>> = {
  s3: {
    get: ({ method }) => method === "GET",
    put: ({ method }) => method === "PUT",
    list: ({ method, path }) => method === "GET" && path.includes("list-type=2"),
    multipart: ({ method, path }) => method === "PUT" && path.includes("partNumber=2"),
    "multipart end": ({ method, path }) => method === "POST" && path.includes("uploadId="),
  },
  gcs: {
    get: ({ path }) => path.includes("alt=media"),
    put: ({ method, path }) => method === "POST" && path.includes("/upload/"),
    list: ({ method, path }) => method === "GET" && /\/o\?/.test(path),
    multipart: ({ method, path }) => method === "POST" && path.includes("/upload/") && path.includes("%2F1-"),
    "multipart end": ({ method, path }) => method === "POST" && path.includes("/compose"),
  },
  azure: {
    get: ({ method }) => method === "GET",
    put: ({ method }) => method === "PUT",
    list: ({ method, path }) => method === "GET" && path.includes("comp=list"),
    multipart: ({ method, path }) => method === "PUT" && /comp=block(?:&|$)/.test(path),
    "multipart end": ({ method, path }) => method === "PUT" && path.includes("comp=blocklist"),
  },
};
const PART_BYTES: Readonly<Record<ServerKind, number>> = { s3: 5 * MIB, gcs: 256 * 1024, azure: 256 * 1024 };

for (const kind of ["s3", "gcs", "azure"] as const) {
  describe(`faults of the network and the service under ${kind}`, () => {
    let server: RunningServer;
    let proxy: FaultProxy;
    let remote: Remote;
    let secrets: readonly string[];
    let counter = 0;

    beforeAll(async () => {
      server = await startServer(kind);
      const { origin } = new URL(server.options["endpoint"] ?? "");
      proxy = await startFaultProxy(origin, kind);
      const endpoint = (server.options["endpoint"] ?? "").replace(origin, proxy.url);
      secrets = Object.values(server.env).filter((value) => /secret|==$/.test(value));
      remote = await openOn(
        { ...server, options: { ...server.options, endpoint } },
        { "part-size": String(PART_BYTES[kind]), "idle-timeout": "1s" },
      );
    });
    afterAll(async () => {
      await remote?.close();
      await proxy?.stop();
      await server?.stop();
    });

    /** Does one operation on fresh keys under a fault and returns what a caller would hold in the end. */
    async function attempt(
      operation: Operation,
      fault: Fault,
    ): Promise<{ expected: unknown; work: () => Promise<unknown>; unharmed: () => Promise<unknown> }> {
      const key = `objects/f${++counter}/${fault}`;
      const isLarge = operation.startsWith("multipart");
      const data = someBytes(isLarge ? PART_BYTES[kind] * 2 + 1000 : 150_000, counter);
      const readBack = async (): Promise<unknown> => hashOf((await readAll(remote, key)) ?? Buffer.alloc(0));
      switch (operation) {
        case "get": {
          await remote.put(key, source(data));
          const range = { offset: 10, length: 140_000 };
          const read = async (): Promise<unknown> => hashOf((await readAll(remote, key, { range })) ?? Buffer.alloc(0));
          return { expected: hashOf(data.subarray(10, 140_010)), work: read, unharmed: read };
        }
        case "list": {
          await remote.put(`${key}/1`, source(data));
          await remote.put(`${key}/2`, source(data));
          const list = async (): Promise<unknown> => (await listAll(remote, key)).map((entry) => entry.key).sort();
          return { expected: [`${key}/1`, `${key}/2`], work: list, unharmed: list };
        }
        case "put":
        case "multipart":
        case "multipart end": {
          const put = async (): Promise<unknown> => {
            const { created } = await remote.put(key, source(data), { sha256: hashOf(data) });
            return created ? await readBack() : "created by nobody";
          };
          return { expected: hashOf(data), work: put, unharmed: put };
        }
      }
    }

    for (const operation of ["get", "put", "list", "multipart", "multipart end"] as const) {
      test.each(RECOVERS[operation].map((fault) => ({ fault })))(`${operation} gets over $fault`, async ({ fault }) => {
        const { expected, work } = await attempt(operation, fault);
        const left = proxy.inject(fault, CHOOSES[kind][operation]);
        expect(await work()).toEqual(expected);
        expect(left()).toBe(0);
        proxy.clear();
      });

      test.each(REFUSALS.map((fault) => ({ fault })))(
        `${operation} fails clearly on $fault, leaks nothing, and works afterwards`,
        async ({ fault }) => {
          const { expected, work, unharmed } = await attempt(operation, fault);
          const left = proxy.inject(fault, CHOOSES[kind][operation], 100);
          const error: unknown = await work().then(
            () => undefined,
            (thrown: unknown) => thrown,
          );
          expect(left()).toBeLessThan(100);
          proxy.clear();
          expect(error).toBeInstanceOf(RemoteError);
          expect(error).toMatchObject({ reason: fault === "redirect-elsewhere" ? "misconfigured" : "unauthenticated", retryable: false });
          const text = inspect(error, { depth: 20, showHidden: true });
          for (const secret of secrets) expect(text).not.toContain(secret);
          expect(text).not.toMatch(/AWS4-HMAC|SharedKey |Bearer |Signature=|sig=/);
          expect(proxy.elsewhere).toEqual([]);
          expect(await unharmed()).toEqual(expected);
        },
      );
    }

    test("a machine whose clock is wrong is told so, or learns the service's time", async () => {
      const { expected, work } = await attempt("put", "clock-skew");
      proxy.inject("clock-skew", CHOOSES[kind].put);
      const outcome: unknown = await work().catch((error: unknown) => error);
      if (kind === "s3") expect(outcome).toBe(expected);
      else expect(outcome).toMatchObject({ reason: "unauthenticated" });
      proxy.clear();
    });

    test("an upload of many parts that failed half-way is gone after removeUnfinishedUploads", async () => {
      const key = `objects/f${++counter}/orphan`;
      proxy.inject("expired-credentials", CHOOSES[kind]["multipart end"], 1000);
      await expect(remote.put(key, source(someBytes(PART_BYTES[kind] * 2 + 1)))).rejects.toMatchObject({ reason: "unauthenticated" });
      proxy.clear();
      await remote.removeUnfinishedUploads(Date.now() + 3_600_000);
      expect(await remote.removeUnfinishedUploads(Date.now() + 3_600_000)).toBe(0);
      expect(await remote.stat(key)).toBeUndefined();
    });
  });
}
