import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { scanFolder, type ScanPlace } from "../../src/workspace/scan.ts";
import { ScanNotes } from "../../src/workspace/scan-notes.ts";
import { WorkspaceIndex } from "../../src/workspace/workspace-index.ts";
import { freshFolder } from "../store/cache.ts";

test("a folder that was noted is taken as it was seen, once, and then as it is", () => {
  const root = freshFolder();
  fs.mkdirSync(path.join(root, "data"));
  fs.writeFileSync(path.join(root, "data/one"), "1");
  const place: ScanPlace = { root, target: "data", index: new WorkspaceIndex(path.join(root, "index"), root) };
  const notes = new ScanNotes(place);
  notes.note(scanFolder(place, ""));
  fs.writeFileSync(path.join(root, "data/two"), "2");
  expect(notes.take("").count).toBe(1);
  expect(notes.take("").count).toBe(2);
});
