import { get } from "../../ops/get.ts";
import { optionText, textOf, type CommandDefinition } from "../command.ts";
import { formatBytes, formatPlural } from "../format.ts";
import { escapeName } from "../terminal.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv get https://example.com/team/data.git data/train.csv", "a file of another repository, without cloning it"],
    ["mlv get ../project data/images --rev v1.0 -o images", "a folder at a tag, under another name"],
  ],
  configure: (command_, run) => {
    command_
      .argument("<repository>", "a Git URL or path")
      .argument("<path>", "a target, or a path inside one")
      .option("--rev <rev>", "a branch, tag or commit")
      .option("-o, --out <path>", "where to write")
      .option("-r, --remote <name>", "one of that repository's remotes")
      .option("--force", "replace what stands there")
      .action(
        run(async ({ session, args, options }) => {
          const result = await get(session.operation, {
            repository: textOf(args[0]),
            path: textOf(args[1]),
            rev: optionText(options, "rev"),
            out: optionText(options, "out"),
            remote: optionText(options, "remote"),
            force: options["force"] === true,
          });
          session.document({ command: "get", ...result });
          const what =
            result.kind === "dir" ? `${formatPlural(result.files, "file")}, ${formatBytes(result.size)}` : formatBytes(result.size);
          session.print(
            `wrote ${escapeName(result.out)} (${what}; ${formatBytes(result.receivedBytes)} received from ${result.remote}, commit ${result.commit.slice(0, 10)})`,
          );
        }),
      );
  },
};
