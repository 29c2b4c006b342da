import { MlvError } from "../../base/errors.ts";
import { log } from "../../ops/history-log.ts";
import { optionText, textOf, type CommandDefinition } from "../command.ts";
import { formatBytes, formatPlural } from "../format.ts";
import { escapeName } from "../terminal.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv log data/train.csv", "its versions, through renames"],
    ["mlv log data/images --rev main -n 5", "the last five on a branch"],
    ["mlv log data/images/cat.png", "the versions of a folder that changed this file"],
  ],
  configure: (command_, run) => {
    command_
      .argument("<target>", "a target, or a file inside one")
      .option("--rev <rev>", "where to start; HEAD when absent")
      .option("-n, --limit <count>", "at most so many versions")
      .action(
        run(async ({ session, args, options }) => {
          const limit = options["limit"] === undefined ? undefined : Number(options["limit"]);
          if (limit !== undefined && !(Number.isInteger(limit) && limit > 0))
            throw new MlvError("usage", "`--limit` takes a whole number from 1");
          const result = await log(session.operation, { target: textOf(args[0]), rev: optionText(options, "rev"), limit });
          session.document({ command: "log", ...result });
          const { style } = session;
          for (const version of result.versions) {
            const { pointer, file } = version;
            const size =
              version.problem ??
              (file !== undefined
                ? formatBytes(file.size)
                : pointer === undefined || result.inner !== undefined
                  ? undefined
                  : [
                      formatBytes(pointer.size),
                      ...(pointer.files === undefined ? [] : [formatPlural(pointer.files, "file")]),
                      ...(pointer.table === undefined ? [] : [formatPlural(pointer.table.rows, "row")]),
                    ].join(", "));
            const states = [
              version.isCached ? "cached" : "",
              version.isPushed === undefined
                ? ""
                : version.isPushed
                  ? `on ${result.remote}`
                  : style.yellow(`not known on ${result.remote}`),
            ].filter((state) => state !== "");
            const renamed = version.from === undefined ? "" : ` (was ${escapeName(version.from)})`;
            session.print(
              `${style.yellow(version.commit.slice(0, 10))} ${version.date.slice(0, 16).replace("T", " ")} ${escapeName(version.author)}: ${escapeName(version.subject)}`,
            );
            session.print(
              `    ${version.action === "present" ? "there already" : version.action}${renamed}${size === undefined ? "" : `, ${size}`}${states.length > 0 ? style.dim(` [${states.join(", ")}]`) : ""}`,
            );
          }
          if (result.isCut) session.print(style.dim("… older versions are left out (`--limit`)"));
          if (result.isShallow)
            session.print(
              style.dim(
                "… whether there are older versions is not known: this clone is shallow, `git fetch --unshallow` brings its history",
              ),
            );
          if (result.versions.length === 0) session.print("It has no version in Git yet.");
        }),
      );
  },
};
