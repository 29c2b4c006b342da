// Bundles src/cli into dist/ (or the folder given): our own code and commander in a few chunks, every other dependency loaded when it is used.
// A program that runs meanwhile goes on: files are built beside and moved into place one by one, and chunks of earlier builds stay for an hour.
import { build } from "esbuild";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const bundled = new Set(["commander", "ignore", "yaml"]);

const dist = path.resolve(root, process.argv[2] ?? "dist");
const OLD_CHUNKS_MS = 60 * 60 * 1000;
mkdirSync(path.dirname(dist), { recursive: true });
const built = mkdtempSync(`${dist}.new-`);
process.on("exit", () => rmSync(built, { recursive: true, force: true }));

const shared = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node22.19",
  mainFields: ["module", "main"],
  external: [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies ?? {})].filter((name) => !bundled.has(name)),
  define: { MLV_VERSION: JSON.stringify(manifest.version) },
  legalComments: "none",
  logLevel: "warning",
};

await build({
  ...shared,
  entryPoints: { cli: "src/cli/main.ts", "reader-thread": "src/store/reader-thread.ts", "hashing-thread": "src/store/hashing-thread.ts" },
  outdir: built,
  splitting: true,
  format: "esm",
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
});

/**
 * Returns a module that hands on one of Node's own, once for all its importers: esbuild's own wrapper copies every property for each of
 * them, which is 2 ms of a start. `fs.promises` is left out, since only looking at it loads it.
 */
function shareBuiltIn(name) {
  const names = Object.keys(process.getBuiltinModule(name)).filter(
    (key) => /^[A-Za-z_$][\w$]*$/.test(key) && !["default", "promises"].includes(key),
  );
  return `const shared = process.getBuiltinModule(${JSON.stringify(name)});
export default shared;
${names.map((key) => `export const ${key} = /* @__PURE__ */ (() => shared.${key})();`).join("\n")}`;
}

// The small program for a plain `status`: whatever is loaded lazily is not in it, and asking for it fails.
await build({
  ...shared,
  entryPoints: ["src/cli/status-main.ts"],
  outfile: path.join(built, "status.cjs"),
  format: "cjs",
  minify: true,
  metafile: true,
  plugins: [
    {
      name: "leave-out-lazy-parts",
      setup(builder) {
        builder.onResolve({ filter: /.*/ }, ({ kind }) =>
          kind === "dynamic-import" ? { path: "lazy", namespace: "left-out" } : undefined,
        );
        builder.onResolve({ filter: /^node:/ }, ({ path: name }) => ({ path: name, namespace: "built-in" }));
        builder.onLoad({ filter: /.*/, namespace: "built-in" }, ({ path: name }) => ({ contents: shareBuiltIn(name) }));
        builder.onLoad({ filter: /.*/, namespace: "left-out" }, () => ({
          contents: 'throw new Error("this part is in the whole program");',
        }));
      },
    },
  ],
});

// Chunks, then what imports them; `status.cjs`, whose time says when all of it was built, comes last.
mkdirSync(dist, { recursive: true });
const names = readdirSync(built);
const rank = (name) => ["cli.js", "status.cjs"].indexOf(name);
for (const name of names.sort((left, right) => rank(left) - rank(right))) renameSync(path.join(built, name), path.join(dist, name));
for (const name of readdirSync(dist)) {
  const file = path.join(dist, name);
  if (!names.includes(name) && Date.now() - statSync(file).mtimeMs > OLD_CHUNKS_MS) rmSync(file, { recursive: true, force: true });
}
