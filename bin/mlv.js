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
} else {
  keepCompiledCode();
  if (argv.length === 1 && argv[0] === "status") startStatus();
  else startProgram();
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
  require(path.join(root, "dist", "status.cjs"))
    .main()
    .catch(startProgram);
}

// Compiled code is run as it is found, so it is kept in a folder of the user's: Node's own choice, below the folder for temporary files,
// is taken from whoever made it first. NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE still count.
function keepCompiledCode() {
  var folder = process.platform === "win32" ? process.env.LOCALAPPDATA : process.env.XDG_CACHE_HOME;
  var home = process.env.HOME;
  if (!folder && process.platform !== "win32" && home) folder = path.join(home, ".cache");
  if (folder && path.isAbsolute(folder)) require("module").enableCompileCache(path.join(folder, "mlv", "compiled"));
}

// Whoever stops this process means the other one, and waits for what it leaves. A signal that reached both already counts once there.
function handOver() {
  var carried = path.join(root, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
  var signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  if (!fs.existsSync(carried)) {
    fail(
      "error: mlv needs Node 22.19 or newer; this is " + process.versions.node + "\nhint: install a current Node from https://nodejs.org",
    );
    return;
  }
  var child = require("child_process").spawn(carried, [__filename].concat(argv), { stdio: "inherit" });
  signals.forEach(function (name) {
    process.on(name, function () {
      child.kill(name);
    });
  });
  child.on("error", function (error) {
    fail("error: mlv cannot start " + carried + ": " + error.message + "\nhint: run `npm ci` in " + root);
  });
  child.on("exit", function (status, signal) {
    signals.forEach(function (name) {
      process.removeAllListeners(name);
    });
    if (signal) process.kill(process.pid, signal);
    else process.exitCode = status;
  });
}

function fail(text) {
  process.stderr.write(text + "\n");
  process.exitCode = 70;
}
