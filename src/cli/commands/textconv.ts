import { textconv } from "../../ops/textconv.ts";
import { textOf, type CommandDefinition } from "../command.ts";
import { pointerLines } from "../pointer-text.ts";

export const command: CommandDefinition = {
  examples: [["git config diff.mlv.textconv 'mlv textconv'", "what `mlv install` sets, but for its way out where mlv is missing"]],
  configure: (command_, run) => {
    command_.argument("<file>", "a pointer").action(
      run(async ({ session, args }) => {
        const result = textconv(session.operation, textOf(args[0]));
        await session.write("pointer" in result ? Buffer.from(`${pointerLines(result.pointer).join("\n")}\n`) : result.bytes);
      }),
    );
  },
};
