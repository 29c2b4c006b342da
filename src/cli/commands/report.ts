import path from "node:path";
import { MlvError } from "../../base/errors.ts";
import { report } from "../../ops/report.ts";
import { listOf, optionText, type Call, type CommandDefinition } from "../command.ts";
import { formatBytes } from "../format.ts";
import { formatReportHtml } from "../report-html.ts";
import { assertReportPlace, writeReportPage } from "../report-file.ts";
import { escapeName } from "../terminal.ts";

const FILE = "mlv-report.html";

export const command: CommandDefinition = {
  examples: [
    ["mlv report", `everything up to HEAD, as ${FILE}`],
    ["mlv report --html -o data.html data/images", "one target or folder, another name"],
    ["mlv report --since v1.0 --diffs 20", "what changed since a release, twenty commits in depth"],
    ["mlv report --json", "the same as data"],
  ],
  configure: (command_, run) => {
    command_
      .argument("[path...]", "targets, or folders that hold some; everything when absent")
      .option("--html", "write one self-contained page; so it is without `--json` too")
      .option("-o, --output <file>", `where the page goes, \`-\` for stdout; ${FILE} when absent`)
      .option("-f, --force", "replace a file that is no report")
      .option("--rev <rev>", "the revision to report on; HEAD when absent")
      .option("--since <rev>", "leave this revision and all before it out")
      .option("-n, --limit <count>", "how many commits are listed; 100 when absent")
      .option("--diffs <count>", "of how many commits rows and files are compared; 5 when absent")
      .option("-r, --remote <name>", "where `--fetch-limit` fetches from")
      .option("--fetch-limit <size>", "how much may be fetched for a commit's comparison; nothing when absent")
      .action(run(writeReport));
  },
};

async function writeReport({ session, args, options }: Call): Promise<void> {
  const output = optionText(options, "output");
  const file = output ?? FILE;
  const place = path.resolve(session.operation.cwd, file);
  const isPageWanted = !session.isJson || output !== undefined || options["html"] === true;
  if (output === "-" && session.isJson) throw new MlvError("usage", "`--json` and the page cannot both go to stdout");
  if (isPageWanted && output !== "-") assertReportPlace(place, { isForced: options["force"] === true });
  const result = await report(session.operation, {
    paths: listOf(args[0]),
    rev: optionText(options, "rev"),
    since: optionText(options, "since"),
    limit: readCount(options, "limit", 1),
    diffs: readCount(options, "diffs", 0),
    remote: optionText(options, "remote"),
    fetchLimit: optionText(options, "fetchLimit"),
  });
  if (output === "-") {
    await session.write(Buffer.from(formatReportHtml(result)));
    return;
  }
  if (isPageWanted) {
    const page = formatReportHtml(result);
    writeReportPage(place, page);
    session.print(`${escapeName(file)}  ${session.style.dim(formatBytes(Buffer.byteLength(page)))}`);
    for (const { reason } of result.gaps) session.print(session.style.dim(`left out: ${escapeName(reason)}`));
  }
  session.document({ command: "report", ...result, ...(isPageWanted ? { file } : {}) });
}

const MAX_COUNT = 10_000;

function readCount(options: Call["options"], option: string, least: number): number | undefined {
  const text = optionText(options, option);
  if (text === undefined) return undefined;
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= least && count <= MAX_COUNT) return count;
  throw new MlvError("usage", `\`--${option}\` takes a whole number from ${least} to ${MAX_COUNT}, not \`${text}\``);
}
