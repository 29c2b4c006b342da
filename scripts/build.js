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
        builder.onLoad({ filter: /.*/, namespace: "left-out" }, () => ({
          contents: 'throw new Error("this part is in the whole program");',
        }));
      },
    },
  ],
});
