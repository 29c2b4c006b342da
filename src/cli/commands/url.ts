import { MlvError } from "../../base/errors.ts";
import { url } from "../../ops/url.ts";
import { optionText, textOf, type CommandDefinition } from "../command.ts";

const LONGEST_SECONDS = 3650 * 86_400;
const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

export const command: CommandDefinition = {
  examples: [["mlv url data/train.parquet --expires 15m", "a link that anyone can download with for a quarter of an hour"]],
  configure: (command_, run) => {
    command_
      .argument("<[rev:]path>", "a file target, or a file inside a folder")
      .option("-r, --remote <name>", "another remote than the default")
      .option("--expires <time>", "how long it is good for, e.g. 15m, 12h or 7d; an hour when absent")
      .action(
        run(async ({ session, args, options }) => {
          const expires = optionText(options, "expires");
          const result = await url(session.operation, {
            spec: textOf(args[0]),
            remote: optionText(options, "remote"),
            expiresInSeconds: expires === undefined ? undefined : parseSeconds(expires),
          });
          session.document({ command: "url", ...result });
          // The signature is the very thing that was asked for, so it is not redacted.
          if (!session.isJson) await session.write(Buffer.from(`${result.url}\n`));
        }),
      );
  },
};

function parseSeconds(text: string): number {
  const match = /^(\d+)([smhd])$/.exec(text);
  if (match === null) throw new MlvError("usage", `\`--expires\` takes a time such as 15m, 12h or 7d, not \`${text}\``);
  const seconds = Number(match[1]) * SECONDS[match[2] as keyof typeof SECONDS];
  if (seconds >= 1 && seconds <= LONGEST_SECONDS) return seconds;
  throw new MlvError("usage", `\`--expires\` takes a time from 1s to 3650d, not \`${text}\``, {
    hint: "most services allow seven days: `--expires 7d`",
  });
}
