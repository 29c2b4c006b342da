import { parseArgs } from "node:util";

/** Lists the groups of cases, in the order in which they run. */
export const GROUPS = ["status", "big", "small", "csv", "real", "s3", "million"] as const;
export type Group = (typeof GROUPS)[number];

/** Lists who can be measured beside mlv. */
export const RIVALS = ["dvc", "git-lfs", "floor"] as const;
export type Rival = (typeof RIVALS)[number];

/** Says what one run of the benchmark does. */
export interface BenchOptions {
  readonly only: readonly Group[];
  readonly against: readonly Rival[];
  readonly runs: number;
  /** Multiplies the sizes and file counts of the data; 1 is the full set. */
  readonly scale: number;
  /** Drops the machine's page cache before the steps that read; needs root, and slows everybody else down. */
  readonly cold: boolean;
  /** Keeps the folders of the runs. */
  readonly keep: boolean;
}

export const USAGE = `usage: npm run bench -- [options]
  --only ${GROUPS.join(",")}   groups of cases (all but million)
  --against ${RIVALS.join(",")}   whom to measure beside mlv (all; who is not installed is named and left out)
  --runs N       how often each case runs, interleaved (3)
  --scale X      size of the data, 1 is 2 GiB, 100,000 files and 500 MB of CSV (1)
  --cold         drop the page cache before each step (root only)
  --keep         keep the folders of the runs in bench/.data/runs
`;

/** Reads the command line; throws an `Error` that says what is wrong. */
export function parseBenchOptions(argv: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: "string", default: GROUPS.filter((group) => group !== "million").join(",") },
      against: { type: "string", default: RIVALS.join(",") },
      runs: { type: "string", default: "3" },
      scale: { type: "string", default: "1" },
      cold: { type: "boolean", default: false },
      keep: { type: "boolean", default: false },
    },
  });
  const runs = Number(values.runs);
  const scale = Number(values.scale);
  if (!Number.isInteger(runs) || runs < 1) throw new Error(`--runs takes a whole number from 1, not \`${values.runs}\``);
  if (!(scale > 0 && scale <= 20)) throw new Error(`--scale takes a number up to 20, not \`${values.scale}\``);
  return {
    only: pickWords("--only", values.only, GROUPS),
    against: pickWords("--against", values.against, RIVALS),
    runs,
    scale,
    cold: values.cold,
    keep: values.keep,
  };
}

function pickWords<Word extends string>(option: string, text: string, words: readonly Word[]): Word[] {
  const given = text.split(",").filter((word) => word !== "" && word !== "none");
  const unknown = given.find((word) => !words.some((known) => known === word));
  if (unknown !== undefined) throw new Error(`${option} knows ${words.join(", ")}, not \`${unknown}\``);
  return words.filter((word) => given.includes(word));
}
