import type { Command } from "commander";
import type { Session } from "./session.ts";

/** Is what a command's action gets: positional arguments as commander parsed them, options by name. */
export interface Call {
  readonly session: Session;
  readonly args: readonly (string | readonly string[] | undefined)[];
  readonly options: Readonly<Record<string, unknown>>;
  /** The arguments behind `--`; undefined when there was none. They are part of `args` too. */
  readonly afterDashes?: readonly string[] | undefined;
}

/** Runs a command; returns its exit status, 0 when it returns nothing. */
export type Action = (call: Call) => Promise<number | void>;

/** Is one command: its arguments, options and examples on a commander command, and what runs. */
export interface CommandDefinition {
  /** Shown under `Examples:`, a command line and what it does. */
  readonly examples: readonly (readonly [command: string, what: string])[];
  /** Adds arguments, options and sub-commands; `run` makes an action of a function. */
  configure(command: Command, run: (action: Action) => (...parameters: unknown[]) => Promise<void>): void;
}

/** Returns a list argument as strings. */
export function listOf(argument: Call["args"][number]): string[] {
  if (argument === undefined) return [];
  return typeof argument === "string" ? [argument] : [...argument];
}

/** Returns a text argument. */
export function textOf(argument: Call["args"][number]): string {
  return typeof argument === "string" ? argument : (argument?.[0] ?? "");
}

/** Returns an optional text option. */
export function optionText(options: Call["options"], name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}
