/**
 * Stands between a driver and its server, and does to chosen requests what bad networks and services do. Requests go through unchanged
 * while no fault is set.
 */
import { once } from "node:events";
import * as http from "node:http";

/** Names what can go wrong with one request. */
export type Fault =
  | "status-503"
  | "throttled-429"
  | "reset-upload"
  | "reset-download"
  | "lost-reply"
  | "truncated-with-length"
  | "truncated-without-length"
  | "flipped-byte-down"
  | "flipped-byte-up"
  | "html-200"
  | "stalled-body"
  | "wrong-length"
  | "expired-credentials"
  | "denied"
  | "clock-skew"
  | "redirect-elsewhere"
  | "empty-page";

/** Is what a request looked like, for choosing and for looking afterwards. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  /** What the server answered, once it did, whether or not the client still listened. */
  status?: number;
}

/** Is a running fault proxy. */
export interface FaultProxy {
  readonly url: string;
  /** Every request that came, in order. */
  readonly seen: readonly SeenRequest[];
  /** Everything that reached the place that redirects point to. */
  readonly elsewhere: readonly SeenRequest[];
  /** Lets the fault befall the next `times` requests that `matches` chooses; returns how many are still to come. */
  inject(fault: Fault, matches: (request: SeenRequest) => boolean, times?: number): () => number;
  clear(): void;
  stop(): Promise<void>;
}

interface Plan {
  readonly fault: Fault;
  readonly matches: (request: SeenRequest) => boolean;
  left: number;
}

/** Starts a proxy in front of `upstream` on a free loopback port; the `Host` that clients signed is passed on. */
export async function startFaultProxy(upstream: string, dialect: "s3" | "gcs" | "azure"): Promise<FaultProxy> {
  const target = new URL(upstream);
  const agent = new http.Agent({ keepAlive: false });
  const seen: SeenRequest[] = [];
  const elsewhere: SeenRequest[] = [];
  let plan: Plan | undefined;
  let heldBack: { readonly headers: http.IncomingHttpHeaders; readonly body: Buffer } | undefined;

  const trap = http.createServer((request, response) => {
    elsewhere.push(describe(request));
    request.resume();
    response.end("you should not be here");
  });
  const trapUrl = await listen(trap);

  const server = http.createServer((request, response) => {
    const description = describe(request);
    seen.push(description);
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    if (heldBack !== undefined && description.path.includes(EMPTY_PAGE)) {
      response.writeHead(200, heldBack.headers).end(heldBack.body);
      heldBack = undefined;
      return;
    }
    let fault: Fault | undefined;
    if (plan !== undefined && plan.left > 0 && plan.matches(description)) {
      plan.left--;
      fault = plan.fault;
    }
    if (fault !== undefined && answerAlone(fault, request, response, { dialect, trapUrl })) return;
    forward(request, response, { fault, description });
  });

  const forward = (
    request: http.IncomingMessage,
    response: http.ServerResponse,
    { fault, description }: { readonly fault: Fault | undefined; readonly description: SeenRequest },
  ): void => {
    const upward = http.request(
      { host: target.hostname, port: target.port, method: request.method, path: request.url, headers: request.headers, agent },
      (answer) => {
        if (answer.statusCode !== undefined) description.status = answer.statusCode;
        if (fault === "empty-page") void hold(answer, response);
        else passBack(answer, response, fault);
      },
    );
    upward.on("error", () => response.destroy());
    // A client that dies in mid-body is a broken connection to the server too.
    request.on("close", () => void (request.complete || upward.destroy()));
    if (fault !== "flipped-byte-up") {
      request.pipe(upward);
      return;
    }
    let isFlipped = false;
    request.on("data", (data: Buffer) => {
      // The body of a multipart/related upload begins with its description: spoil what comes well behind it.
      const copy = Buffer.from(data);
      const at = copy.length - Math.min(200, Math.ceil(copy.length / 2));
      if (!isFlipped && copy.length > 0) copy[at] = (copy[at] ?? 0) ^ 1;
      isFlipped = true;
      upward.write(copy);
    });
    request.on("end", () => upward.end());
  };

  /** Keeps the real page for the next request and answers with an empty one that says there is more. */
  const hold = async (answer: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const pieces: Buffer[] = [];
    for await (const piece of answer) pieces.push(piece as Buffer);
    const headers = { ...answer.headers };
    delete headers["transfer-encoding"];
    const body = Buffer.concat(pieces);
    heldBack = { headers: { ...headers, "content-length": String(body.length) }, body };
    const empty = emptyPage(dialect);
    response.writeHead(200, { ...headers, "content-length": String(empty.length) }).end(empty);
  };

  const url = await listen(server);
  return {
    url,
    seen,
    elsewhere,
    inject(fault, matches, times = 1) {
      const mine: Plan = { fault, matches, left: times };
      plan = mine;
      return () => mine.left;
    },
    clear() {
      plan = undefined;
    },
    async stop() {
      for (const one of [server, trap]) {
        one.close();
        one.closeAllConnections();
        await once(one, "close");
      }
      agent.destroy();
    },
  };
}

const EMPTY_PAGE = "mlv-empty-page";

function emptyPage(dialect: "s3" | "gcs" | "azure"): string {
  switch (dialect) {
    case "s3":
      return `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>b</Name><KeyCount>0</KeyCount><IsTruncated>true</IsTruncated><NextContinuationToken>${EMPTY_PAGE}</NextContinuationToken></ListBucketResult>`;
    case "gcs":
      return JSON.stringify({ kind: "storage#objects", nextPageToken: EMPTY_PAGE });
    case "azure":
      return `<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="http://x/" ContainerName="c"><Blobs></Blobs><NextMarker>${EMPTY_PAGE}</NextMarker></EnumerationResults>`;
  }
}

