import * as fs from "node:fs";
import path from "node:path";
import { systemErrorCode } from "../base/errors.ts";
import { addAttributes, removeAttributes } from "../git/attributes.ts";
import { driverCommands } from "../git/driver-scripts.ts";
import { findOwnSettings, removeDrivers, setDrivers, type ConfigChange, type OwnSetting } from "../git/driver-config.ts";
import { installHooks, removeHooks, type HookChange } from "../git/hooks.ts";
import { prepareState, withWorkspace, type OperationContext, type Workspace } from "./open-workspace.ts";
import { writeInWorkspace } from "./pointer-files.ts";

/** Says what to install. */
export interface InstallOptions {
  /** Takes everything out again instead. */
  readonly remove: boolean;
  /** Leaves hooks out. */
  readonly hooks: boolean;
  /** Lets `git diff` show what `mlv diff` says instead of pointers as text. */
  readonly diffDriver: boolean;
  readonly dryRun: boolean;
}

/** Is a change to the root's `.gitattributes`. */
export interface AttributesChange {
  readonly kind: "attributes";
  readonly action: "write" | "delete";
}

/** Is what was installed or removed, or with `dryRun` would be; empty when there was nothing to do. */
export interface InstallResult {
  readonly changes: readonly (ConfigChange | HookChange | AttributesChange)[];
  /** Settings of somebody else's where mlv's would stand: they stay as they are, in force. Empty at a removal. */
  readonly kept: readonly OwnSetting[];
  /** Paths to stage, relative to the repository's root. */
  readonly toStage: readonly string[];
  readonly root: string;
}

const ATTRIBUTES_FILE = ".gitattributes";

/**
 * Makes Git use mlv in this repository: pointers as readable text in diffs, a merge driver, and hooks beside those that are there; or takes
 * all of it out and puts back what was there. Drivers that somebody else set stay. Nothing the second time. Throws `git-failed`, `permission-denied`.
 */
export async function install(context: OperationContext, options: InstallOptions): Promise<InstallResult> {
  return withWorkspace(context, async (workspace) => {
    const { remove, dryRun } = options;
    const { repository } = workspace;
    const commands = driverCommands("mlv");
    if (!dryRun) prepareState(workspace);
    const { diff, ...always } = commands;
    const wanted = options.diffDriver ? { ...always, diff } : always;
    const kept = remove ? [] : await findOwnSettings(repository, wanted);
    const config = remove ? await removeDrivers(repository, { dryRun }) : await setDrivers(repository, wanted, { dryRun });
    const attributes = changeAttributes(workspace, options);
    const hooks =
      remove || !options.hooks
        ? await removeHooks(repository, { dryRun })
        : await installHooks(
            repository,
            {
              "post-checkout": "mlv hook post-checkout",
              "post-merge": "mlv hook post-merge",
              "pre-push": "mlv hook pre-push",
              "pre-commit": "mlv hook pre-commit",
            },
            { dryRun },
          );
    const toStage = attributes === undefined ? [] : [ATTRIBUTES_FILE];
    return { changes: [...config, ...(attributes === undefined ? [] : [attributes]), ...hooks], kept, toStage, root: workspace.root };
  });
}

function changeAttributes(workspace: Workspace, { remove, dryRun }: InstallOptions): AttributesChange | undefined {
  const file = path.join(workspace.root, ATTRIBUTES_FILE);
  const content = readFile(file);
  if (!remove) {
    const added = addAttributes(content);
    if (added === undefined) return undefined;
    if (!dryRun) writeInWorkspace(workspace, ATTRIBUTES_FILE, added);
    return { kind: "attributes", action: "write" };
  }
  const restored = removeAttributes(content);
  if (restored === undefined) return undefined;
  if (restored.wasMade) {
    if (!dryRun) fs.rmSync(file);
    return { kind: "attributes", action: "delete" };
  }
  if (!dryRun) writeInWorkspace(workspace, ATTRIBUTES_FILE, restored.content);
  return { kind: "attributes", action: "write" };
}

function readFile(file: string): Buffer | undefined {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
