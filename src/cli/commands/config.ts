import { getConfig, listConfig, setConfig } from "../../ops/config.ts";
import { textOf, type CommandDefinition } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { formatColumns } from "../format.ts";
import { escapeName } from "../terminal.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv config list --show-origin", "every setting and where it comes from"],
    ["mlv config set cache.dir /mnt/shared/mlv-cache", "one cache for several repositories or users"],
    ["mlv config set link hardlink", "do not keep large files twice on disk (they become read-only)"],
  ],
  configure: (command_, run) => {
    command_
      .command("get")
      .description("print one setting")
      .argument("<key>")
      .action(
        run(async ({ session, args }) => {
          const found = await getConfig(session.operation, { key: textOf(args[0]) });
          session.document({ command: "config get", setting: found ?? null });
          if (found === undefined) return EXIT.failed;
          session.print(found.value);
          return EXIT.done;
        }),
      );
    command_
      .command("set")
      .description("change a setting; without a value, remove it")
      .argument("<key>")
      .argument("[value]")
      .option("--local", "on this machine only")
      .action(
        run(async ({ session, args, options }) => {
          const key = textOf(args[0]);
          const value = args[1] === undefined ? undefined : textOf(args[1]);
          const { file } = await setConfig(session.operation, { key, value, local: options["local"] === true });
          session.document({ command: "config set", key, file });
          session.print(`${value === undefined ? "removed" : "set"} ${key} in ${file}`);
        }),
      );
    command_
      .command("list")
      .description("print every setting")
      .option("--show-origin", "say where each comes from")
      .action(
        run(async ({ session, options }) => {
          const settings = await listConfig(session.operation);
          session.document({ command: "config list", settings });
          const rows = settings.map(({ key, value, origin }) => [
            key,
            escapeName(value),
            ...(options["showOrigin"] === true ? [session.style.dim(origin)] : []),
          ]);
          for (const line of formatColumns(rows)) session.print(line);
        }),
      );
  },
};
