import { quoteForShell } from "../../base/shell-words.ts";
import { MlvError } from "../../base/errors.ts";
import { listFiles } from "../../ops/list-files.ts";
import { textOf, type CommandDefinition } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { formatBytes, formatColumns, formatPlural } from "../format.ts";
import { escapeName } from "../terminal.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv ls", "what is tracked"],
    ["mlv ls data/images", "the first level inside a folder"],
    ["mlv ls v1.0 data/images --recursive", "every file of it at a tag"],
  ],
  configure: (command_, run) => {
    command_
      .argument("[rev-or-path]", "a revision, or a path in the work tree")
      .argument("[path]", "a path at that revision")
      .option("-R, --recursive", "list every file inside folders")
      .option("--rev <rev>", "a revision")
      .action(
        run(async ({ session, args, options }) => {
          const isRecursive = options["recursive"] === true;
          const given = typeof options["rev"] === "string" ? options["rev"] : undefined;
          const first = args[0] === undefined ? undefined : textOf(args[0]);
          const second = args[1] === undefined ? undefined : textOf(args[1]);
          const result = await listEither(session.operation, { rev: given, first, second, isRecursive });
          session.document({ command: "ls", ...result });
          const rows = result.entries.map((entry) => [
            entry.kind === "dir" ? formatPlural(entry.files, "file") : entry.isExecutable ? "x" : "",
            formatBytes(entry.size),
            `${escapeName(entry.path)}${entry.kind === "dir" ? "/" : ""}`,
          ]);
          for (const line of formatColumns(rows, [0, 1])) session.print(line);
          for (const { target, message } of result.unreadable)
            session.note(`${session.style.red("broken pointer")} ${escapeName(target)}: ${escapeName(message)}`);
          if (result.entries.length === 0 && result.unreadable.length === 0) session.print("Nothing is tracked here.");
          return result.unreadable.length > 0 ? EXIT.malformed : EXIT.done;
        }),
      );
  },
};

interface Question {
  readonly rev: string | undefined;
  readonly first: string | undefined;
  readonly second: string | undefined;
  readonly isRecursive: boolean;
}

/** One word alone is a path where there is one, else a revision, as Git reads it. */
async function listEither(
  operation: Parameters<typeof listFiles>[0],
  { rev, first, second, isRecursive }: Question,
): ReturnType<typeof listFiles> {
  if (rev !== undefined || second !== undefined) {
    return listFiles(operation, { rev: rev ?? first, path: rev === undefined ? second : (second ?? first), recursive: isRecursive });
  }
  try {
    return await listFiles(operation, { path: first, recursive: isRecursive });
  } catch (error) {
    const isNoPath = error instanceof MlvError && (error.code === "target-not-found" || error.code === "path-outside-repository");
    if (!isNoPath || first === undefined) throw error;
    try {
      return await listFiles(operation, { rev: first, recursive: isRecursive });
    } catch (other) {
      if (!(other instanceof MlvError && other.code === "revision-not-found")) throw other;
      const [, revision, path] = /^([^:]+):(.+)$/.exec(first) ?? [];
      if (revision === undefined || path === undefined) throw error;
      throw new MlvError(error.code, error.message, {
        hint: `a revision is a word of its own: \`mlv ls ${revision} ${quoteForShell(path)}\``,
        cause: error,
      });
    }
  }
}
