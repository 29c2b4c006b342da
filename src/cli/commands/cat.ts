import { cat } from "../../ops/cat.ts";
import { optionText, textOf, type CommandDefinition } from "../command.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv cat data/train.csv | head", "the bytes that the pointer names"],
    ["mlv cat v1.0:data/images/cat.png > cat.png", "one file of a folder, as it was at a tag"],
  ],
  configure: (command_, run) => {
    command_
      .argument("<[rev:]path>", "a file target, or a file inside a folder")
      .option("-r, --remote <name>", "another remote than the default")
      .action(
        run(async ({ session, args, options }) => {
          const { stream, ...file } = await cat(session.operation, { spec: textOf(args[0]), remote: optionText(options, "remote") });
          if (session.isJson) {
            await stream[Symbol.asyncIterator]().return?.(undefined);
            session.document({ command: "cat", ...file });
            return;
          }
          session.stop();
          for await (const data of stream) await session.write(data);
        }),
      );
  },
};
