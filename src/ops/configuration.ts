import * as fs from "node:fs";
import path from "node:path";
import { ensureFolder, uniqueName, writeFileDurably } from "../base/durable.ts";
import { MlvError } from "../base/errors.ts";
import type { LocalConfig, ProjectConfig } from "../formats/project-config.ts";
import type { RemoteConfig } from "../formats/remote-config.ts";
import type { Repository } from "../git/repository.ts";

/** Is the file at the root of the repository that people write. */
export const PROJECT_FILE = "mlv.yaml";
/** Is this machine's own configuration, inside `.git/mlv`. */
export const LOCAL_FILE = "local.yaml";

/** Is mlv.yaml and local.yaml together; what is local wins. */
export interface Configuration {
  readonly project: ProjectConfig;
  readonly local: LocalConfig;
  readonly remotes: ReadonlyMap<string, RemoteConfig>;
  readonly defaultRemote: string | undefined;
}

const EMPTY_PROJECT: ProjectConfig = { remotes: [], keys: {} };
const EMPTY_LOCAL: LocalConfig = { remotes: [], keys: {}, trust: [] };

/**
 * Reads both configuration files; a missing one is empty. Throws `config-malformed` and `config-secret`.
 * What the texts last parsed to is kept beside the index together with the texts, so that most commands never load a YAML parser.
 */
export async function readConfiguration(repository: Repository, stateFolder: string): Promise<Configuration> {
  const projectText = readText(path.join(repository.root, PROJECT_FILE));
  const localText = readText(path.join(stateFolder, LOCAL_FILE));
  if (projectText === undefined && localText === undefined) return combine(EMPTY_PROJECT, EMPTY_LOCAL);
  const parsedFile = path.join(stateFolder, "index", "configuration.json");
  const key = [PARSED_VERSION, projectText ?? "", localText ?? ""].join("\0");
  const kept = readParsed(parsedFile, key);
  if (kept !== undefined) return combine(kept.project, kept.local);
  const { parseLocalConfig, parseProjectConfig } = await import("../formats/project-config.ts");
  const project = projectText === undefined ? EMPTY_PROJECT : parseProjectConfig(projectText, PROJECT_FILE);
  const local = localText === undefined ? EMPTY_LOCAL : parseLocalConfig(localText, LOCAL_FILE);
  keepParsed(parsedFile, { key, project, local });
  return combine(project, local);
}

/** Counts up with the shape of what is kept. */
const PARSED_VERSION = 1;

interface ParsedConfiguration {
  readonly key: string;
  readonly project: ProjectConfig;
  readonly local: LocalConfig;
}

function readParsed(file: string, key: string): ParsedConfiguration | undefined {
  const text = readText(file);
  if (text === undefined) return undefined;
  try {
    const parsed = JSON.parse(text) as ParsedConfiguration;
    return parsed.key === key ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Secrets of local.yaml stay behind the same mode as local.yaml's own; a state folder that cannot be written costs only time. Nothing is synced:
 * what a power cut leaves of it does not match the texts, or no JSON.
 */
function keepParsed(file: string, parsed: ParsedConfiguration): void {
  try {
    if (!fs.existsSync(path.dirname(path.dirname(file)))) return;
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const temp = `${file}.${uniqueName("kept")}`;
    fs.writeFileSync(temp, JSON.stringify(parsed), { mode: 0o600, flag: "wx" });
    fs.renameSync(temp, file);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}

function combine(project: ProjectConfig, local: LocalConfig): Configuration {
  const remotes = new Map<string, RemoteConfig>(project.remotes.map((remote) => [remote.name, remote]));
  for (const remote of local.remotes) {
    const committed = remotes.get(remote.name);
    const isSameUrl = committed?.url === remote.url;
    // Local options add to a committed remote's; a local URL makes the whole remote local.
    remotes.set(remote.name, isSameUrl ? withLocalOptions(committed, remote) : remote);
  }
  const only = remotes.size === 1 ? [...remotes.keys()][0] : undefined;
  return { project, local, remotes, defaultRemote: local.default ?? project.default ?? only };
}

/** Adds local options to a committed remote; its endpoint stays one that came with a commit unless this machine names its own. */
function withLocalOptions(committed: RemoteConfig, local: RemoteConfig): RemoteConfig {
  const origin = local.options["endpoint"] === undefined ? committed.origin : "local";
  return { ...committed, options: { ...committed.options, ...local.options }, localOptions: Object.keys(local.options), origin };
}

/** Returns a remote by name, or the default one. Throws `remote-not-configured` with the command that adds one. */
export function selectRemote(configuration: Configuration, name: string | undefined): RemoteConfig {
  const wanted = name ?? configuration.defaultRemote;
  if (wanted === undefined) {
    throw new MlvError(
      "remote-not-configured",
      configuration.remotes.size === 0 ? "there is no remote yet" : "there are several remotes and no default",
      {
        hint:
          configuration.remotes.size === 0
            ? "add one: `mlv remote add origin s3://bucket/prefix`, or a folder: `mlv remote add origin /mnt/share/data`"
            : `choose one: \`mlv remote default ${[...configuration.remotes.keys()][0]}\`, or name it with \`-r\``,
      },
    );
  }
  const remote = configuration.remotes.get(wanted);
  if (remote !== undefined) return remote;
  throw new MlvError("remote-not-configured", `there is no remote \`${wanted}\``, {
    hint:
      configuration.remotes.size === 0
        ? `add it: \`mlv remote add ${wanted} URL\``
        : configuration.remotes.size === 1
          ? `the only remote is ${[...configuration.remotes.keys()].join("")}`
          : `the remotes are ${[...configuration.remotes.keys()].join(", ")}`,
  });
}

/** Sets or removes a value of mlv.yaml or local.yaml, keeping comments, and checks the result before it is written. */
export async function editConfiguration(
  place: { readonly repository: Repository; readonly stateFolder: string },
  scope: "project" | "local",
  keys: readonly string[],
  value: unknown,
): Promise<void> {
  const { editConfig, parseLocalConfig, parseProjectConfig } = await import("../formats/project-config.ts");
  const file = scope === "project" ? path.join(place.repository.root, PROJECT_FILE) : path.join(place.stateFolder, LOCAL_FILE);
  const edited = editConfig(readText(file) ?? "", keys, value, path.basename(file));
  if (scope === "project") parseProjectConfig(edited, PROJECT_FILE);
  else parseLocalConfig(edited, LOCAL_FILE);
  ensureFolder(place.stateFolder);
  writeFileDurably(file, edited, { tempFolder: path.join(place.stateFolder, "tmp"), mode: scope === "local" ? 0o600 : 0o666 });
}

function readText(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
