import * as fs from "node:fs";
import path from "node:path";
import { isMlvError, MlvError } from "../../base/errors.ts";
import { afterCheckout, beforeCommit, beforePush, withoutFailing } from "../../ops/hook.ts";
import { printCheckout } from "../checkout-report.ts";
import { listOf, textOf, type CommandDefinition } from "../command.ts";
import { EXIT } from "../exit-status.ts";
import { formatBytes, formatCount, formatPlural } from "../format.ts";
import { printLeftovers } from "../leftover-report.ts";
import type { Session } from "../session.ts";
import { quoteForShell } from "../../base/shell-words.ts";
import { escapeMessage, escapeName } from "../terminal.ts";

const SHOWN = 10;
const OID = /^[0-9a-f]{40,64}$/;

export const command: CommandDefinition = {
  examples: [
    ["mlv hook pre-commit", "warn of large files, edits and data that is not pushed"],
    ["mlv hook pre-push origin URL < refs", "what Git runs before it pushes, after `mlv install`"],
  ],
  configure: (command_, run) => {
    command_
      .argument("<hook>", "post-checkout, post-merge, pre-push or pre-commit")
      .argument("[arguments...]", "what Git hands to the hook")
      .allowExcessArguments()
      .action(
        run(async ({ session, args }) => {
          const name = textOf(args[0]);
          if (name === "post-checkout" || name === "post-merge") return postCheckout(session);
          if (name === "pre-push") return prePush(session, listOf(args[1])[0]);
          if (name === "pre-commit") return preCommit(session);
          throw new MlvError("usage", `\`${name}\` is no hook of mlv's`, {
            hint: "the hooks are post-checkout, post-merge, pre-push and pre-commit",
          });
        }),
      );
  },
};

/** The checkout is done: whatever goes wrong here is said and is no failure of Git's. */
async function postCheckout(session: Session): Promise<number> {
  const result = await withoutFailing(() => afterCheckout(session.operation));
  if (isMlvError(result)) return warn(session, result);
  printLeftovers(session, result.leftovers, false);
  if (result.targets.length > 0) printCheckout(session, result.targets, false);
  if (result.notCached.length > 0)
    session.note(`mlv: ${formatPlural(result.notCached.length, "target")} not in the cache; \`mlv pull\` brings them`);
  return EXIT.done;
}

async function prePush(session: Session, gitRemote: string | undefined): Promise<number> {
  const { env } = session.operation;
  const result = await beforePush(session.operation, readPushed(session), gitRemote ?? env["PRE_COMMIT_REMOTE_NAME"]);
  const sent = result?.versions.filter((version) => version.status !== "up-to-date") ?? [];
  if (result !== undefined && sent.length > 0)
    session.note(`mlv: ${formatPlural(sent.length, "version")} to ${result.remote}, ${formatBytes(result.sentBytes)} sent`);
  return EXIT.done;
}

/** Returns what Git says is pushed; the pre-commit framework has read it already and hands on the commits, or of a first push the branch alone. */
function readPushed({ operation: { env } }: Session): string {
  const [to = "", from = "", branch = ""] = [env["PRE_COMMIT_TO_REF"], env["PRE_COMMIT_FROM_REF"], env["PRE_COMMIT_LOCAL_BRANCH"]];
  if (OID.test(to)) return `pushed ${to} pushed${OID.test(from) ? ` ${from}` : ""}`;
  if (env["PRE_COMMIT"] === "1" && branch !== "") return `pushed ${branch}`;
  // Run by hand there is nobody who writes to stdin.
  return process.stdin.isTTY ? "" : fs.readFileSync(0, "utf8");
}

async function preCommit(session: Session): Promise<number> {
  const result = await withoutFailing(() => beforeCommit(session.operation));
  if (isMlvError(result)) return warn(session, result);
  const { style } = session;
  const from = typedFrom(session);
  const seen = (file: string): string => path.relative(from, path.join(result.root, file)) || ".";
  for (const { path: large, size } of result.large.slice(0, SHOWN)) {
    const typed = quoteForShell(seen(large));
    session.note(
      `${style.yellow("warning:")} Git is about to take in ${escapeName(seen(large))} (${formatBytes(size)}); to track it with mlv: git rm --cached -- ${typed} && mlv add ${typed}`,
    );
  }
  if (result.large.length > SHOWN)
    session.note(`${style.yellow("warning:")} … and ${formatCount(result.large.length - SHOWN)} more large files`);
  for (const { target, message } of result.broken)
    session.note(`${style.yellow("warning:")} ${escapeName(seen(target))}: ${escapeMessage(message)}`);
  list(session, result.modified.map(seen), "edited since it was added (`mlv add -u` records it)");
  list(session, result.notPushed.map(seen), "not pushed (`mlv push`)");
  return EXIT.done;
}

/** Returns the folder in which the user typed `git commit`: Git runs hooks at the root, and says in GIT_PREFIX where it was. */
function typedFrom({ operation: { cwd, env } }: Session): string {
  const folder = path.resolve(cwd, env["GIT_PREFIX"] ?? "");
  return fs.existsSync(folder) ? folder : cwd;
}

function list(session: Session, targets: readonly string[], what: string): void {
  if (targets.length === 0) return;
  const names = targets.slice(0, SHOWN).map(escapeName).join(", ");
  const more = targets.length > SHOWN ? ` and ${formatCount(targets.length - SHOWN)} more` : "";
  session.note(`${session.style.yellow("warning:")} ${what}: ${names}${more}`);
}

function warn(session: Session, error: MlvError): number {
  session.note(`${session.style.yellow("warning:")} mlv: ${escapeMessage(error.message)}`);
  if (error.hint !== undefined) session.note(`${session.style.cyan("hint:")} ${escapeMessage(error.hint)}`);
  return EXIT.done;
}
