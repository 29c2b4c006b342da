/** Says where one remote is and how to reach it, as written in mlv.yaml, local.yaml or on the command line. */
export interface RemoteConfig {
  readonly name: string;
  /** `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, `file://…` or a path. */
  readonly url: string;
  /** Options by their documented kebab-case names, e.g. `region`, `endpoint`, `path-style`; values as text. */
  readonly options: Readonly<Record<string, string>>;
  /** The options that this machine's own configuration added to a committed remote: these may be secrets. */
  readonly localOptions?: readonly string[];
  /** Options that came with a commit are not trusted with credentials; local ones are. */
  readonly origin: "committed" | "local" | "argument";
}
