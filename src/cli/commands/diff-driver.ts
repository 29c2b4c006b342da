import { readFileSync } from "node:fs";
import path from "node:path";
import { isMlvError, type MlvError } from "../../base/errors.ts";
import { diffPointer, type DiffRequest, type PointerDiff } from "../../ops/diff-driver.ts";
import { listOf, type CommandDefinition } from "../command.ts";
import { printLeftOut } from "../diff-contents.ts";
import { printTargetDiff } from "../diff-report.ts";
import type { Session } from "../session.ts";
import { escapeMessage, escapeName } from "../terminal.ts";

export const command: CommandDefinition = {
  examples: [
    ["git config diff.mlv.command 'mlv diff-driver'", "what `mlv install --diff-driver` sets, but for its way out where mlv is missing"],
  ],
  configure: (command_, run) => {
    command_.argument("<arguments...>", "Git's path old-file old-hex old-mode new-file new-hex new-mode [new-path changes]").action(
      run(async ({ session, args }) => {
        const [name = "", before = "", , , after = "", , , newName] = listOf(args[0]);
        // Of a path in conflict Git gives the name alone.
        if (before === "") return session.print(session.style.bold(`unmerged ${escapeName(name)}`));
        const request = { path: name, ...(newName === undefined ? {} : { newPath: newName }), before, after };
        const result = await diffOrError(session, request);
        if (result === undefined) return;
        session.print(session.style.bold(`diff --mlv ${escapeName(name)}`));
        if (!isMlvError(result)) {
          printTargetDiff(session, result.target, { result, isAll: false });
          return printLeftOut(session, result.leftOut);
        }
        // What cannot be read as pointers is shown as text: `git diff` must go on.
        session.print(`cannot be compared: ${escapeMessage(result.message)}`);
        for (const [sign, file] of [["-", before] as const, ["+", after] as const]) printRaw(session, sign, file);
      }),
    );
  },
};

async function diffOrError(session: Session, request: DiffRequest): Promise<PointerDiff | MlvError> {
  try {
    return await diffPointer(session.operation, request);
  } catch (error) {
    if (isMlvError(error) && error.kind === "config") return error;
    throw error;
  }
}

function printRaw(session: Session, sign: string, file: string): void {
  const lines = readFileSync(path.resolve(session.operation.cwd, file), "utf8").split("\n");
  for (const line of lines.slice(0, 1000)) if (line !== "") session.print(`${sign}${escapeName(line)}`);
}
