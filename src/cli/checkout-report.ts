import type { CheckoutResult } from "../ops/checkout.ts";
import { EXIT } from "./exit-status.ts";
import { formatBytes, formatCount, formatPlural } from "./format.ts";
import type { Session } from "./session.ts";
import { escapeName } from "./terminal.ts";

/** Prints what a checkout did to each target and returns the exit status: 14 for damage, 3 for what was kept or is missing. */
export function printCheckout(session: Session, targets: readonly CheckoutResult[], isDryRun: boolean): number {
  let unchanged = 0;
  let exit: number = EXIT.done;
  for (const target of targets) {
    const isTouched =
      target.written + target.removed + target.kept.length + target.missing.length + target.damaged.length + target.saved.length > 0;
    if (!isTouched) {
      unchanged += 1;
      continue;
    }
    const would = isDryRun ? "would write" : "wrote";
    const parts = [`${would} ${formatPlural(target.written, "file")} (${formatBytes(target.writtenBytes)})`];
    if (target.removed > 0) parts.push(`${isDryRun ? "would remove" : "removed"} ${formatCount(target.removed)}`);
    session.print(`${session.style.bold(escapeName(target.target))}: ${parts.join(", ")}`);
    for (const saved of target.saved) session.print(`    kept your edit of ${escapeName(saved.path)} in the cache as ${saved.sha256}`);
    exit = Math.max(exit, printTrouble(session, target));
  }
  if (unchanged > 0 && unchanged === targets.length) session.print(`${formatPlural(unchanged, "target")} up to date.`);
  return exit;
}

function printTrouble(session: Session, target: CheckoutResult): number {
  const { style } = session;
  list(session, target.kept, style.yellow("left alone, edited here"));
  list(session, target.missing, style.red("missing from the cache"));
  list(
    session,
    target.damaged.map((file) => file.path),
    style.red("damaged in the cache"),
  );
  if (target.kept.length > 0)
    session.note(
      `${style.cyan("hint:")} record your edits with \`mlv add -u\`, or replace them with \`--force\` (which keeps them in the cache)`,
    );
  if (target.missing.length > 0) session.note(`${style.cyan("hint:")} \`mlv pull\` brings what is missing from the remote`);
  if (target.damaged.length > 0) session.note(`${style.cyan("hint:")} \`mlv pull\` or \`mlv verify --repair\` mends it from the remote`);
  if (target.damaged.length > 0) return EXIT.mismatch;
  return target.kept.length + target.missing.length > 0 ? EXIT.partly : EXIT.done;
}

function list(session: Session, files: readonly string[], what: string): void {
  for (const file of files.slice(0, 10)) session.note(`    ${what}: ${escapeName(file)}`);
  if (files.length > 10) session.note(`    ${what}: … and ${formatCount(files.length - 10)} more`);
}
