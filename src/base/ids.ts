/** Is a lower-case hexadecimal SHA-256, 64 characters. */
export type Sha256 = string & { readonly brand: "Sha256" };

/** Is a path relative to the repository's root: `/` between segments, never absolute, never `..`. */
export type RepoPath = string & { readonly brand: "RepoPath" };

/** Is an absolute path on this machine. */
export type AbsolutePath = string & { readonly brand: "AbsolutePath" };

/** Is the place of a blob in a store: `kind/ab/<sha256>` with an optional nonce. */
export type BlobKey = string & { readonly brand: "BlobKey" };

const SHA256 = /^[0-9a-f]{64}$/;

/** Tells whether a string is a lower-case SHA-256. */
export function isSha256(text: string): text is Sha256 {
  return SHA256.test(text);
}
