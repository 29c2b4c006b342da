import { once } from "node:events";
import * as http from "node:http";

/** Is a request with its whole body, as the in-repository servers see it. */
export interface FakeRequest {
  readonly method: string;
  /** Percent-decoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Is what to answer; a HEAD gets the headers of the body alone. */
export interface FakeAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** Starts a small HTTP server on a free loopback port whose every answer `handle` gives. */
export async function startFakeHttp(
  handle: (request: FakeRequest) => FakeAnswer | Promise<FakeAnswer>,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const server = http.createServer((request, response) => {
    void (async () => {
      const pieces: Buffer[] = [];
      try {
        for await (const piece of request) pieces.push(piece as Buffer);
      } catch {
        return;
      }
      const url = new URL(request.url ?? "/", "http://localhost");
      const method = request.method ?? "GET";
      const answer = await handle({
        method,
        path: decodeURIComponent(url.pathname),
        query: url.searchParams,
        headers: request.headers,
        body: Buffer.concat(pieces),
      });
      const body = Buffer.from(answer.body ?? "");
      response.writeHead(answer.status, { "content-length": String(body.length), ...answer.headers });
      response.end(method === "HEAD" ? undefined : body);
    })().catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** Applies a `Range` header to a body: undefined when it cannot be satisfied. */
export function applyRange(
  body: Buffer,
  range: string | undefined,
): { readonly status: 200 | 206; readonly body: Buffer; readonly contentRange?: string } | undefined {
  const match = /^bytes=(\d+)-(\d*)$/.exec(range ?? "");
  if (match === null) return { status: 200, body };
  const first = Number(match[1]);
  const last = Math.min(body.length - 1, match[2] === "" ? Infinity : Number(match[2]));
  if (first >= body.length) return undefined;
  return { status: 206, body: body.subarray(first, last + 1), contentRange: `bytes ${first}-${last}/${body.length}` };
}