function describe(request: http.IncomingMessage): SeenRequest {
  return { method: request.method ?? "", path: request.url ?? "", headers: request.headers };
}

async function listen(server: http.Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}

/** Answers without asking the server; returns false for faults that spoil the server's own answer. */
function answerAlone(
  fault: Fault,
  request: http.IncomingMessage,
  response: http.ServerResponse,
  where: { readonly dialect: "s3" | "gcs" | "azure"; readonly trapUrl: string },
): boolean {
  const say = (status: number, headers: Record<string, string>, body: string): true => {
    request.resume();
    request.on("end", () => response.writeHead(status, { ...headers, "content-length": String(Buffer.byteLength(body)) }).end(body));
    return true;
  };
  // eslint-disable-next-line typescript/switch-exhaustiveness-check -- the rest passes through
  switch (fault) {
    case "status-503":
      return say(503, {}, "");
    case "throttled-429":
      return say(429, { "retry-after": "0" }, "");
    case "reset-upload": {
      let left = 1000;
      request.on("data", (data: Buffer) => {
        left -= data.length;
        if (left <= 0) request.socket.resetAndDestroy();
      });
      request.on("end", () => request.socket.resetAndDestroy());
      return true;
    }
    case "html-200":
      return say(200, { "content-type": "text/html" }, "<html><body>Please sign in to HotelNet</body></html>");
    case "expired-credentials":
      return say(
        where.dialect === "s3" ? 400 : where.dialect === "azure" ? 403 : 401,
        errorHeaders(where.dialect, "expired"),
        errorBody(where.dialect, "expired"),
      );
    case "denied":
      return say(403, errorHeaders(where.dialect, "denied"), errorBody(where.dialect, "denied"));
    case "clock-skew":
      return say(where.dialect === "gcs" ? 401 : 403, errorHeaders(where.dialect, "skew"), errorBody(where.dialect, "skew"));
    case "redirect-elsewhere":
      return say(307, { location: `${where.trapUrl}${request.url ?? "/"}` }, "");
    default:
      return false;
  }
}

type Refusal = "expired" | "denied" | "skew";
const REFUSALS = {
  s3: { expired: "ExpiredToken", denied: "AccessDenied", skew: "RequestTimeTooSkewed" },
  gcs: { expired: "authError", denied: "forbidden", skew: "authError" },
  azure: { expired: "AuthenticationFailed", denied: "AuthorizationPermissionMismatch", skew: "AuthenticationFailed" },
} as const;

function errorHeaders(dialect: "s3" | "gcs" | "azure", what: Refusal): Record<string, string> {
  const type = { "content-type": dialect === "gcs" ? "application/json" : "application/xml" };
  return dialect === "azure" ? { ...type, "x-ms-error-code": REFUSALS.azure[what] } : type;
}

function errorBody(dialect: "s3" | "gcs" | "azure", what: Refusal): string {
  const code = REFUSALS[dialect][what];
  return dialect === "gcs"
    ? JSON.stringify({ error: { code: what === "denied" ? 403 : 401, message: "Refused", errors: [{ reason: code, message: "Refused" }] } })
    : `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>Credentials refused</Message></Error>`;
}

/** Passes the server's answer on, spoiled as the fault says. */
function passBack(answer: http.IncomingMessage, response: http.ServerResponse, fault: Fault | undefined): void {
  answer.on("error", () => response.destroy());
  const status = answer.statusCode ?? 502;
  const headers = { ...answer.headers };
  const collect = (then: (body: Buffer) => void): void => {
    const pieces: Buffer[] = [];
    answer.on("data", (piece: Buffer) => pieces.push(piece));
    answer.on("end", () => then(Buffer.concat(pieces)));
  };
  const cut = (body: Buffer): Buffer => body.subarray(0, Math.floor(body.length / 2));
  /** A body in chunks has no length beside it: a client that saw both would refuse the answer, and not for the fault's sake. */
  const withLength = (length: number): http.OutgoingHttpHeaders => {
    const { "transfer-encoding": _, ...rest } = headers;
    return { ...rest, "content-length": String(length) };
  };
  // eslint-disable-next-line typescript/switch-exhaustiveness-check -- the rest passes through
  switch (fault) {
    case "lost-reply":
      return collect(() => response.socket?.resetAndDestroy());
    case "reset-download":
      return collect((body) => {
        response.writeHead(status, withLength(Math.max(body.length, 1)));
        response.write(cut(body), () => setTimeout(() => response.socket?.resetAndDestroy(), 20));
      });
    case "truncated-with-length":
      return collect((body) => {
        response.writeHead(status, withLength(Math.max(body.length, 1)));
        response.write(cut(body), () => response.socket?.end());
      });
    case "truncated-without-length":
      return collect((body) => {
        delete headers["content-length"];
        delete headers["transfer-encoding"];
        response.useChunkedEncodingByDefault = false;
        response.writeHead(status, { ...headers, connection: "close" });
        response.end(cut(body));
      });
    case "wrong-length":
      return collect((body) => {
        const wrong = cut(body);
        response.writeHead(status, withLength(wrong.length)).end(wrong);
      });
    case "flipped-byte-down":
      return collect((body) => {
        const copy = Buffer.from(body);
        const at = Math.floor(copy.length / 2);
        if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ 1;
        response.writeHead(status, headers).end(copy);
      });
    case "stalled-body":
      return collect((body) => {
        response.writeHead(status, withLength(Math.max(body.length, 1)));
        response.write(cut(body));
      });
    default:
      response.writeHead(status, headers);
      answer.pipe(response);
  }
}
