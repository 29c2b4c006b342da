import { MlvError } from "../base/errors.ts";

/** Fails: the operation has its types and no body yet. */
export function unbuilt(...parts: readonly unknown[]): never {
  throw new MlvError("internal", `this operation is not built yet (${parts.length} arguments)`);
}
