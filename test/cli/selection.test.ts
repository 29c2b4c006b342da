import * as fs from "node:fs";
import { describe, expect, test } from "vitest";
import { listFiles, makeSandbox, makeTree, noise, readTree, type Sandbox } from "./sealed.ts";

const IMAGES = {
  "data/images/cats/1.png": noise("c1", 1_000),
  "data/images/cats/2.png": noise("c2", 140_000),
  "data/images/dogs/1.png": noise("d1", 1_000),
  "data/images/readme": "readme\n",
};

function makePushed(): Sandbox {
  const box = makeSandbox();
  box.makeRepository("project", { remote: "storage", tree: { ...IMAGES, "data/a.csv": "x,y\n1,2\n", "data/b.csv": "x,y\n3,4\n" } });
  box.mlv("project", ["add", "data/images", "data/*.csv"]);
  box.commit("project", "first");
  box.mlv("project", ["push"]);
  box.clone("project", "clone");
  return box;
}

describe("where mlv runs", () => {
  test("any folder below the root and -C take paths as they are seen from there", () => {
    const box = makePushed();
    fs.mkdirSync(box.at("clone/deep/er"), { recursive: true });
    expect(box.transcript("clone/deep/er", "mlv status ../../data/a.csv", "mlv pull ../../data/a.csv")).toMatchInlineSnapshot(`
      "$ mlv status ../../data/a.csv
      data/a.csv: not here (8 B)
          → mlv pull ../../data/a.csv
      $ mlv pull ../../data/a.csv
      fetched 1 target from origin: 8 B received, <n> requests, <time>
      data/a.csv: wrote 1 file (8 B)"
    `);
    expect(box.transcript("", "mlv -C clone pull data/b.csv", "mlv pull -C clone/data images/cats")).toMatchInlineSnapshot(`
      "$ mlv -C clone pull data/b.csv
      fetched 1 target from origin: 8 B received, <n> requests, <time>
      data/b.csv: wrote 1 file (8 B)
      $ mlv pull -C clone/data images/cats
      fetched 1 target from origin: 140 KiB received, <n> requests, <time>
      data/images: wrote 2 files (138 KiB)"
    `);
    makeTree(box.at("clone/data"), { "a.csv": "x,y\n9,9\n", "new.csv": "n\n" });
    expect(box.transcript("clone/data", "mlv add a.csv new.csv")).toMatchInlineSnapshot(`
      "$ mlv add a.csv new.csv
      updated data/a.csv (8 B)
      added data/new.csv (2 B)
      Next: git add .gitignore a.csv.mlv new.csv.mlv"
    `);
  });

  test("outside a repository it says so and exits 10", () => {
    const box = makeSandbox();
    expect(box.transcript("", "mlv status", "mlv add x", "mlv pull", "mlv init")).toMatchInlineSnapshot(`
      "$ mlv status
      ! error: \`<sandbox>\` is not inside a Git repository
      ! hint: change into a Git repository, or make one here: \`git init\`
      [exit 10]
      $ mlv add x
      ! error: \`<sandbox>\` is not inside a Git repository
      ! hint: change into a Git repository, or make one here: \`git init\`
      [exit 10]
      $ mlv pull
      ! error: \`<sandbox>\` is not inside a Git repository
      ! hint: change into a Git repository, or make one here: \`git init\`
      [exit 10]
      $ mlv init
      ! error: \`<sandbox>\` is not inside a Git repository
      ! hint: change into a Git repository, or make one here: \`git init\`
      [exit 10]"
    `);
  });

  test("a linked worktree, wherever it lies, means the same relative folder remote as the main one", () => {
    const box = makePushed();
    box.git("clone", "worktree", "add", "--quiet", "-b", "far", "../far/away/tree");
    box.mlv("far/away/tree", ["pull"]);
    makeTree(box.at("far/away/tree"), { "data/a.csv": "far\n" });
    box.mlv("far/away/tree", ["add", "-u"]);
    box.commit("far/away/tree", "far");
    box.mlv("far/away/tree", ["push"]);
    expect(fs.readdirSync(box.at("far/away"))).toEqual(["tree"]);
    fs.rmSync(box.at("clone/.git/mlv"), { recursive: true });
    box.git("clone", "checkout", "-q", "--detach", "far");
    box.mlv("clone", ["pull"]);
    expect(fs.readFileSync(box.at("clone/data/a.csv"), "utf8")).toBe("far\n");
    box.mlv("", ["get", "far/away/tree", "data/a.csv", "-o", "got.csv"]);
    expect(fs.readFileSync(box.at("got.csv"), "utf8")).toBe("far\n");
  });

  test("two worktrees share the cache, and each knows its own workspace", () => {
    const box = makePushed();
    box.mlv("clone", ["pull"]);
    makeTree(box.at("clone"), { "data/a.csv": "x,y\nsecond\n" });
    box.mlv("clone", ["add", "-u"]);
    box.commit("clone", "second");
    box.git("clone", "worktree", "add", "--quiet", "../tree", "HEAD~1");
    fs.renameSync(box.at("storage"), box.at("storage-gone"));
    box.mlv("tree", ["checkout"]);
    expect(fs.readFileSync(box.at("tree/data/a.csv"), "utf8")).toBe("x,y\n1,2\n");
    expect(box.mlv("tree", ["status"]).stdout).toContain("3 targets clean.\n");
    expect(box.mlv("clone", ["status"]).stdout).toContain("3 targets clean.\n");
    makeTree(box.at("tree"), { "data/b.csv": "edited in the tree\n" });
    expect(box.mlv("tree", ["status", "--exit-code"], 4).stdout).toContain("modified:   data/b.csv");
    expect(box.mlv("clone", ["status"]).stdout).toContain("3 targets clean.\n");
  });
});

