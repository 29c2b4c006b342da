import { withWorkspace } from "../../ops/open-workspace.ts";
import { listTargets } from "../../ops/targets.ts";
import { textOf, type CommandDefinition } from "../command.ts";

export const command: CommandDefinition = {
  examples: [],
  configure: (command_, run) => {
    command_.argument("<kind>", "what to complete").action(
      run(async ({ session, args }) => {
        if (textOf(args[0]) !== "targets") return;
        const targets = await withWorkspace(session.operation, listTargets).catch(() => []);
        for (const target of targets) session.print(target);
      }),
    );
  },
};
