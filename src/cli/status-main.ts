import { runStatus } from "./commands/status.ts";
import { runAction } from "./run-action.ts";

/**
 * Runs a plain `mlv status` and sets the process's exit status. Bundled into a file of its own in which every lazily loaded part is missing:
 * rejects, with nothing printed, where one is needed and on every error, and the whole program then does it again.
 */
export async function main(): Promise<void> {
  process.exitCode = await runAction(runStatus, [], {});
}