describe("what is selected", () => {
  test("by a glob is each match, never a pointer; by one without a match nothing", () => {
    const box = makeSandbox();
    box.makeRepository("project", { tree: { "data/a.csv": "1\n", "data/b.csv": "2\n", "data/c.txt": "3\n" } });
    expect(box.transcript("project", "mlv add 'data/*.csv'", "mlv add 'data/*'", "mlv add '*.parquet'")).toMatchInlineSnapshot(`
      "$ mlv add 'data/*.csv'
      added data/a.csv (2 B)
      added data/b.csv (2 B)
      Next: git add data/.gitignore data/a.csv.mlv data/b.csv.mlv
      $ mlv add 'data/*'
      unchanged data/a.csv
      unchanged data/b.csv
      added data/c.txt (2 B)
      Next: git add data/.gitignore data/c.txt.mlv
      $ mlv add '*.parquet'
      ! error: nothing matches \`*.parquet\`
      ! hint: check the pattern, and the folder that it is typed in
      [exit 1]"
    `);
  });

  test("by a path inside a folder is that part alone, to pull and to add without the rest being here", () => {
    const box = makePushed();
    expect(box.transcript("clone", "mlv pull data/images/cats", "mlv status")).toMatchInlineSnapshot(`
      "$ mlv pull data/images/cats
      fetched 1 target from origin: 140 KiB received, <n> requests, <time>
      data/images: wrote 2 files (138 KiB)
      $ mlv status
      data/a.csv: not here (8 B)
          → mlv checkout data/a.csv
      data/b.csv: not here (8 B)
          → mlv checkout data/b.csv
      data/images: 2 files not here"
    `);
    expect(listFiles(box.at("clone/data/images"))).toEqual(["cats/1.png", "cats/2.png"]);
    makeTree(box.at("clone"), { "data/images/birds/1.png": "bird\n", "data/images/new.png": "new\n" });
    expect(box.transcript("clone", "mlv add data/images/birds data/images/new.png", "mlv status")).toMatchInlineSnapshot(`
      "$ mlv add data/images/birds data/images/new.png
      updated data/images (2 new, 6 files, 139 KiB)
      Next: git add data/images.mlv
      $ mlv status
      data/a.csv: not here (8 B)
          → mlv checkout data/a.csv
      data/b.csv: not here (8 B)
          → mlv checkout data/b.csv
      data/images: 2 files not here
      not pushed to origin: data/images
      Next: mlv push"
    `);
    box.commit("clone", "birds");
    box.mlv("clone", ["push"]);
    box.clone("clone", "third");
    box.mlv("third", ["pull"]);
    expect(listFiles(box.at("third/data/images"))).toEqual(["birds/1.png", "cats/1.png", "cats/2.png", "dogs/1.png", "new.png", "readme"]);
    // A part that was pulled stays when another is.
    box.mlv("clone", ["pull", "data/images/dogs"]);
    expect(listFiles(box.at("clone/data/images"))).toEqual(["birds/1.png", "cats/1.png", "cats/2.png", "dogs/1.png", "new.png"]);
  });

  test("a file can be added to a folder of a clone in which nothing was pulled", () => {
    const box = makePushed();
    makeTree(box.at("clone"), { "data/images/new.png": "new\n" });
    expect(box.transcript("clone", "mlv add data/images/new.png")).toMatchInlineSnapshot(`
      "$ mlv add data/images/new.png
      updated data/images (1 new, 5 files, 139 KiB)
      Next: git add data/images.mlv"
    `);
    expect(box.transcript("clone", "mlv status data/images", "mlv pull data/images")).toMatchInlineSnapshot(`
      "$ mlv status data/images
      data/images: 4 files not here, 4 files missing from the cache
          → mlv fetch data/images
      $ mlv pull data/images
      !     not on the remote: data/images
      ! hint: \`data/images\` was changed here and never pushed: run \`mlv push\`, then this command again
      [exit 3]"
    `);
    box.commit("clone", "new image");
    box.clone("clone", "other");
    expect(box.transcript("other", "mlv pull data/images").replace(/[0-9a-f]{10}/, "<commit>")).toMatchInlineSnapshot(`
      "$ mlv pull data/images
      !     not on the remote: data/images
      ! hint: run \`mlv push\` where the data were added: Ada committed \`data/images\` last, in <commit>
      [exit 3]"
    `);
    box.mlv("clone", ["push"]);
    fs.rmSync(box.at("clone/data/images"), { recursive: true });
    box.mlv("clone", ["pull"]);
    expect(listFiles(box.at("clone/data/images"))).toEqual(["cats/1.png", "cats/2.png", "dogs/1.png", "new.png", "readme"]);
  });

  test("a file that is deleted and named is taken out of the version; a file that never came here is not", () => {
    const box = makePushed();
    box.mlv("clone", ["pull", "data/images/cats"]);
    fs.rmSync(box.at("clone/data/images/cats/1.png"));
    expect(box.transcript("clone", "mlv status", "mlv add data/images")).toMatchInlineSnapshot(`
      "$ mlv status
      data/a.csv: not here (8 B)
          → mlv checkout data/a.csv
      data/b.csv: not here (8 B)
          → mlv checkout data/b.csv
      data/images: 2 files not here
          deleted:    cats/1.png
          → mlv add data/images
      $ mlv add data/images
      updated data/images (1 deleted, 3 files, 138 KiB)
      Next: git add data/images.mlv"
    `);
    box.mlv("clone", ["pull"]);
    expect(listFiles(box.at("clone/data/images"))).toEqual(["cats/2.png", "dogs/1.png", "readme"]);
  });

  test("what .mlvignore names is left out of folders, and what is tracked already stays tracked", () => {
    const box = makePushed();
    fs.appendFileSync(box.at("project/.mlvignore"), "*.tmp\n/data/images/scratch/\nreadme\n");
    makeTree(box.at("project"), { "data/images/x.tmp": "t\n", "data/images/scratch/y": "y\n", "data/images/readme": "changed\n" });
    expect(box.transcript("project", "mlv status", "mlv add -u")).toMatchInlineSnapshot(`
      "$ mlv status
      data/images
          modified:   readme (8 B)
          → mlv add data/images
      $ mlv add -u
      unchanged data/a.csv
      unchanged data/b.csv
      updated data/images (1 modified, 4 files, 139 KiB)
      Next: git add data/images.mlv"
    `);
  });

  test("paths that are tracked nowhere are named, with the nearest target", () => {
    const box = makePushed();
    expect(box.transcript("clone", "mlv pull a.csv", "mlv status nowhere", "mlv push mlv.yaml", "mlv pull ../elsewhere"))
      .toMatchInlineSnapshot(`
        "$ mlv pull a.csv
        ! error: \`a.csv\` is no tracked target, nor inside one
        ! hint: did you mean \`data/a.csv\`?
        [exit 1]
        $ mlv status nowhere
        ! error: \`nowhere\` is no tracked target, nor inside one
        ! hint: \`mlv ls\` lists what is tracked
        [exit 1]
        $ mlv push mlv.yaml
        ! error: \`mlv.yaml\` is no tracked target, nor inside one
        ! hint: track it with \`mlv add mlv.yaml\`
        [exit 1]
        $ mlv pull ../elsewhere
        ! error: \`../elsewhere\` is outside the repository \`<sandbox>/clone\`
        ! hint: run the command in the repository that holds it, or copy the data into this one
        [exit 1]"
      `);
  });

  test("what a merge or checkout took away with its pointer is no target any more, and its data go and come back with it", () => {
    const box = makePushed();
    box.mlv("project", ["pull"]);
    const before = readTree(box.at("project/data/images"));
    box.git("project", "rm", "--quiet", "data/images.mlv");
    box.commit("project", "without images");
    expect(box.transcript("project", "mlv status", "mlv checkout", "mlv add -u")).toMatchInlineSnapshot(`
      "$ mlv status
      2 targets clean.
      data/images: its pointer is gone, 4 files still here (139 KiB)
          → mlv checkout removes what the cache holds; mlv add tracks it again
      $ mlv checkout
      data/images: removed 4 files, for its pointer is gone
      2 targets up to date.
      $ mlv add -u
      unchanged data/a.csv
      unchanged data/b.csv"
    `);
    box.git("project", "checkout", "--quiet", "HEAD~1");
    box.mlv("project", ["checkout"]);
    expect(readTree(box.at("project/data/images"))).toEqual(before);
  });
});

