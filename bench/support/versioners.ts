import path from "node:path";
import type { Arena } from "./arena.ts";
import type { Command } from "./measure.ts";
import { MLV } from "./tools.ts";
import { sizeTree } from "./trees.ts";

/** Is a place on an S3 server. */
export interface S3Place {
  /** `s3://bucket/prefix`. */
  readonly url: string;
  readonly endpoint: string;
}

/** Is a program that versions data, with the commands a user of it would type. All of one place share `folder`. */
export interface Versioner {
  readonly name: "mlv" | "dvc" | "git-lfs";
  /** Makes `folder/project`, a Git repository with an empty remote: a folder beside it, or a place on a server. */
  create(arena: Arena, folder: string, place?: S3Place): Promise<void>;
  add(path: string): Command;
  status(): Command;
  push(): Command;
  /** Clones into `folder/clone` with all data; run in `folder`. */
  clone(): Command;
  pull(): Command;
  /** Goes to another commit, data included. */
  switchTo(revision: string): Command;
  /** Returns how many bytes the remote holds. */
  remoteBytes(folder: string): number;
  /** Tells from what `status` printed whether it saw a change. */
  sawChange(stdout: string): boolean;
}

const mlv = `"${process.execPath}" "${MLV}"`;

const MLV_VERSIONER: Versioner = {
  name: "mlv",
  create: async (arena, folder, place) => {
    const remote = place === undefined ? "../remote" : `${place.url} --option endpoint=${place.endpoint} region=us-east-1 path-style=true`;
    const lines = [
      "git init -q project",
      "cd project",
      `${mlv} init -q`,
      `${mlv} remote add -q origin ${remote}`,
      "git add .",
      "git commit -qm start",
    ];
    await arena.prepare(lines.join(" && "), folder);
  },
  add: (target) => [process.execPath, MLV, "add", target],
  status: () => [process.execPath, MLV, "status"],
  push: () => [process.execPath, MLV, "push"],
  clone: () => `git clone -q project clone && cd clone && ${mlv} pull`,
  pull: () => [process.execPath, MLV, "pull"],
  switchTo: (revision) => `git checkout -q ${revision} && ${mlv} checkout`,
  remoteBytes: (folder) => sizeTree(path.join(folder, "remote")).bytes,
  sawChange: (stdout) => stdout.includes("modified"),
};

const DVC_VERSIONER: Versioner = {
  name: "dvc",
  create: async (arena, folder, place) => {
    const remote = [`dvc remote add -q -d origin ${place?.url ?? "../remote"}`];
    if (place !== undefined) remote.push(`dvc remote modify -q origin endpointurl ${place.endpoint}`);
    await arena.prepare(
      ["git init -q project", "cd project", "dvc init -q", ...remote, "git add .", "git commit -qm start"].join(" && "),
      folder,
    );
  },
  add: (target) => ["dvc", "add", "-q", target],
  status: () => ["dvc", "status"],
  push: () => ["dvc", "push", "-q"],
  clone: () => "git clone -q project clone && cd clone && dvc pull -q",
  pull: () => ["dvc", "pull", "-q"],
  switchTo: (revision) => `git checkout -q ${revision} && dvc checkout -q`,
  remoteBytes: (folder) => sizeTree(path.join(folder, "remote")).bytes,
  sawChange: (stdout) => stdout.includes("modified"),
};

const LFS_VERSIONER: Versioner = {
  name: "git-lfs",
  create: async (arena, folder) => {
    const attributes =
      "printf 'data/** filter=lfs diff=lfs merge=lfs -text\\n*.bin filter=lfs diff=lfs merge=lfs -text\\n' > .gitattributes";
    const remote = `git remote add origin "file://${folder}/remote" && git config lfs.locksverify false`;
    await arena.prepare(
      `git init -q --bare remote && git init -q project && cd project && ${attributes} && ${remote} && git add . && git commit -qm start`,
      folder,
    );
  },
  add: (target) => ["git", "add", target],
  status: () => ["git", "status", "--short"],
  push: () => "git push -q origin HEAD:main && git lfs push origin HEAD",
  clone: () => 'git clone -q "file://$PWD/remote" clone',
  pull: () => ["git", "lfs", "pull"],
  switchTo: (revision) => ["git", "checkout", "-q", revision],
  remoteBytes: (folder) => sizeTree(path.join(folder, "remote", "lfs")).bytes,
  sawChange: (stdout) => stdout.trim() !== "",
};

/** Lists the versioners that a run measures: mlv, and those of the others that are wanted and installed. */
export function chooseVersioners(isUsable: (name: Versioner["name"]) => boolean): readonly Versioner[] {
  return [MLV_VERSIONER, DVC_VERSIONER, LFS_VERSIONER].filter(({ name }) => name === "mlv" || isUsable(name));
}

/** Returns the command that records pointers in Git. */
export function commit(message: string): Command {
  return `git add -A . && git commit -qm "${message}"`;
}
