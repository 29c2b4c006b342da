import type { CommandDefinition } from "../command.ts";
import { command as cat } from "./cat.ts";
import { command as checkout } from "./checkout.ts";
import { command as complete } from "./complete.ts";
import { command as completion } from "./completion.ts";
import { command as config } from "./config.ts";
import { command as doctor } from "./doctor.ts";
import { command as fetch } from "./fetch.ts";
import { command as gc } from "./gc.ts";
import { command as hook } from "./hook.ts";
import { command as init } from "./init.ts";
import { command as install } from "./install.ts";
import { command as log } from "./log.ts";
import { command as ls } from "./ls.ts";
import { command as mergeDriver } from "./merge-driver.ts";
import { command as move } from "./move.ts";
import { command as pull } from "./pull.ts";
import { command as push } from "./push.ts";
import { command as remote } from "./remote.ts";
import { command as remove } from "./remove.ts";
import { command as resolve } from "./resolve.ts";
import { command as show } from "./show.ts";
import { command as status } from "./status.ts";
import { command as url } from "./url.ts";
import { command as verify } from "./verify.ts";

/** Holds every command by name; those that need readers of tables or a parser of YAML are loaded when they are asked for. */
export const commands: Readonly<Record<string, CommandDefinition | (() => Promise<CommandDefinition>)>> = {
  add: async () => (await import("./add.ts")).command,
  cat,
  checkout,
  __complete: complete,
  completion,
  config,
  diff: async () => (await import("./diff.ts")).command,
  "diff-driver": async () => (await import("./diff-driver.ts")).command,
  doctor,
  fetch,
  gc,
  get: async () => (await import("./get.ts")).command,
  hook,
  init,
  install,
  log,
  ls,
  "merge-driver": mergeDriver,
  move,
  pull,
  push,
  remote,
  remove,
  report: async () => (await import("./report.ts")).command,
  resolve,
  show,
  status,
  textconv: async () => (await import("./textconv.ts")).command,
  url,
  verify,
};
