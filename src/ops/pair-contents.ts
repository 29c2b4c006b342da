import type { RepoPath } from "../base/ids.ts";
import type { ManifestEntry } from "../formats/manifest.ts";
import { likenessOf } from "./content-likeness.ts";
import type { Workspace } from "./open-workspace.ts";
import { pairEditedFiles } from "./pair-files.ts";
import { pairFolders, type TargetSide } from "./pair-folders.ts";
import type { ContentPairing } from "./pair-targets.ts";

/** Pairs nothing. */
export const NO_PAIRING: ContentPairing = {
  folders: () => Promise.resolve({ renames: new Map(), leftOut: [] }),
  files: () => Promise.resolve(new Map()),
};

/** Pairs folders by their lists, which are fetched where they are not cached, and files by their cached contents. */
export function pairByContent(workspace: Workspace, remote: string | undefined): ContentPairing {
  return {
    folders: (gone, fresh) => pairFolders(workspace, { gone, fresh, remote }),
    files: async (gone, fresh) => {
      const found = await pairEditedFiles<ManifestEntry>(likenessOf(workspace), gone.flatMap(asEntry), fresh.flatMap(asEntry));
      return new Map<RepoPath, RepoPath>([...found].map(([now, was]) => [now.path, was.path]));
    },
  };
}

function asEntry({ target, pointer: { kind, sha256, size, mode } }: TargetSide): ManifestEntry[] {
  return kind === "file" ? [{ path: target, sha256, size, isExecutable: mode === "x" }] : [];
}
