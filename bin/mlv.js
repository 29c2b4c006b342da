#!/usr/bin/env node
// Starts mlv; on a Node that is too old it hands over to the one that the dependencies carry. Written so that any Node can parse it.
"use strict";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const version = process.versions.node.split(".").map(Number);
const isCurrent = version[0] > 22 || (version[0] === 22 && version[1] >= 19);

if (isCurrent) {
  const program = new URL("../dist/cli.js", import.meta.url);
  if (existsSync(program)) {
    const { main } = await import(program.href);
    await main(process.argv.slice(2));
  } else {
    console.error("error: mlv is not built yet\nhint: run `npm run build` in " + fileURLToPath(new URL("..", import.meta.url)));
    process.exitCode = 70;
  }
} else {
  const carried = fileURLToPath(new URL("../node_modules/node/bin/node", import.meta.url));
  if (existsSync(carried)) {
    const { spawnSync } = await import("node:child_process");
    const result = spawnSync(carried, [fileURLToPath(import.meta.url)].concat(process.argv.slice(2)), { stdio: "inherit" });
    if (result.signal) process.kill(process.pid, result.signal);
    process.exitCode = result.status === null ? 70 : result.status;
  } else {
    console.error("error: mlv needs Node 22.19 or newer; this is " + process.versions.node + "\nhint: install a current Node from https://nodejs.org");
    process.exitCode = 70;
  }
}
