import * as fs from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { add } from "../../src/ops/add.ts";
import { createProject } from "./project.ts";

test("a symlink that appears in a folder whose files are all as they were is refused", async () => {
  const project = await createProject();
  project.write("data/a.txt", "a");
  // Older than its record, so that the index alone says that it is unchanged.
  fs.utimesSync(path.join(project.root, "data/a.txt"), 1_700_000_000, 1_700_000_000);
  await project.record("one", "data");
  fs.symlinkSync("../mlv.yaml", path.join(project.root, "data/link"));
  const adding = add(project.context, { paths: ["data"], update: false, follow: false, force: false, dryRun: false });
  await expect(adding).rejects.toMatchObject({ code: "symlink-in-folder" });
});
