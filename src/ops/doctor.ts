import type { OperationContext } from "./open-workspace.ts";
import { unbuilt } from "./unbuilt.ts";

/** Is one thing that was looked at. */
export interface DoctorCheck {
  /** A stable name in kebab case, e.g. `git-version`. */
  readonly name: string;
  readonly state: "ok" | "warning" | "failed";
  readonly message: string;
  readonly hint?: string;
}

/** Is what `doctor` found. */
export interface DoctorResult {
  readonly checks: readonly DoctorCheck[];
  readonly warnings: number;
  readonly failures: number;
}

/** Says which checks to make. */
export interface DoctorOptions {
  /** Leaves the remotes alone. */
  readonly offline: boolean;
}

/** Looks at everything that mlv depends on here. What is wrong is a result, not a failure; works outside a repository, too. */
export async function doctor(context: OperationContext, options: DoctorOptions): Promise<DoctorResult> {
  return unbuilt(context, options);
}
