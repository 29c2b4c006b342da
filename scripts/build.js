// Bundles src/cli into dist/: our own code and commander in a few chunks, every other dependency loaded when it is used.
import { build } from "esbuild";
import { rmSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
const bundled = new Set(["commander", "ignore", "yaml"]);

rmSync(path.join(root, "dist"), { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints: { cli: "src/cli/main.ts" },
  outdir: "dist",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22.19",
  mainFields: ["module", "main"],
  external: [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies ?? {})].filter(
    (name) => !bundled.has(name),
  ),
  define: { MLV_VERSION: JSON.stringify(manifest.version) },
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  legalComments: "none",
  logLevel: "warning",
});
