import { init } from "../../ops/init.ts";
import type { CommandDefinition } from "../command.ts";

export const command: CommandDefinition = {
  examples: [["mlv init", "make mlv.yaml and .mlvignore at the root of this repository"]],
  configure: (command_, run) => {
    command_.action(
      run(async ({ session }) => {
        const result = await init(session.operation);
        session.document({ command: "init", ...result });
        if (result.created.length === 0) session.print("mlv is set up here already.");
        else session.print(`Made ${result.created.join(" and ")} in ${result.root}.\nNext: mlv add PATH`);
      }),
    );
  },
};
