import { setFlagsFromString } from "node:v8";
import { MlvError, systemErrorCode } from "../base/errors.ts";
import { COMMANDS, findCommand, suggest, type CommandEntry } from "./command-table.ts";
import { EXIT } from "./exit-status.ts";
import { reportError } from "./report-error.ts";
import { wantsColor } from "./terminal.ts";

declare const MLV_VERSION: string;

/**
 * Runs mlv with the arguments behind the program's name and sets the process's exit status. Only the module of the command that is
 * asked for is loaded.
 */
export async function main(argv: readonly string[]): Promise<void> {
  const dashes = argv.indexOf("--");
  const options = dashes === -1 ? argv : argv.slice(0, dashes);
  // What is thrown where nobody waits for it is a bug, and is reported as one.
  process.on("uncaughtException", (error) => {
    fail(error, options);
    process.exit();
  });
  // Warnings of Node and of libraries speak to developers.
  if (!options.includes("--debug")) process.removeAllListeners("warning");
  endQuietlyOnClosedPipe(options);
  try {
    process.exitCode = await run(argv);
  } catch (error) {
    fail(error, options);
  }
}

/** Reports an error on stderr, and sets the exit status that it stands for. */
function fail(error: unknown, options: readonly string[]): void {
  const isColored = wantsColor(process.env, process.stderr.isTTY === true);
  const report = reportError(error, { isColored, isDebug: options.includes("--debug") });
  process.stderr.write(options.includes("--json") ? report.json : report.text);
  process.exitCode = report.exitStatus;
}

async function run(argv: readonly string[]): Promise<number> {
  const { name, before, after } = splitCommand(argv);
  if (before.includes("--version") || before.includes("-V")) {
    process.stdout.write(`${MLV_VERSION}\n`);
    return EXIT.done;
  }
  if (name === undefined || name === "help" || before.includes("--help") || before.includes("-h"))
    return showHelp(name === "help" ? after[0] : undefined, name === undefined && before.length === 0);
  const entry = findCommand(name);
  if (entry === undefined) throw unknownCommand(name);
  return load(entry, [...before, ...after]);
}

async function load(entry: CommandEntry, argv: readonly string[]): Promise<number> {
  collectInOneGo();
  const definition = await entry.load();
  const { runCommand } = await import("./run-command.ts");
  return runCommand(entry, definition, argv);
}

/**
 * Has V8 collect garbage in one go instead of bit by bit beside the program. Network buffers of 64 KiB make it collect every few milliseconds;
 * with a heap of 15 MB one go takes 5 ms, while marking concurrently kept a second core busy: a download of 2 GiB took 3.7 instead of 6.8 seconds
 * of CPU. A pause hurts nobody here.
 */
function collectInOneGo(): void {
  setFlagsFromString("--no-incremental-marking");
}

/** Finds the command's name among the arguments: the first that is no option and no value of `-C` or `-j`. */
function splitCommand(argv: readonly string[]): { name: string | undefined; before: string[]; after: string[] } {
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] as string;
    if (argument === "-C" || argument === "-j" || argument === "--jobs") index += 1;
    else if (!argument.startsWith("-")) return { name: argument, before: argv.slice(0, index), after: argv.slice(index + 1) };
  }
  return { name: undefined, before: [...argv], after: [] };
}

async function showHelp(topic: string | undefined, isBare: boolean): Promise<number> {
  if (topic !== undefined) {
    const entry = findCommand(topic);
    if (entry === undefined) throw unknownCommand(topic);
    return load(entry, ["--help"]);
  }
  const lines = ["mlv: versions datasets and models alongside Git", "", "Usage: mlv <command> [options]", ""];
  for (const group of new Set(COMMANDS.map((command) => command.group))) {
    lines.push(`${group}:`);
    for (const command of COMMANDS)
      if (command.group === group && command.isHidden !== true) lines.push(`  ${command.name.padEnd(12)}${command.summary}`);
    lines.push("");
  }
  lines.push(
    "Options for every command:",
    "  -C DIR        run as if started in DIR",
    "  -j N          how many files or requests at once",
  );
  lines.push(
    "  --json        one JSON document on stdout, errors as JSON on stderr",
    "  -q, --quiet   print nothing but errors and warnings",
  );
  lines.push("  --debug       show the stack of an error", "", "`mlv help COMMAND` shows a command's options and examples.");
  const text = `${lines.join("\n")}\n`;
  if (isBare) process.stderr.write(text);
  else process.stdout.write(text);
  return isBare ? EXIT.usage : EXIT.done;
}

function unknownCommand(name: string): MlvError {
  const near = suggest(name);
  return new MlvError("usage", `\`${name}\` is no mlv command`, {
    hint: near === undefined ? "`mlv --help` lists the commands" : `did you mean \`mlv ${near}\`?`,
  });
}

/** `mlv ls | head` ends when `head` has enough: that is no failure. A closed stderr takes messages away, not the work. */
function endQuietlyOnClosedPipe(options: readonly string[]): void {
  process.stdout.on("error", (error) => {
    if (systemErrorCode(error) === "EPIPE") process.exit(EXIT.done);
    fail(error, options);
    process.exit();
  });
  process.stderr.on("error", () => undefined);
}
