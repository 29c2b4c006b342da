/** Holds a Git configuration file's values: `section.key` or `section.subsection.key`, section and key in lower case, last value last. */
export type GitConfigValues = ReadonlyMap<string, readonly string[]>;

/**
 * Parses one Git configuration file (syntax of git-config(1)): sections, subsections, quotes, escapes, comments, continued lines.
 * Includes are not followed, as Git does not follow them either for the repository's own format. A line that makes no sense is
 * skipped: Git itself reports it as soon as it is asked anything.
 */
export function parseGitConfig(text: string): GitConfigValues {
  const values = new Map<string, string[]>();
  let section = "";
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  for (let number = 0; number < lines.length; number++) {
    let line = (lines[number] ?? "").trimStart();
    const header = SECTION.exec(line);
    if (header !== null) {
      section = sectionName(header[1] ?? "", header[2]);
      line = line.slice(header[0].length).trimStart();
    }
    const assignment = ASSIGNMENT.exec(line);
    if (assignment === null || section === "") continue;
    let raw = assignment[2] ?? "";
    while (endsWithContinuation(raw) && number + 1 < lines.length) raw = `${raw.slice(0, -1)}${lines[++number] ?? ""}`;
    const key = `${section}.${(assignment[1] ?? "").toLowerCase()}`;
    const list = values.get(key);
    const value = assignment[2] === undefined ? "true" : unquoteValue(raw);
    if (list === undefined) values.set(key, [value]);
    else list.push(value);
  }
  return values;
}

const SECTION = /^\[\s*([-.A-Za-z0-9]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]/;
const ASSIGNMENT = /^([A-Za-z][-A-Za-z0-9]*)\s*(?:=\s*(.*))?(?:[#;].*)?$/;

function sectionName(section: string, subsection: string | undefined): string {
  const lower = section.toLowerCase();
  return subsection === undefined ? lower : `${lower}.${subsection.replace(/\\(.)/g, "$1")}`;
}

function endsWithContinuation(raw: string): boolean {
  return (/\\*$/.exec(raw)?.[0].length ?? 0) % 2 === 1;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", b: "\b" };

function unquoteValue(raw: string): string {
  let value = "";
  let kept = 0;
  let inQuotes = false;
  for (let index = 0; index < raw.length; index++) {
    const character = raw.charAt(index);
    if (character === "\\") {
      const next = raw.charAt(++index);
      value += ESCAPES[next] ?? next;
      kept = value.length;
    } else if (character === '"') {
      inQuotes = !inQuotes;
      kept = value.length;
    } else if (!inQuotes && (character === "#" || character === ";")) {
      break;
    } else {
      value += character;
      if (inQuotes || !/\s/.test(character)) kept = value.length;
    }
  }
  return value.slice(0, kept);
}

/** Returns the last value of a key, as Git does for single-valued settings. */
export function configValue(values: GitConfigValues, key: string): string | undefined {
  return values.get(key)?.at(-1);
}

/** Returns a boolean setting as Git reads it: `true`, `yes`, `on` and numbers other than 0 are true. */
export function configBoolean(values: GitConfigValues, key: string): boolean | undefined {
  const value = configValue(values, key)?.toLowerCase();
  if (value === undefined) return undefined;
  return value === "true" || value === "yes" || value === "on" || (/^[-+]?\d+$/.test(value) && Number(value) !== 0);
}
