// Writes docs/commands.md from what `mlv help` prints, so that the page stays true. `--print` prints it, `--check` exits 1 when the file differs.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const page = path.join(root, "docs", "commands.md");
const COMMON = /^ {2}(?:-C <dir>|-j, --jobs|--json|-q, --quiet|--no-wait|--no-progress|--debug|-h, --help) /;

const text = writePage();
switch (process.argv[2]) {
  case undefined:
    writeFileSync(page, text);
    break;
  case "--print":
    process.stdout.write(text);
    break;
  case "--check":
    if (readFileSync(page, "utf8") === text) break;
    console.error(
      "error: docs/commands.md is not what the help texts say\nhint: run `npm run build`, then `node scripts/docs-commands.js`",
    );
    process.exitCode = 1;
    break;
  default:
    console.error("usage: node scripts/docs-commands.js [--print | --check]");
    process.exitCode = 2;
}

function writePage() {
  const groups = readGroups();
  const names = groups.flatMap((group) => group.names);
  const common = parseHelp(mlv("help", names[0])).options.filter((line) => COMMON.test(line));
  const lines = [
    "# Commands",
    "",
    "Written by `node scripts/docs-commands.js` from `mlv help COMMAND`; edit the help texts instead. [json.md](json.md) has the documents that `--json`",
    "prints, [exit-codes.md](exit-codes.md) the exit statuses.",
    "",
    ...groups.map(({ title, names: members }) => `- ${title}: ${members.map((name) => `[${name}](#${name})`).join(", ")}`),
    "",
    "Options that every command takes:",
    "",
    ...block(common),
  ];
  for (const name of names) {
    const help = parseHelp(mlv("help", name));
    lines.push("", `## ${name}`, "", ...describe(help), ...showExamples(help));
    for (const sub of help.commands) lines.push("", `### ${name} ${sub}`, "", ...describe(parseHelp(mlv(name, sub, "--help"))));
  }
  return `${lines.join("\n")}\n`;
}

/** Returns the groups of commands in the order of `mlv help`. */
function readGroups() {
  const groups = [];
  for (const line of mlv("help").split("\n")) {
    const title = /^(\S.*):$/.exec(line)?.[1];
    if (title !== undefined) groups.push({ title, names: [] });
    const name = /^ {2}([a-z]+) {2,}\S/.exec(line)?.[1];
    if (name !== undefined) groups.at(-1)?.names.push(name);
  }
  return groups.filter(({ names }) => names.length > 0);
}

/** Cuts a help text into its parts. */
function parseHelp(help) {
  const parts = { usage: "", summary: [], arguments: [], options: [], commands: [], examples: [] };
  let section = "summary";
  for (const line of help.split("\n")) {
    const title = /^(Arguments|Options|Commands|Examples):$/.exec(line)?.[1];
    if (line.startsWith("Usage: ")) parts.usage = line.slice("Usage: ".length);
    else if (title !== undefined) section = title.toLowerCase();
    else if (line !== "") parts[section].push(line);
  }
  parts.commands = parts.commands.flatMap((line) => /^ {2}([a-z]+) /.exec(line)?.[1] ?? []).filter((name) => name !== "help");
  return parts;
}

/** Returns a command's summary, synopsis, arguments and its own options. */
function describe(help) {
  const summary = help.summary.map((line) => line.trim()).join(" ");
  const options = [];
  let isCommon = false;
  for (const line of help.options) {
    // What is indented further goes on with the option before it.
    if (/^ {2}-/.test(line)) isCommon = COMMON.test(line);
    if (!isCommon) options.push(line);
  }
  const details = [...help.arguments, ...options];
  return [
    `${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}.`,
    "",
    ...block([help.usage, ...(details.length > 0 ? ["", ...details] : [])]),
  ];
}

function showExamples(help) {
  if (help.examples.length === 0) return [];
  const lines = help.examples.map((line) => (line.startsWith("  $ ") ? line.slice(4) : `# ${line.trim()}`));
  const pairs = [];
  // The help puts what a line does below it; a shell's comment stands above.
  for (let index = 0; index < lines.length; index += 2) pairs.push(lines[index + 1], lines[index]);
  return ["", "```sh", ...pairs, "```"];
}

function block(lines) {
  return ["```", ...lines, "```"];
}

function mlv(...args) {
  return execFileSync(process.execPath, [path.join(root, "bin", "mlv.js"), ...args], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
}
