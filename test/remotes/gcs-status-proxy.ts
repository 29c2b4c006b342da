/**
 * Stands before fake-gcs-server and answers "how much of this resumable upload do you have?" itself: that server answers 200 and
 * publishes the truncated object (fsouza/fake-gcs-server#2354). Everything else passes through.
 */
import { once } from "node:events";
import * as http from "node:http";

/** Starts the proxy in front of `upstream` on a free loopback port. */
export async function startGcsStatusProxy(upstream: string): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const target = new URL(upstream);
  const committed = new Map<string, number>();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
  const server = http.createServer((request, response) => {
    const session = new URL(request.url ?? "/", upstream).searchParams.get("upload_id");
    const range = request.headers["content-range"];
    if (request.method === "PUT" && session !== null && /^bytes \*\/(?:\*|\d+)$/.test(range ?? "") && range !== "bytes */0") {
      request.resume();
      const known = committed.get(session);
      if (known !== undefined && known !== Infinity) {
        response.writeHead(308, known === 0 ? {} : { range: `bytes=0-${known - 1}` }).end();
        return;
      }
      if (known === undefined) {
        response.writeHead(308).end();
        return;
      }
    }
    const forwarded = http.request(
      {
        host: target.hostname,
        port: target.port,
        method: request.method,
        path: request.url,
        headers: request.headers,
        agent,
      },
      (answer) => {
        const last = /^bytes (\d+)-(\d+)\/(\*|\d+)$/.exec(range ?? "");
        if (session !== null && last !== null && (answer.statusCode ?? 500) < 400) {
          const end = Number(last[2]) + 1;
          committed.set(session, last[3] === String(end) ? Infinity : end);
        }
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.on("error", () => response.destroy());
        answer.pipe(response);
      },
    );
    forwarded.on("error", () => response.destroy());
    request.on("error", () => forwarded.destroy());
    response.on("close", () => {
      if (!response.writableFinished) forwarded.destroy();
    });
    request.pipe(forwarded);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    async stop() {
      server.closeAllConnections();
      server.close();
      agent.destroy();
      await once(server, "close");
    },
  };
}
