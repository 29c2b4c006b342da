import type { CommandDefinition } from "../command.ts";
import { command as add } from "./add.ts";
import { command as checkout } from "./checkout.ts";
import { command as complete } from "./complete.ts";
import { command as completion } from "./completion.ts";
import { command as fetch } from "./fetch.ts";
import { command as init } from "./init.ts";
import { command as pull } from "./pull.ts";
import { command as push } from "./push.ts";
import { command as remote } from "./remote.ts";
import { command as status } from "./status.ts";

/** Holds every command by name. */
export const commands: Readonly<Record<string, CommandDefinition>> = {
  add,
  checkout,
  __complete: complete,
  completion,
  fetch,
  init,
  pull,
  push,
  remote,
  status,
};
