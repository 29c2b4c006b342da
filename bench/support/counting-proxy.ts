import * as http from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** Is what went through a proxy: every byte of requests and responses, headers included. */
export interface Traffic {
  readonly requests: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Requests by method. */
  readonly methods: Readonly<Record<string, number>>;
}

/** Is a running proxy in front of one server. */
export interface CountingProxy {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Returns what went through since the last call. */
  take(): Traffic;
  stop(): Promise<void>;
}

/** Starts a proxy on a free loopback port that hands everything to `http://127.0.0.1:targetPort`, after `delayMs` for each request. */
export async function startCountingProxy(targetPort: number, delayMs = 0): Promise<CountingProxy> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
  const sockets = new Set<Socket>();
  const closed = { sent: 0, received: 0 };
  let methods: Record<string, number> = {};
  let taken = { sent: 0, received: 0 };

  const server = http.createServer((request, response) => {
    methods[request.method ?? "?"] = (methods[request.method ?? "?"] ?? 0) + 1;
    setTimeout(() => forward(request, response, { agent, targetPort }), delayMs);
  });
  server.keepAliveTimeout = 60_000;
  server.requestTimeout = 0;
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => {
      sockets.delete(socket);
      closed.sent += socket.bytesRead;
      closed.received += socket.bytesWritten;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = portOf(server.address());

  const total = (): { sent: number; received: number } => {
    let { sent, received } = closed;
    for (const socket of sockets) {
      sent += socket.bytesRead;
      received += socket.bytesWritten;
    }
    return { sent, received };
  };
  return {
    url: `http://127.0.0.1:${port}`,
    take() {
      const now = total();
      const counted = methods;
      methods = {};
      const traffic = {
        requests: Object.values(counted).reduce((sum, count) => sum + count, 0),
        sentBytes: now.sent - taken.sent,
        receivedBytes: now.received - taken.received,
        methods: counted,
      };
      taken = now;
      return traffic;
    },
    async stop() {
      server.closeAllConnections();
      agent.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Returns the port of a listening server. */
export function portOf(address: string | AddressInfo | null): number {
  if (address === null || typeof address === "string") throw new TypeError("the server does not listen on a port");
  return address.port;
}

interface Upstream {
  readonly agent: http.Agent;
  readonly targetPort: number;
}

function forward(request: http.IncomingMessage, response: http.ServerResponse, { agent, targetPort }: Upstream): void {
  const { expect: _, ...headers } = request.headers;
  const upstream = http.request(
    { agent, host: "127.0.0.1", port: targetPort, method: request.method, path: request.url, headers },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders);
      answer.pipe(response);
    },
  );
  upstream.on("error", () => response.destroy());
  response.on("close", () => {
    if (!response.writableFinished) upstream.destroy();
  });
  request.pipe(upstream);
}
