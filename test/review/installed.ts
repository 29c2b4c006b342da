import * as fs from "node:fs";
import path from "node:path";
import { findNode, findProgram } from "../cli/program.ts";
import { makeSandbox, type RunResult, type Sandbox } from "../cli/sealed.ts";

/** Is a repository `r` in which Git finds mlv in PATH and was told to use it. */
export interface Installed {
  readonly sandbox: Sandbox;
  /** Runs Git there to its end. */
  git(...words: readonly string[]): RunResult;
  /** Writes a file with its folders. */
  write(file: string, content: string | Uint8Array): void;
  /** Tracks targets as they are and commits everything. */
  record(...targets: readonly string[]): void;
}

/** Makes a repository with a remote, `mlv install` with these options, and its own commit of that. */
export function makeInstalled(...options: readonly string[]): Installed {
  const sandbox = makeSandbox();
  sandbox.makeRepository("r", { remote: "store" });
  fs.mkdirSync(sandbox.at("bin"));
  fs.writeFileSync(sandbox.at("bin/mlv"), `#!/bin/sh\nexec '${findNode()}' '${findProgram()}' "$@"\n`, { mode: 0o755 });
  sandbox.mlv("r", ["install", ...options]);
  sandbox.commit("r", "install");
  const env = { PATH: `${sandbox.at("bin")}:${sandbox.env["PATH"] ?? ""}` };
  return {
    sandbox,
    git: (...words) => sandbox.exec("git", words, { cwd: "r", env }),
    write(file, content) {
      fs.mkdirSync(path.dirname(sandbox.at("r", file)), { recursive: true });
      fs.writeFileSync(sandbox.at("r", file), content);
    },
    record(...targets) {
      if (targets.length > 0) sandbox.mlv("r", ["add", "-q", ...targets]);
      sandbox.commit("r", "edit");
    },
  };
}
