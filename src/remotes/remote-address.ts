import path from "node:path";
import { fileURLToPath } from "node:url";
import type { AbsolutePath } from "../base/ids.ts";
import { RemoteError } from "./remote-error.ts";

/** Is a remote's URL, parsed once: nothing after this looks at the text again. */
export type RemoteAddress =
  | { readonly scheme: "folder"; readonly root: AbsolutePath }
  | {
      readonly scheme: "s3" | "gs" | "az";
      /** The bucket's or container's name. */
      readonly bucket: string;
      /** Segments joined by single slashes, without one at either end; empty for the bucket's root. */
      readonly prefix: string;
    };

const BUCKETS = {
  s3: /^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$/,
  gs: /^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$/,
  az: /^(?:[a-z0-9](?:-?[a-z0-9]){2,62}|\$root|\$web)$/,
} as const;

const HINTS: Readonly<Record<string, string>> = {
  gcs: "Google Cloud Storage is written `gs://BUCKET/PREFIX`",
  azure: "Azure Blob Storage is written `az://CONTAINER/PREFIX`; the account is the option `account`",
  abfs: "Azure Blob Storage is written `az://CONTAINER/PREFIX`; the account is the option `account`",
  http: "for a service with an address of its own, write `s3://BUCKET/PREFIX` and the option `endpoint`",
  https: "for a service with an address of its own, write `s3://BUCKET/PREFIX` and the option `endpoint`",
};

/**
 * Parses a remote's URL. A relative folder is relative to `repositoryRoot`.
 * Throws `misconfigured` for an unknown scheme, user information, a query, a fragment, `..` in a URL, a leading `-`, and control
 * characters, also percent-encoded ones.
 */
export function parseRemoteAddress(url: string, repositoryRoot: AbsolutePath | undefined): RemoteAddress {
  if (url === "") throw refused(url, "it is empty");
  if (url.startsWith("-")) throw refused(url, "it begins with `-`");
  assertPlainText(url, url);
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]+):/.exec(url)?.[1];
  if (scheme === undefined) return { scheme: "folder", root: resolveFolder(url, repositoryRoot) };
  const rest = url.slice(scheme.length + 1);
  const decoded = decode(url, rest);
  assertPlainText(decoded, url);
  if (!rest.startsWith("//")) throw refused(url, `\`//\` must follow \`${scheme}:\``);
  if (/[#?]/.test(rest)) throw refused(url, "it has a query or a fragment", "write options under `options:` of the remote");
  if (decoded.split(/[/\\]/).includes("..")) throw refused(url, "it has the segment `..`");
  switch (scheme) {
    case "file":
      return { scheme: "folder", root: parseFileUrl(url) };
    case "s3":
    case "gs":
    case "az":
      return parseBucketUrl(scheme, decoded.slice(2), url);
    default:
      throw refused(url, `mlv knows no scheme \`${scheme}\``, HINTS[scheme.toLowerCase()] ?? "use `s3://`, `gs://`, `az://` or a folder");
  }
}

function parseBucketUrl(scheme: "s3" | "gs" | "az", rest: string, url: string): RemoteAddress {
  const slash = rest.indexOf("/");
  const bucket = slash === -1 ? rest : rest.slice(0, slash);
  const prefix = slash === -1 ? "" : rest.slice(slash + 1).replace(/\/$/, "");
  if (bucket.includes("@") || bucket.includes(":")) {
    throw refused(
      url,
      "it has a user name, password or port",
      "credentials come from the environment; an address is the option `endpoint`",
    );
  }
  if (!BUCKETS[scheme].test(bucket)) throw refused(url, `\`${bucket}\` is not a possible bucket name`);
  if (prefix !== "" && prefix.split("/").some((segment) => segment === "" || segment === ".")) {
    throw refused(url, "its prefix has an empty or `.` segment");
  }
  if (prefix.length > 700) throw refused(url, "its prefix is longer than 700 characters");
  return { scheme, bucket, prefix };
}

function parseFileUrl(url: string): AbsolutePath {
  const parsed = URL.parse(url);
  if (parsed === null || parsed.username !== "" || parsed.password !== "" || parsed.host !== "") {
    throw refused(url, "a folder's URL is `file:///absolute/path`");
  }
  return path.resolve(fileURLToPath(parsed)) as AbsolutePath;
}

function resolveFolder(text: string, repositoryRoot: AbsolutePath | undefined): AbsolutePath {
  if (text.startsWith("~")) throw refused(text, "`~` is not expanded here", "write the whole path");
  if (path.isAbsolute(text)) return path.resolve(text) as AbsolutePath;
  if (repositoryRoot === undefined) throw refused(text, "a relative folder needs a repository to be relative to", "write the whole path");
  return path.resolve(repositoryRoot, text) as AbsolutePath;
}

function decode(url: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refused(url, "its percent-encoding is broken");
  }
}

function assertPlainText(text: string, url: string): void {
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(text)) throw refused(url, "it holds a control character");
}

function refused(url: string, why: string, hint?: string): RemoteError {
  return new RemoteError(
    "misconfigured",
    `the remote's URL \`${redactUrl(url)}\` cannot be used: ${why}`,
    hint === undefined ? {} : { hint },
  );
}

/** Returns a URL fit for a message: user information, query, fragment and control characters removed. */
export function redactUrl(url: string): string {
  return (
    url
      // eslint-disable-next-line no-control-regex
      .replace(/[\u0000-\u001f\u007f-\u009f]/g, "?")
      .replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, "$1")
      .replace(/[?#].*$/, "")
  );
}

/** Returns the URL of a bucket address for messages. */
export function formatBucketUrl(address: Extract<RemoteAddress, { bucket: string }>): string {
  return `${address.scheme}://${address.bucket}${address.prefix === "" ? "" : `/${address.prefix}`}`;
}
