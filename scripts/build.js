// Bundles src/cli into dist/: our own code and commander in a few chunks, every other dependency loaded when it is used.
import { build } from "esbuild";
import { rmSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const bundled = new Set(["commander", "ignore", "yaml"]);

rmSync(path.join(root, "dist"), { recursive: true, force: true });
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
  entryPoints: { cli: "src/cli/main.ts" },
  outdir: "dist",
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
  outfile: "dist/status.cjs",
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
