import { verify, type DamagedItem, type VerifyResult } from "../../ops/verify.ts";
import { listOf, optionText, type CommandDefinition } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { formatBytes, formatCount, formatPlural } from "../format.ts";
import type { Session } from "../session.ts";
import { escapeName } from "../terminal.ts";

const SHOWN_ITEMS = 50;

export const command: CommandDefinition = {
  examples: [
    ["mlv verify", "re-hash the cache and the workspace"],
    ["mlv verify --remote", "download and hash every blob of the remote that is needed here"],
    ["mlv verify --repair", "mend what is damaged from wherever a good copy is"],
  ],
  configure: (command_, run) => {
    command_
      .argument("[path...]", "targets, or paths inside them")
      .option("--cache", "the cache only")
      .option("--workspace", "the workspace only")
      .option("--remote [name]", "the remote: every blob is downloaded and hashed")
      .option("--quick", "of the remote only presence and size")
      .option("--repair", "mend from wherever a good copy is")
      .option("-n, --dry-run", "mend nothing, as without `--repair`")
      .action(
        run(async ({ session, args, options }) => {
          const isRemote = options["remote"] !== undefined;
          const hasChoice = options["cache"] === true || options["workspace"] === true || isRemote;
          const result = await verify(session.operation, {
            paths: listOf(args[0]),
            cache: options["cache"] === true || !hasChoice,
            workspace: options["workspace"] === true || !hasChoice,
            remote: isRemote ? (options["quick"] === true ? "quick" : "full") : false,
            remoteName: optionText(options, "remote"),
            repair: options["repair"] === true && options["dryRun"] !== true,
          });
          session.document({ command: "verify", ...result });
          printResult(session, result);
          return result.unmended > 0 ? EXIT.mismatch : EXIT.done;
        }),
      );
  },
};

function printResult(session: Session, result: VerifyResult): void {
  const { style } = session;
  for (const item of result.items.slice(0, SHOWN_ITEMS)) session.print(describeItem(session, item));
  if (result.items.length > SHOWN_ITEMS) session.print(`… and ${formatCount(result.items.length - SHOWN_ITEMS)} more`);
  const places = [
    ["cache", result.cache],
    ["workspace", result.workspace],
    [`remote ${result.remote?.name ?? ""}`, result.remote],
  ] as const;
  for (const [name, counts] of places) {
    if (counts !== undefined) session.print(`${name}: ${formatPlural(counts.items, "item")}, ${formatBytes(counts.bytes)} looked at`);
  }
  for (const target of result.remote?.notPushed ?? []) session.print(`${style.yellow("not pushed")}: ${escapeName(target)}`);
  if (result.edited > 0) session.print(`${formatPlural(result.edited, "file")} edited here, which is no damage`);
  const lookedAt = places.reduce((sum, [, counts]) => sum + (counts?.items ?? 0), 0);
  if (lookedAt === 0) session.print("Nothing is here to be looked at; `mlv pull` brings what is tracked.");
  else if (result.damaged === 0) session.print(style.green("Everything is as it should be."));
  else session.print(`${formatCount(result.damaged)} damaged, ${formatCount(result.mended)} mended, ${formatCount(result.unmended)} not`);
  // A plain `verify` looks at the cache and the workspace, so it would not mend the remote.
  const again = result.remote === undefined ? "" : ` --remote ${result.remote.name}`;
  if (result.unmended > 0 && result.mended === 0) session.note(`${style.cyan("hint:")} \`mlv verify${again} --repair\` mends what it can`);
}

function describeItem(session: Session, item: DamagedItem): string {
  const { style } = session;
  const color = item.status === "mended" ? style.green : style.red;
  const names =
    item.names.length === 0
      ? ""
      : `: ${item.names.map(escapeName).join(", ")}${item.nameCount > item.names.length ? ` and ${formatCount(item.nameCount - item.names.length)} more` : ""}`;
  const detail = item.detail === undefined ? "" : style.dim(` (${escapeName(item.detail)})`);
  return `${color(item.status === "found" ? item.problem : `${item.problem}, ${item.status}`)} in ${item.place}${names}\n    ${escapeName(item.path)}${detail}`;
}
