import { RemoteError } from "./remote-error.ts";

const WEEK_SECONDS = 7 * 24 * 3600;

/** Throws `remote-unsupported` for a URL that shall be good for more than seven days, the longest that `signature` can say. */
export function assertWithinWeek(expiresInSeconds: number, signature: string): void {
  if (expiresInSeconds <= WEEK_SECONDS) return;
  throw new RemoteError("unsupported", `a URL that is signed with ${signature} is good for at most seven days`, {
    hint: "`--expires 7d` is the longest; make another one later, or give the reader rights of their own for `mlv get`",
  });
}
