import * as fs from "node:fs";
import { join } from "node:path";
import { isOid } from "./head.ts";
import type { Repository } from "./repository.ts";

/**
 * Returns the commits whose parents a shallow clone left out; none in a whole clone. Git shows them as if they had made all that they hold, so what such a
 * commit did is not known here.
 */
export function shallowEdges(repository: Repository): ReadonlySet<string> {
  let text: string;
  try {
    text = fs.readFileSync(join(repository.commonDir, "shallow"), "utf8");
  } catch {
    return new Set();
  }
  return new Set(text.split("\n").filter(isOid));
}

/** Is what brings the history that a shallow clone lacks. */
export const UNSHALLOW = "git fetch --unshallow";
