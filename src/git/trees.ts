import { MlvError } from "../base/errors.ts";
import type { CatFile } from "./cat-file.ts";
import type { TreeEntry } from "./revisions.ts";

const TREE_MODE = 0o40000;
const READ_AT_ONCE = 256;

/**
 * Yields every file under the given commits, tags or trees. A folder that several of them share at the same place is opened and
 * yielded once, so a thousand tags cost little more than what differs between them. Throws `git-failed` for a missing object.
 */
export async function* walkTrees(
  catFile: CatFile,
  roots: Iterable<string>,
  objectFormat: "sha1" | "sha256",
): AsyncGenerator<TreeEntry, void, undefined> {
  const seen = new Set<string>();
  let waiting = [...new Set(roots)].map((oid) => ({ spec: `${oid}^{tree}`, prefix: "" }));
  while (waiting.length > 0) {
    const batch = waiting.slice(0, READ_AT_ONCE);
    waiting = waiting.slice(READ_AT_ONCE);
    const trees = await Promise.all(batch.map(async ({ spec, prefix }) => ({ spec, prefix, tree: await catFile.read(spec) })));
    for (const { spec, prefix, tree } of trees) {
      if (tree?.type !== "tree") throw new MlvError("git-failed", `Git's tree \`${prefix}\` is missing`, { details: { spec } });
      if (prefix === "" && seen.size === seen.add(`${tree.oid} `).size) continue;
      for (const entry of parseTree(tree.content, objectFormat === "sha256" ? 32 : 20)) {
        const path = `${prefix}${entry.path}`;
        if (entry.mode !== TREE_MODE) yield { ...entry, path };
        else if (seen.size !== seen.add(`${entry.oid} ${path}/`).size) waiting.push({ spec: entry.oid, prefix: `${path}/` });
      }
    }
  }
}

/** Parses a tree object: `<mode> <name>\0<oid>`, repeated. */
function* parseTree(content: Buffer, oidBytes: number): Generator<TreeEntry, void, undefined> {
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(32, at);
    const end = content.indexOf(0, space);
    if (space < 0 || end < 0) return;
    yield {
      mode: Number.parseInt(content.toString("latin1", at, space), 8),
      path: content.toString("utf8", space + 1, end),
      oid: content.toString("hex", end + 1, end + 1 + oidBytes),
    };
    at = end + 1 + oidBytes;
  }
}
