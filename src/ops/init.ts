import * as fs from "node:fs";
import path from "node:path";
import { PROJECT_FILE } from "./configuration.ts";
import { prepareState, withWorkspace, type OperationContext } from "./open-workspace.ts";
import { writeInWorkspace } from "./pointer-files.ts";

/** Is what `init` made; nothing the second time. */
export interface InitResult {
  readonly root: string;
  readonly created: readonly string[];
}

const PROJECT_TEMPLATE = `# mlv: data and models beside Git. Remotes, stages and keys go here; this machine's own settings into .git/mlv/local.yaml.
# remotes:
#   origin: { url: s3://bucket/prefix }
`;

const IGNORE_TEMPLATE = `# What mlv leaves out of tracked folders, in the syntax of .gitignore.
.DS_Store
Thumbs.db
.ipynb_checkpoints/
.gitkeep
`;

/** Makes mlv.yaml and .mlvignore at the root of the repository where they are missing. Throws `not-a-repository`. */
export async function init(context: OperationContext): Promise<InitResult> {
  return withWorkspace(context, async (workspace) => {
    prepareState(workspace);
    const created: string[] = [];
    for (const [name, content] of [
      [PROJECT_FILE, PROJECT_TEMPLATE],
      [".mlvignore", IGNORE_TEMPLATE],
    ] as const) {
      if (fs.existsSync(path.join(workspace.root, name))) continue;
      writeInWorkspace(workspace, name, content);
      created.push(name);
    }
    return { root: workspace.root, created };
  });
}
