import path from "node:path";
import { withWorkspace, type OperationContext } from "../../ops/open-workspace.ts";
import { listRemotes } from "../../ops/remotes.ts";
import { listTargets } from "../../ops/targets.ts";
import { textOf, type CommandDefinition } from "../command.ts";

/** Asked by the completion scripts, which take every line as a word: never anything else, and nothing at all where it fails. */
export const command: CommandDefinition = {
  examples: [],
  configure: (command_, run) => {
    command_
      .argument("<kind>", "targets or remotes")
      .argument("[word]", "what has been typed of it")
      .action(
        run(async ({ session, args }) => {
          const word = textOf(args[1]);
          const list = textOf(args[0]) === "remotes" ? listRemoteNames : listTargetPaths;
          const found = await list(session.operation, word).catch(() => []);
          const lines = found.filter((name) => name.startsWith(word) && !name.includes("\n")).map((name) => `${name}\n`);
          if (lines.length > 0) await session.write(Buffer.from(lines.join("")));
        }),
      );
  },
};

async function listRemoteNames(context: OperationContext): Promise<string[]> {
  return (await listRemotes(context)).map(({ name }) => name);
}

/** Returns the targets as paths from the working directory; those above it only when the word leads there. */
async function listTargetPaths(context: OperationContext, word: string): Promise<string[]> {
  return withWorkspace(context, async (workspace) => {
    const here = word.startsWith("./") ? "./" : "";
    const paths = (await listTargets(workspace)).map((target) => path.relative(context.cwd, path.join(workspace.root, target)));
    return paths.filter((one) => word.startsWith("..") || !one.startsWith("..")).map((one) => here + one);
  });
}
