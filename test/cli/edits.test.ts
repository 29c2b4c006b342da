import * as fs from "node:fs";
import { describe, expect, test } from "vitest";
import { listFiles, makeSandbox, makeTree, noise, readTree, type Sandbox } from "./sealed.ts";

const FOLDER = { "data/a.txt": "a\n", "data/big.bin": noise("big", 200_000), "data/sub/b.txt": "b\n" };

function makeTwoVersions(): { readonly box: Sandbox; readonly first: string; readonly second: string } {
  const box = makeSandbox();
  box.makeRepository("project", { remote: "storage", tree: FOLDER });
  box.mlv("project", ["add", "data"]);
  const first = box.commit("project", "first");
  makeTree(box.at("project"), { "data/a.txt": "a, second\n", "data/new.txt": "new\n" });
  fs.rmSync(box.at("project/data/sub"), { recursive: true });
  box.mlv("project", ["add", "-u"]);
  const second = box.commit("project", "second");
  box.mlv("project", ["push", "--all-commits"]);
  return { box, first, second };
}

describe("local edits", () => {
  test("files that a checkout wrote a moment ago are known as its own by the next one", () => {
    const { box, first, second } = makeTwoVersions();
    const after = readTree(box.at("project/data"));
    for (let round = 0; round < 3; round++) {
      box.git("project", "checkout", "--quiet", first);
      box.mlv("project", ["checkout"]);
      expect(listFiles(box.at("project/data"))).toEqual(["a.txt", "big.bin", "sub/b.txt"]);
      box.git("project", "checkout", "--quiet", second);
      box.mlv("project", ["checkout"]);
      expect(readTree(box.at("project/data"))).toEqual(after);
    }
  });

  test("pull leaves them alone and says so; with --force it replaces them and says where the cache keeps them", () => {
    const { box, first } = makeTwoVersions();
    makeTree(box.at("project"), { "data/a.txt": "mine\n", "data/new.txt": "mine too\n", "data/big.bin": noise("mine", 200_000) });
    box.git("project", "checkout", "--quiet", first);
    const edited = readTree(box.at("project/data"), ["sub"]);
    expect(box.transcript("project", "mlv pull")).toMatchInlineSnapshot(`
      "$ mlv pull
      data: wrote 1 file (2 B)
      !     left alone, edited here: data/a.txt
      !     left alone, edited here: data/big.bin
      !     left alone, edited here: data/new.txt
      ! hint: record your edits with \`mlv add -u\`, or replace them with \`--force\` (which keeps them in the cache)
      [exit 3]"
    `);
    expect(readTree(box.at("project/data"), ["sub"])).toEqual(edited);
    expect(box.transcript("project", "mlv pull --force", "mlv status")).toMatchInlineSnapshot(`
      "$ mlv pull --force
      data: wrote 2 files (195 KiB)
          kept your edit of data/a.txt in the cache as fcbc800db3f1867000b852f1ce0044b8f1584f76ade1ed6e65189824f95c3cda
          kept your edit of data/big.bin in the cache as 51248686d33f4fea8656ad5100c487d08a9dd2bd311cf8a2de814aaf1bbde009
      $ mlv status
      data
          new:        new.txt (9 B)
          → mlv add data"
    `);
    expect(listFiles(box.at("project/data"))).toEqual(["a.txt", "big.bin", "new.txt", "sub/b.txt"]);
    expect(fs.readFileSync(box.at("project/data/a.txt"), "utf8")).toBe("a\n");
    for (const entry of edited) expect(isInCache(box, "project", entry.sha256 ?? "") || entry.path === "new.txt").toBe(true);
  });

  test("--force removes an edited file that the version lacks only after the cache has it", () => {
    const { box, first } = makeTwoVersions();
    makeTree(box.at("project"), { "data/new.txt": "mine too\n" });
    const [edited] = readTree(box.at("project/data/new.txt"));
    box.git("project", "checkout", "--quiet", first);
    expect(box.mlv("project", ["checkout", "--force"]).stdout).toContain(
      `kept your edit of data/new.txt in the cache as ${edited?.sha256}`,
    );
    expect(listFiles(box.at("project/data"))).toEqual(["a.txt", "big.bin", "sub/b.txt"]);
    expect(isInCache(box, "project", edited?.sha256 ?? "")).toBe(true);
  });

  test("an executable bit that was set here is an edit, and checkout leaves it", () => {
    const { box, first } = makeTwoVersions();
    fs.chmodSync(box.at("project/data/a.txt"), 0o755);
    fs.chmodSync(box.at("project/data/new.txt"), 0o755);
    box.git("project", "checkout", "--quiet", first);
    const result = box.run(["checkout"], { cwd: "project" });
    expect(result).toMatchObject({ status: 3, stderr: expect.stringContaining("data/new.txt") as string });
    expect(result.stderr).toContain("left alone, edited here: data/a.txt");
    expect(fs.statSync(box.at("project/data/a.txt")).mode & 0o777).toBe(0o755);
  });

  test("a folder edited here whose pointer Git changed is not recorded by add -u, and --force records it", () => {
    const { box, first } = makeTwoVersions();
    makeTree(box.at("project"), { "data/a.txt": "mine\n" });
    box.git("project", "checkout", "--quiet", first);
    expect(box.transcript("project", "mlv status", "mlv add -u")).toMatchInlineSnapshot(`
      "$ mlv status
      data: out of date, and edited here
          modified:   a.txt (5 B)
          → mlv checkout data
      $ mlv add -u
      ! error: \`data\` was edited here, and its pointer was changed by Git since it was checked out
      ! hint: \`mlv diff -- data\` shows both; keep yours with \`mlv add --force data\`, or take Git's with \`mlv checkout --force data\`
      [exit 3]"
    `);
    expect(box.git("project", "status", "--short")).toBe("");
    box.mlv("project", ["add", "-u", "--force"]);
    expect(box.git("project", "status", "--short")).toBe(" M data.mlv");
  });

  test("a file that mlv does not know stays where it is", () => {
    const { box, first } = makeTwoVersions();
    makeTree(box.at("project"), { "data/notes/todo.txt": "mine\n" });
    box.git("project", "checkout", "--quiet", first);
    box.mlv("project", ["checkout"]);
    expect(listFiles(box.at("project/data"))).toEqual(["a.txt", "big.bin", "notes/todo.txt", "sub/b.txt"]);
  });
});

/** Looks for content in the cache by its hash: a loose object's name, or the footer of a pack. */
function isInCache(box: Sandbox, project: string, sha256: string): boolean {
  const cache = box.at(project, ".git/mlv");
  if (fs.existsSync(`${cache}/objects/${sha256.slice(0, 2)}/${sha256}`)) return true;
  const hash = Buffer.from(sha256, "hex");
  return listFiles(`${cache}/packs`).some((pack) => fs.readFileSync(`${cache}/packs/${pack}`).includes(hash));
}
