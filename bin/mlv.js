#!/usr/bin/env node
// Starts mlv; on a Node that is too old it hands over to the one that the dependencies carry. Written so that any Node can parse it,
// and as CommonJS, which starts some milliseconds sooner than a module.
"use strict";
var fs = require("fs");
var path = require("path");

var root = path.dirname(__dirname);
var argv = process.argv.slice(2);
var version = process.versions.node.split(".").map(Number);
var isCurrent = version[0] > 22 || (version[0] === 22 && version[1] >= 19);

if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
  process.stdout.write(JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")).version + "\n");
} else if (!isCurrent) {
  handOver();
} else if (!fs.existsSync(path.join(root, "dist", "cli.js"))) {
  fail("error: mlv is not built yet\nhint: run `npm run build` in " + root);
} else if (argv.length === 1 && argv[0] === "status") {
  startStatus();
} else {
  startProgram();
}

function startProgram() {
  var program = path.join(root, "dist", "cli.js");
  import(require("url").pathToFileURL(program).href).then(
    function (module) {
      return module.main(argv);
    },
    function (error) {
      fail("error: mlv cannot be loaded: " + error.message + "\nhint: run `npm ci` and `npm run build` in " + root);
    },
  );
}

// A plain `status` is asked for most often, so it has a small program of its own, which gives up in favour of the whole one whenever it
// would need a part that it does not carry: an unread configuration, ignore rules, an error to report.
function startStatus() {
  require("module").enableCompileCache();
  require(path.join(root, "dist", "status.cjs"))
    .main()
    .catch(startProgram);
}

function handOver() {
  var carried = path.join(root, "node_modules", "node", "bin", "node");
  if (!fs.existsSync(carried)) {
    fail(
      "error: mlv needs Node 22.19 or newer; this is " + process.versions.node + "\nhint: install a current Node from https://nodejs.org",
    );
    return;
  }
  var result = require("child_process").spawnSync(carried, [__filename].concat(argv), { stdio: "inherit" });
  if (result.signal) process.kill(process.pid, result.signal);
  process.exitCode = result.status === null ? 70 : result.status;
}

function fail(text) {
  process.stderr.write(text + "\n");
  process.exitCode = 70;
}
