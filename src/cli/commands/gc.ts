import { MlvError } from "../../base/errors.ts";
import { gcRemote, type RemoteGcResult } from "../../ops/gc-remote.ts";
import { gc, type GcItem, type GcResult } from "../../ops/gc.ts";
import { type CommandDefinition } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { formatBytes, formatColumns, formatCount, formatPlural } from "../format.ts";
import type { Session } from "../session.ts";
import { quoteForShell } from "../../base/shell-words.ts";
import { escapeName } from "../terminal.ts";

const SHOWN_ITEMS = 40;
const DAY_MS = 24 * 60 * 60 * 1000;

export const command: CommandDefinition = {
  examples: [
    ["mlv gc", "list what the cache could free"],
    ["mlv gc --yes", "free it"],
    ["mlv gc --remote origin --repo ../other --grace 14d", "list what nothing names on a remote that two repositories share"],
  ],
  configure: (command_, run) => {
    command_
      .option("--yes", "delete; without it nothing is changed")
      .option("-n, --dry-run", "list what would be freed, as without `--yes`")
      .option("--force", "free the last known copy of unpushed data too")
      .option("--remote <name>", "clean a remote instead of the cache")
      .option("--repo <path...>", "another repository that shares the cache or the remote")
      .option("--grace <time>", "how long a blob stays marked before it may go, e.g. 14d or 12h")
      .option("--all", "list everything")
      .action(
        run(async ({ session, options }) => {
          const isConfirmed = options["yes"] === true;
          if (isConfirmed && options["dryRun"] === true)
            throw new MlvError("usage", "`--yes` deletes, and `--dry-run` does not: give one of them");
          const repositories = (options["repo"] as string[] | undefined) ?? [];
          if (typeof options["remote"] === "string") {
            const graceMs = typeof options["grace"] === "string" ? parseGrace(options["grace"]) : undefined;
            const result = await gcRemote(session.operation, { remote: options["remote"], repositories, graceMs, isConfirmed });
            session.document({ command: "gc", ...result });
            printRemote(session, result, {
              isAll: options["all"] === true,
              next: nextCommand(result.remote, repositories, options["grace"]),
            });
            return;
          }
          if (options["grace"] !== undefined)
            throw new MlvError("usage", "`--grace` needs `--remote NAME`: what a cache does not need is freed without waiting", {
              hint: "`mlv help gc` shows its options and examples",
            });
          const result = await gc(session.operation, { repositories, isConfirmed, force: options["force"] === true });
          session.document({ command: "gc", ...result });
          printLocal(session, result, options["all"] === true);
          return isConfirmed && result.blockedBy.length > 0 ? EXIT.partly : EXIT.done;
        }),
      );
  },
};

function parseGrace(text: string): number {
  const match = /^(\d+)([dhm])$/.exec(text);
  if (match === null) throw new MlvError("usage", `\`--grace\` takes a time such as 14d, 12h or 30m, not \`${text}\``);
  return Number(match[1]) * { d: DAY_MS, h: DAY_MS / 24, m: DAY_MS / 1440 }[match[2] as "d" | "h" | "m"];
}

function printLocal(session: Session, result: GcResult, isAll: boolean): void {
  const { style } = session;
  printItems(session, result.freed, isAll);
  const freed = `${formatPlural(result.freed.length, "object")}, ${formatBytes(result.freedBytes)}`;
  if (result.freed.length === 0) session.print("There is nothing to free.");
  else session.print(result.isDone ? `freed ${freed}` : `${style.bold("would free")} ${freed}`);
  if (result.keptUnpushed.length > 0) {
    session.print(
      `kept ${formatPlural(result.keptUnpushed.length, "object")} (${formatBytes(result.keptUnpushedBytes)}) that no commit names but that were never pushed:`,
    );
    printItems(session, result.keptUnpushed, isAll);
    session.note(`${style.cyan("hint:")} push them, or free them for good with \`mlv gc --force --yes\``);
  }
  for (const { repository, message } of result.blockedBy)
    session.note(`${style.red("not deleted")}: the repository ${escapeName(repository)} cannot be read: ${escapeName(message)}`);
  if (!result.isDone && result.freed.length > 0 && result.blockedBy.length === 0) session.print("Next: mlv gc --yes");
}

function printItems(session: Session, items: readonly GcItem[], isAll: boolean): void {
  const shown = isAll ? items : items.slice(0, SHOWN_ITEMS);
  const rows = shown.map((item) => [
    formatBytes(item.size),
    new Date(item.modifiedAt).toISOString().slice(0, 10),
    item.names.length > 0 ? item.names.map(escapeName).join(", ") : item.sha256.slice(0, 16),
  ]);
  for (const line of formatColumns(rows, [0])) session.print(`    ${line}`);
  if (shown.length < items.length) session.print(`    … and ${formatCount(items.length - shown.length)} more (\`--all\` lists them)`);
}

/** Without the other repositories what they need would be freed, so what is to be typed names them again. */
function nextCommand(remote: string, repositories: readonly string[], grace: unknown): string {
  const others = repositories.map((repository) => ` --repo ${quoteForShell(repository)}`).join("");
  return `mlv gc --remote ${remote}${others}${typeof grace === "string" ? ` --grace ${grace}` : ""} --yes`;
}

function printRemote(session: Session, result: RemoteGcResult, { isAll, next }: { readonly isAll: boolean; readonly next: string }): void {
  const shown = isAll ? result.items : result.items.slice(0, SHOWN_ITEMS);
  const rows = shown.map((item) => [
    item.action,
    formatBytes(item.size),
    item.key,
    item.deletableAt === undefined ? "" : `may go from ${new Date(item.deletableAt).toISOString().slice(0, 16).replace("T", " ")}`,
  ]);
  for (const line of formatColumns(rows, [1])) session.print(`    ${line}`);
  if (shown.length < result.items.length)
    session.print(`    … and ${formatCount(result.items.length - shown.length)} more (\`--all\` lists them)`);
  const would = result.isDone ? "" : "would be ";
  session.print(
    `${result.remote}: ${formatCount(result.markedBlobs)} ${would}marked (${formatBytes(result.markedBytes)}), ${formatCount(result.waitingBlobs)} waiting, ${formatCount(result.deletedBlobs)} ${would}deleted (${formatBytes(result.deletedBytes)}), ${formatCount(result.keptBlobs)} kept (${formatBytes(result.keptBytes)})`,
  );
  if (!result.isDone && result.items.length > 0) session.print(`Next: ${next}`);
}