test("a path that a target does not hold is refused by fetch, pull and checkout, not up to date", () => {
  const box = makePushed();
  const refused = (where: string, ...words: readonly string[]): void => {
    const { status, stdout, stderr } = box.run([...words], { cwd: where });
    expect([words, status, stdout, stderr]).toEqual([
      words,
      1,
      expect.not.stringContaining("up to date"),
      "error: nothing lies at or under `data/images/cast` in `data/images`\nhint: `mlv ls data/images` lists what is in it\n",
    ]);
  };
  for (const command of ["fetch", "pull", "checkout"]) refused("clone", command, "data/images/cast");
  expect(fs.existsSync(box.at("clone/data/images"))).toBe(false);
  box.mlv("clone", ["pull", "data/images/cats"]);
  for (const command of ["fetch", "pull", "checkout"]) refused("clone", command, "data/images/cast");
  // What a newer version no longer has is there to be removed.
  fs.rmSync(box.at("project/data/images/cats"), { recursive: true });
  box.mlv("project", ["add", "-u"]);
  box.commit("project", "no cats");
  box.mlv("project", ["push"]);
  box.git("clone", "pull", "-q");
  box.mlv("clone", ["pull", "data/images/cats"]);
  expect(fs.existsSync(box.at("clone/data/images/cats"))).toBe(false);
  expect(box.run(["pull", "data/a.csv/x"], { cwd: "clone" }).stderr).toContain("nothing lies at or under `data/a.csv/x` in `data/a.csv`");
});
