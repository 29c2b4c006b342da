import { RemoteError } from "./remote-error.ts";

const KEY = /^[0-9a-z._-]+(?:\/[0-9a-z._-]+)*$/;

/** Tells whether a name is a key by the contract: lower-case segments between single slashes, none of them `.` or `..`. */
export function isKey(key: string): boolean {
  return KEY.test(key) && key.length <= 1000 && !key.split("/").some((segment) => segment === "." || segment === "..");
}

/** Throws `misconfigured` for a key that the contract does not allow; such a key is a bug or an attack, never a user's choice. */
export function assertKey(key: string): void {
  if (!isKey(key)) throw new RemoteError("misconfigured", `\`${key}\` is not a key of a remote`);
}

/** Throws `misconfigured` for a listing prefix that cannot be the beginning of a key. */
export function assertPrefix(prefix: string): void {
  if (prefix === "" || isKey(prefix) || (prefix.endsWith("/") && isKey(prefix.slice(0, -1)))) return;
  throw new RemoteError("misconfigured", `\`${prefix}\` is not a prefix of keys of a remote`);
}
