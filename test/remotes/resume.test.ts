import { expect, onTestFinished, test } from "vitest";
import { openOn } from "./cloud.ts";
import { startFaultProxy, type SeenRequest } from "./fault-proxy.ts";
import { hashOf, readAll, someBytes, source } from "./helpers.ts";
import { startServer, type ServerKind } from "./servers.ts";

const MIB = 1024 * 1024;
const SERVICES: readonly { readonly kind: ServerKind; readonly partBytes: number; readonly isPart: (request: SeenRequest) => boolean }[] = [
  { kind: "s3", partBytes: 5 * MIB, isPart: ({ method, path }) => method === "PUT" && path.includes("partNumber=") },
  { kind: "gcs", partBytes: MIB, isPart: ({ method, path }) => method === "POST" && path.includes("/upload/") },
  { kind: "azure", partBytes: MIB, isPart: ({ method, path }) => method === "PUT" && /comp=block(?:&|$)/.test(path) },
];

test.each(SERVICES)(
  "an upload to $kind that was stopped goes on in another process without sending finished parts again",
  async ({ kind, partBytes, isPart }) => {
    const server = await startServer(kind);
    onTestFinished(() => server.stop());
    const { origin } = new URL(server.options["endpoint"] ?? "");
    const proxy = await startFaultProxy(origin, kind);
    const endpoint = (server.options["endpoint"] ?? "").replace(origin, proxy.url);
    const place = { ...server, options: { ...server.options, endpoint } };
    const options = { "part-size": String(partBytes), concurrency: "1" };
    const data = someBytes(partBytes * 5 + 77, 3);
    const partsSeen = (): number => proxy.seen.filter(isPart).length;

    const first = await openOn(place, options, "shared");
    const controller = new AbortController();
    const stop = new Error("stopped");
    const onProgress = (sent: number): void => {
      if (sent >= partBytes * 3) controller.abort(stop);
    };
    await expect(first.put("objects/ab/big", source(data), { sha256: hashOf(data), signal: controller.signal, onProgress })).rejects.toBe(
      stop,
    );
    expect(await first.stat("objects/ab/big")).toBeUndefined();
    const before = partsSeen();
    expect(before).toBeGreaterThanOrEqual(3);
    await first.close();

    const second = await openOn(place, options, "shared");
    expect((await second.put("objects/ab/big", source(data), { sha256: hashOf(data) })).created).toBe(true);
    const again = proxy.seen.filter(isPart).slice(before);
    expect(again).toHaveLength(3);
    expect(hashOf((await readAll(second, "objects/ab/big")) ?? Buffer.alloc(0))).toBe(hashOf(data));
    expect(await second.removeUnfinishedUploads(Date.now() + 3_600_000)).toBe(0);

    // Other bytes under the same key must not be mixed with parts that lie there.
    const half = new AbortController();
    const other = someBytes(partBytes * 3, 8);
    await expect(
      second.put("objects/ab/other", source(data.subarray(0, partBytes * 3)), { signal: half.signal, onProgress: () => half.abort(stop) }),
    ).rejects.toBe(stop);
    await second.put("objects/ab/other", source(other));
    expect(hashOf((await readAll(second, "objects/ab/other")) ?? Buffer.alloc(0))).toBe(hashOf(other));
    await second.close();
    // Google's resumable sessions cannot be listed, so nobody could clean them up.
    expect(proxy.seen.filter(({ path }) => path.includes("uploadType=resumable"))).toEqual([]);
    await proxy.stop();
  },
);
