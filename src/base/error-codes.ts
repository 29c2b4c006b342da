import type { ErrorKind } from "./errors.ts";

/** Describes one stable error code: what kind of failure it is and, in one sentence, when it happens. */
export interface ErrorCodeInfo {
  readonly kind: ErrorKind;
  readonly summary: string;
}

/** Lists every stable error code; append-only, documented one by one in docs/errors.md. */
export const ERROR_CODES = {
  usage: { kind: "usage", summary: "The command line has an unknown command, option or argument." },
  "not-a-repository": { kind: "user", summary: "The command needs a Git repository and there is none here." },
  "target-not-found": { kind: "user", summary: "A path is neither a tracked target nor inside one." },
  "path-not-found": { kind: "user", summary: "A path does not exist." },
  "path-outside-repository": { kind: "user", summary: "A path lies outside the repository." },
  "path-unsafe": { kind: "user", summary: "A path would escape the workspace or touch Git's or mlv's own files." },
  "name-not-utf8": { kind: "user", summary: "A file name is not valid UTF-8 and cannot be recorded exactly." },
  "tracked-by-git": { kind: "user", summary: "The path to add is tracked by Git already." },
  "target-overlap": { kind: "user", summary: "A target would lie inside another target." },
  "pointer-as-target": { kind: "user", summary: "A pointer file was given where data was expected." },
  "unsupported-file-type": { kind: "user", summary: "A FIFO, socket, device or symlink cannot be tracked." },
  "symlink-in-folder": { kind: "user", summary: "A folder to add holds a symlink and `--follow` was not given." },
  "target-modified": { kind: "user", summary: "Unsaved local edits would be overwritten." },
  "target-exists": { kind: "user", summary: "The destination exists already." },
  "file-changed": { kind: "user", summary: "A file changed while it was being read." },
  "revision-not-found": { kind: "user", summary: "Git knows no such revision." },
  "remote-not-configured": { kind: "user", summary: "There is no remote of that name, or none at all." },
  "content-missing": { kind: "user", summary: "Content that is needed is neither in the cache nor on the remote." },
  "partly-done": { kind: "user", summary: "Some of the work was done and some was not." },
  "disk-full": { kind: "user", summary: "The disk, or the quota on it, is full." },
  "permission-denied": { kind: "user", summary: "The file system refused access." },
  "io-failed": { kind: "user", summary: "The file system failed in another way." },
  "git-failed": { kind: "user", summary: "Git itself failed." },
  "pointer-malformed": { kind: "config", summary: "A pointer file is not in its one valid form." },
  "pointer-conflicted": { kind: "config", summary: "A pointer file holds Git's merge conflict markers." },
  "format-newer": { kind: "config", summary: "A file was written by a newer mlv." },
  "manifest-malformed": { kind: "config", summary: "A folder's manifest is not in its one valid form." },
  "recipe-malformed": { kind: "config", summary: "A recipe's head, body or chunk list is malformed or out of bounds." },
  "pack-malformed": { kind: "config", summary: "A pack's footer is malformed." },
  "config-malformed": { kind: "config", summary: "mlv.yaml or local.yaml does not have the documented shape." },
  "config-secret": { kind: "config", summary: "A committed mlv.yaml carries a secret." },
  "content-mismatch": { kind: "data", summary: "Content does not match its hash and no good copy was found." },
  "remote-absent": { kind: "remote", summary: "The remote lacks what was asked for." },
  "remote-denied": { kind: "remote", summary: "The remote refused: the credentials lack a right." },
  "remote-unauthenticated": { kind: "remote", summary: "The remote refused: no credentials, or expired ones." },
  "remote-throttled": { kind: "remote", summary: "The remote asked to slow down, for longer than mlv waits." },
  "remote-unavailable": { kind: "remote", summary: "The remote cannot be reached or answers with server errors." },
  "remote-timeout": { kind: "remote", summary: "The remote went silent." },
  "remote-corrupt": { kind: "remote", summary: "The remote returned bytes that do not match their checksum or length." },
  "remote-full": { kind: "remote", summary: "The remote has no room or the quota is used up." },
  "remote-unsupported": { kind: "remote", summary: "The remote lacks a feature that is needed." },
  "remote-misconfigured": { kind: "remote", summary: "The remote's URL or options are wrong, or its bucket does not exist." },
  "remote-conflict": { kind: "remote", summary: "What is on the remote changed since it was read." },
  "endpoint-untrusted": { kind: "remote", summary: "An endpoint that came with a commit was never trusted here." },
  locked: { kind: "busy", summary: "Another mlv holds a lock that this command needs." },
  interrupted: { kind: "interrupted", summary: "The command was stopped by a signal." },
  internal: { kind: "internal", summary: "A bug in mlv." },
  "table-unreadable": { kind: "user", summary: "A file cannot be read as the table that it is said to be." },
  "lock-malformed": { kind: "config", summary: "An mlv.lock is no JSON object." },
} as const satisfies Record<string, ErrorCodeInfo>;

/** Names one stable error code. */
export type ErrorCode = keyof typeof ERROR_CODES;
