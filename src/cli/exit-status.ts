import type { ErrorCode } from "../base/error-codes.ts";

/** Lists every exit status; append-only, documented in docs/exit-codes.md. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  partly: 3,
  differences: 4,
  notARepository: 10,
  locked: 11,
  refused: 12,
  unreachable: 13,
  mismatch: 14,
  malformed: 15,
  stageFailed: 20,
  internal: 70,
  interrupted: 130,
} as const;

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  usage: EXIT.usage,
  "not-a-repository": EXIT.notARepository,
  "target-modified": EXIT.partly,
  "content-missing": EXIT.partly,
  "partly-done": EXIT.partly,
  "pointer-malformed": EXIT.malformed,
  "pointer-conflicted": EXIT.malformed,
  "format-newer": EXIT.malformed,
  "manifest-malformed": EXIT.malformed,
  "recipe-malformed": EXIT.malformed,
  "pack-malformed": EXIT.malformed,
  "config-malformed": EXIT.malformed,
  "config-secret": EXIT.malformed,
  "lock-malformed": EXIT.malformed,
  "content-mismatch": EXIT.mismatch,
  "remote-absent": EXIT.partly,
  "remote-denied": EXIT.refused,
  "remote-unauthenticated": EXIT.refused,
  "remote-full": EXIT.refused,
  "remote-unsupported": EXIT.refused,
  "remote-misconfigured": EXIT.refused,
  "remote-conflict": EXIT.refused,
  "endpoint-untrusted": EXIT.refused,
  "remote-throttled": EXIT.unreachable,
  "remote-unavailable": EXIT.unreachable,
  "remote-timeout": EXIT.unreachable,
  "remote-corrupt": EXIT.mismatch,
  locked: EXIT.locked,
  interrupted: EXIT.interrupted,
  internal: EXIT.internal,
};

/** Returns the exit status that an error's code stands for; 1 for every failure without one of its own. */
export function exitStatusOf(code: ErrorCode): number {
  return STATUS[code] ?? EXIT.failed;
}
