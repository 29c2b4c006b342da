import { MlvError } from "../../base/errors.ts";
import { add, type AddedTarget } from "../../ops/add.ts";
import { listOf, type CommandDefinition } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { formatBytes, formatCount, formatPlural } from "../format.ts";
import type { Session } from "../session.ts";
import { printToStage, typedPath } from "../stage-hint.ts";
import { escapeName } from "../terminal.ts";

export const command: CommandDefinition = {
  examples: [
    ["mlv add data/train.csv data/images", "track a file and a folder"],
    ["mlv add 'data/*.parquet'", "track each file that a glob matches"],
    ["mlv add data/images/new.png", "add one file to a tracked folder, the rest need not be here"],
    ["mlv add -u", "record edits of everything that is tracked"],
  ],
  configure: (command_, run) => {
    command_
      .argument("[path...]", "files, folders or globs")
      .option("-u, --update", "record edits of tracked targets")
      .option("--follow", "store what symlinks inside folders point to")
      .option("--force", "record the workspace even where it is out of date")
      .option("-n, --dry-run", "show what would be recorded")
      .action(
        run(async ({ session, args, options }) => {
          const paths = listOf(args[0]);
          const isUpdate = options["update"] === true;
          if (paths.length === 0 && !isUpdate) {
            throw new MlvError("usage", "`mlv add` needs a path", { hint: "`mlv add -u` records edits of everything that is tracked" });
          }
          const isDryRun = options["dryRun"] === true;
          const result = await add(session.operation, {
            paths,
            update: isUpdate,
            follow: options["follow"] === true,
            force: options["force"] === true,
            dryRun: isDryRun,
          });
          session.document({ command: "add", dryRun: isDryRun, targets: result.targets, toStage: result.toStage });
          for (const target of result.targets)
            session.print(describeTarget(session, target, { isDryRun, word: typedPath(session, result.root, target.target) }));
          if (result.targets.length === 0) session.print("Nothing is tracked yet.");
          printToStage(session, result, isDryRun);
          return result.targets.some((target) => target.status === "out-of-date" || target.status === "missing") ? EXIT.partly : EXIT.done;
        }),
      );
  },
};

function describeTarget(
  session: Session,
  { target, status, pointer, counts }: AddedTarget,
  { isDryRun, word }: { readonly isDryRun: boolean; readonly word: string },
): string {
  const name = session.style.bold(escapeName(target));
  const size =
    pointer.kind === "dir" ? `${formatPlural(pointer.files ?? 0, "file")}, ${formatBytes(pointer.size)}` : formatBytes(pointer.size);
  const would = isDryRun ? "would be " : "";
  switch (status) {
    case "added":
      return `${session.style.green(`${would}added`)} ${name} (${size})`;
    case "updated": {
      const parts = [
        [counts.added, "new"],
        [counts.modified, "modified"],
        [counts.deleted, "deleted"],
      ] as const;
      const changes =
        pointer.kind === "dir" ? parts.filter(([count]) => count > 0).map(([count, what]) => `${formatCount(count)} ${what}`) : [];
      return `${session.style.yellow(`${would}updated`)} ${name} (${[...changes, size].join(", ")})`;
    }
    case "unchanged":
      return `unchanged ${name}`;
    case "out-of-date":
      return `${session.style.yellow("out of date")} ${name}: Git has another version, and nothing was edited here; \`mlv checkout ${word}\` brings it`;
    case "missing":
      return `${session.style.red("missing")} ${name}: its data are not here; \`mlv checkout ${word}\` brings them, \`mlv remove ${word}\` stops tracking`;
  }
}
