import { show } from "../../ops/show.ts";
import { textOf, type CommandDefinition } from "../command.ts";
import { formatBytes, formatColumns, formatCount, formatPlural } from "../format.ts";
import { escapeName } from "../terminal.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv show data/train.csv", "its pointer explained"],
    ["mlv show v1.0:data/train.csv", "as it was at a tag"],
    ["mlv show v1.0:data/images/cat.png", "a file of a folder, and the folder"],
  ],
  configure: (command_, run) => {
    command_.argument("<[rev:]target>", "a target").action(
      run(async ({ session, args }) => {
        const result = await show(session.operation, { spec: textOf(args[0]) });
        session.document({ command: "show", ...result });
        const { pointer, cached } = result;
        const { file } = result;
        const rows: string[][] = [
          ...(file === undefined
            ? []
            : [
                ["file", `${escapeName(file.path)}${file.isExecutable ? ", executable" : ""}`],
                ["its size", `${formatBytes(file.size)} (${formatCount(file.size)} bytes)`],
                ["its sha256", file.sha256],
                ["in", ""],
              ]),
          ["target", escapeName(result.target)],
          [
            "kind",
            pointer.kind === "dir"
              ? `folder of ${formatPlural(pointer.files ?? 0, "file")}`
              : `file${pointer.mode === "x" ? ", executable" : ""}`,
          ],
          ["size", `${formatBytes(pointer.size)} (${formatCount(pointer.size)} bytes)`],
          ["sha256", pointer.sha256],
        ];
        if (pointer.table !== undefined) {
          rows.push([
            "table",
            `${pointer.table.format}, ${formatPlural(pointer.table.rows, "row")}, ${formatPlural(pointer.table.columns.length, "column")}`,
          ]);
          rows.push(["columns", pointer.table.columns.map(escapeName).join(", ")]);
        }
        if (pointer.source?.url !== undefined) rows.push(["source", escapeName(pointer.source.url)]);
        const missing = cached.state === "partial" ? ` (${formatPlural(cached.missingFiles, "file")} missing)` : "";
        rows.push(["cache", `${cached.state}${missing}${cached.file === undefined ? "" : `, ${escapeName(cached.file)}`}`]);
        for (const remote of result.remotes)
          rows.push(["remote", `${escapeName(remote.remote)}: ${remote.isKnown ? "has it" : "not known to have it"}`]);
        for (const commit of result.commits)
          rows.push([
            "commit",
            `${commit.commit.slice(0, 10)} ${commit.date.slice(0, 10)} ${escapeName(commit.subject)}${commit.isEdge === true ? " (or an older one: this clone is shallow, `git fetch --unshallow` tells)" : ""}`,
          ]);
        for (const line of formatColumns(rows)) session.print(line);
      }),
    );
  },
};
