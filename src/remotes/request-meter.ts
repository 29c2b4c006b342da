/** Names what a request asks for. */
export type RequestKind = "stat" | "get" | "put" | "list" | "remove" | "other";

/** Counts the requests and bytes that really travel. */
export interface RequestMeter {
  request(kind: RequestKind): void;
  sent(bytes: number): void;
  received(bytes: number): void;
}

/** Is what a meter has counted. */
export interface RequestCounts {
  readonly requests: Readonly<Record<RequestKind, number>>;
  readonly totalRequests: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** Returns a meter and a way to read it. */
export function createRequestMeter(): RequestMeter & { counts(): RequestCounts } {
  const requests: Record<RequestKind, number> = {
    stat: 0,
    get: 0,
    put: 0,
    list: 0,
    remove: 0,
    other: 0,
  };
  let sentBytes = 0;
  let receivedBytes = 0;
  return {
    request: (kind) => void requests[kind]++,
    sent: (bytes) => void (sentBytes += bytes),
    received: (bytes) => void (receivedBytes += bytes),
    counts: () => ({
      requests: { ...requests },
      totalRequests: Object.values(requests).reduce((sum, count) => sum + count, 0),
      sentBytes,
      receivedBytes,
    }),
  };
}
