import type { OperationContext } from "./open-workspace.ts";
import { unbuilt } from "./unbuilt.ts";

/** Is one step of checking a remote. */
export interface RemoteCheckStep {
  /** A stable name in kebab case, e.g. `write`. */
  readonly name: string;
  readonly state: "ok" | "failed" | "skipped";
  readonly message: string;
  readonly hint?: string;
  /** How long it took, milliseconds. */
  readonly durationMs: number;
}

/** Is what checking a remote found. */
export interface RemoteCheckResult {
  readonly remote: string;
  readonly url: string;
  readonly isOk: boolean;
  readonly steps: readonly RemoteCheckStep[];
}

/** Tries, with one small blob, everything that mlv does on a remote. A step that fails is a result. Throws `remote-not-configured`. */
export async function remoteCheck(context: OperationContext, options: { readonly name?: string | undefined }): Promise<RemoteCheckResult> {
  return unbuilt(context, options);
}
