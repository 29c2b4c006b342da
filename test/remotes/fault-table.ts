import type { Fault } from "./fault-proxy.ts";

/** Names what a caller does to a remote: reads a range or a whole blob, and so on; the last three are the steps of one upload in parts. */
export const OPERATIONS = ["get", "get whole", "put", "replace", "list", "begin", "part", "end"] as const;
export type Operation = (typeof OPERATIONS)[number];

/**
 * Says how an operation ends under a fault, on every driver:
 * `heals`, as if nothing had happened; `fails`, clearly, leaking nothing and leaving nothing; `clock`, heals on S3, whose answers tell the
 * time, and fails elsewhere; `above`, noticed by whoever knows the hash, and tested there; `cannot`, there is no such thing.
 */
export type Cell = "heals" | "fails" | "clock" | `above: ${string}` | `cannot: ${string}`;

const HASHED = "above: what is read is hashed before it has a name (test/faults/cloud-bytes.test.ts)";
const SIZED = "above: a whole blob is as long as its answer says, and its reader knows the size (test/faults/cloud-bytes.test.ts)";
const HINT = "above: a listing is a hint that a look at the blob confirms (test/faults/cloud-bytes.test.ts)";
const BARE = "cannot: the request has no body";
const ONE = "cannot: the answer has no pages";

type Row = Readonly<Record<Operation, Cell>>;
const all = (cell: Cell): Row => ({
  get: cell,
  "get whole": cell,
  put: cell,
  replace: cell,
  list: cell,
  begin: cell,
  part: cell,
  end: cell,
});

/** Is the whole matrix: every fault in every operation. */
export const FAULT_TABLE: Readonly<Record<Fault, Row>> = {
  "status-503": all("heals"),
  "throttled-429": all("heals"),
  "reset-upload": all("heals"),
  "reset-download": all("heals"),
  "lost-reply": all("heals"),
  "truncated-with-length": all("heals"),
  "truncated-without-length": { ...all("heals"), "get whole": SIZED },
  "wrong-length": { ...all("heals"), "get whole": SIZED },
  "flipped-byte-up": { ...all("heals"), get: BARE, "get whole": BARE, list: BARE, begin: BARE },
  "flipped-byte-down": { ...all("heals"), get: HASHED, "get whole": HASHED, list: HINT },
  "html-200": all("heals"),
  "stalled-body": all("heals"),
  "expired-credentials": all("fails"),
  denied: all("fails"),
  "clock-skew": all("clock"),
  "redirect-elsewhere": all("fails"),
  "empty-page": { ...all(ONE), list: "heals" },
};
