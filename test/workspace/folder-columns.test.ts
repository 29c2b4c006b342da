import fc from "fast-check";
import { expect, test } from "vitest";
import { sha256 } from "../../src/base/hashing.ts";
import { compareUtf8 } from "../../src/base/safe-paths.ts";
import { FolderColumns } from "../../src/workspace/folder-columns.ts";
import { unpackFolder, type IndexedFile } from "../../src/workspace/workspace-index.ts";

const files = fc.uniqueArray(
  fc
    .record({
      name: fc.string({ minLength: 1, unit: "grapheme" }).filter((name) => !name.includes("\0")),
      size: fc.nat(),
      time: fc.double({ min: 0, max: 2e12, noNaN: true }),
      isExecutable: fc.boolean(),
      isEdited: fc.boolean(),
    })
    .map(({ name, size, time, isExecutable, isEdited }): IndexedFile => ({
      name,
      stat: { size, mtimeMs: time, ctimeMs: time + 1, ino: size + 7 },
      sha256: sha256(name),
      isExecutable,
      isEdited,
    })),
  { selector: (file) => file.name, maxLength: 60 },
);

test("files come out of columns as they were added, in the order of their names' bytes", () => {
  fc.assert(
    fc.property(files, (added) => {
      const columns = new FolderColumns();
      for (const file of added) columns.addKnown(file);
      const folder = columns.finish("");
      expect(folder.count).toBe(added.length);
      expect([folder.stats.length, folder.flags.length, folder.hashes.length]).toEqual([added.length * 4, added.length, added.length * 32]);
      if (added.length > 0) expect(unpackFolder(folder)).toEqual(added.toSorted((a, b) => compareUtf8(a.name, b.name)));
    }),
  );
});
