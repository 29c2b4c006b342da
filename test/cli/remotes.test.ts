import * as fs from "node:fs";
import { describe, expect, test } from "vitest";
import { listFiles, makeSandbox, makeTree, noise, readTree, type Sandbox } from "./sealed.ts";

const TREE = {
  "data/small.txt": "small\n",
  "data/big.bin": noise("big", 200_000),
  "model.bin": noise("model", 9 * 1024 * 1024),
};

function makePushed(): Sandbox {
  const box = makeSandbox();
  box.makeRepository("project", { remote: "storage", tree: TREE });
  box.mlv("project", ["add", "data", "model.bin"]);
  box.commit("project", "first");
  box.mlv("project", ["push"]);
  return box;
}

function expectWhole(box: Sandbox, from: string, to: string): void {
  fs.rmSync(box.at(to), { recursive: true, force: true });
  box.clone(from, to);
  box.mlv(to, ["pull"]);
  expect(readTree(box.at(to, "data"))).toEqual(readTree(box.at(from, "data")));
  expect(readTree(box.at(to, "model.bin"))).toEqual(readTree(box.at(from, "model.bin")));
}

describe("a folder remote", () => {
  test("that is damaged or full of old things says what to type for this very remote, with every option that was given", () => {
    const box = makePushed();
    const [head = ""] = listFiles(box.at("storage/recipes"));
    box.makeRepository("other", { remote: "storage", tree: {} });
    fs.rmSync(box.at("storage/recipes", head));
    const verified = box.run(["verify", "--remote", "origin", "data", "model.bin"], { cwd: "project" });
    expect(verified.stdout + verified.stderr).toContain("hint: `mlv verify --remote origin --repair` mends what it can");
    fs.rmSync(box.at("storage/pins"), { recursive: true });
    const freed = box.mlv("project", ["gc", "--remote", "origin", "--repo", "../other", "--grace", "3d"]);
    expect(freed.stdout).toMatch(/^Next: mlv gc --remote origin --repo \.\.\/other --grace 3d --yes$/m);
  });

  test.each(["packs", "objects", "bodies", "recipes"])("that lost its %s is repaired by a plain push", (kind) => {
    const box = makePushed();
    expect(listFiles(box.at("storage", kind)).length).toBeGreaterThan(0);
    fs.rmSync(box.at("storage", kind), { recursive: true });
    expect(box.mlv("project", ["push"]).stdout).toMatch(/^(repaired|pushed) /);
    expectWhole(box, "project", "clone");
    expect(box.mlv("project", ["push"]).stdout).toBe("origin is up to date.\n");
  });

  test.each(["packs", "objects", "bodies", "recipes"])("that lost its %s is not believed by a pull, which says who can mend it", (kind) => {
    const box = makePushed();
    fs.rmSync(box.at("storage", kind), { recursive: true });
    box.clone("project", "clone");
    const result = box.run(["pull"], { cwd: "clone" });
    expect(result.status).toBe(3);
    expect(result.stderr + result.stdout).toMatch(/mlv push/);
    expect(listFiles(box.at("clone")).filter((file) => file.includes(".mlv-"))).toEqual([]);
  });

  test("that is cut short in a blob is repaired by a plain push", () => {
    const box = makePushed();
    const [object = ""] = listFiles(box.at("storage/objects"));
    fs.chmodSync(box.at("storage/objects", object), 0o644);
    fs.truncateSync(box.at("storage/objects", object), 1000);
    expect(box.mlv("project", ["push"]).stdout).toContain("repaired model.bin");
    expectWhole(box, "project", "clone");
  });

  test("that is a relative folder is said to start at a submodule's own root, and what is said finds it", () => {
    const box = makeSandbox();
    box.makeRepository("project", { remote: "storage", tree: { "a.txt": "a\n" } });
    box.mlv("project", ["add", "a.txt"]);
    box.commit("project", "data");
    box.mlv("project", ["push"]);
    fs.mkdirSync(box.at("super"));
    box.git("super", "init", "-q");
    box.git("super", "-c", "protocol.file.allow=always", "submodule", "add", "-q", box.at("project"), "vendor/data");
    for (const isThere of [false, true]) {
      if (isThere) fs.mkdirSync(box.at("super/vendor/storage"));
      const { status, stderr } = box.run(["pull"], { cwd: "super/vendor/data" });
      expect(status).toBe(13);
      expect(box.tidy(stderr)).toContain("error: there is no mlv store at file://<sandbox>/super/vendor/storage: it has no mlv.json\n");
      expect(box.tidy(stderr)).toContain(
        "; the relative folder `../storage` starts at the root of this submodule, `<sandbox>/super/vendor/data`, not where it was cloned from: ",
      );
      expect(stderr).toContain("`mlv remote add --local --force origin /path/to/storage`");
      expect(box.mlv("super/vendor/data", ["doctor"]).stdout).toContain("starts at the root of this submodule, ");
    }
    box.mlv("super/vendor/data", ["remote", "add", "--local", "--force", "origin", box.at("storage")]);
    box.mlv("super/vendor/data", ["pull"]);
    expect(fs.readFileSync(box.at("super/vendor/data/a.txt"), "utf8")).toBe("a\n");
    expect(box.git("super/vendor/data", "status", "--porcelain")).toBe("");
  });

  test("that is not there is unreachable for pull, and made by the first push", () => {
    const box = makePushed();
    box.clone("project", "clone");
    fs.renameSync(box.at("storage"), box.at("away"));
    expect(box.transcript("clone", "mlv pull", "mlv fetch data")).toMatchInlineSnapshot(`
      "$ mlv pull
      ! error: there is no mlv store at file://<sandbox>/storage: it has no mlv.json
      ! hint: see that the disk is mounted and the URL is right; where nothing was pushed yet, \`mlv push\` makes the store; the relative folder \`../storage\` starts at the root of this repository, \`<sandbox>/clone\`
      [exit 13]
      $ mlv fetch data
      ! error: there is no mlv store at file://<sandbox>/storage: it has no mlv.json
      ! hint: see that the disk is mounted and the URL is right; where nothing was pushed yet, \`mlv push\` makes the store; the relative folder \`../storage\` starts at the root of this repository, \`<sandbox>/clone\`
      [exit 13]"
    `);
    expect(listFiles(box.at("clone")).filter((file) => !file.startsWith(".git/"))).toEqual([
      ".gitignore",
      ".mlvignore",
      "data.mlv",
      "mlv.yaml",
      "model.bin.mlv",
    ]);
  });

  test("of somebody else's making is left alone", () => {
    const box = makeSandbox();
    makeTree(box.at("storage"), { "mlv.json": '{"mlv":99}\n' });
    box.makeRepository("project", { remote: "storage", tree: { "a.txt": "a\n" } });
    box.mlv("project", ["add", "a.txt"]);
    expect(box.transcript("project", "mlv push")).toMatchInlineSnapshot(`
      "$ mlv push
      ! error: the store at file://<sandbox>/storage was made by a newer mlv
      ! hint: update mlv
      [exit 15]"
    `);
    expect(listFiles(box.at("storage"))).toEqual(["mlv.json"]);
  });

  test("takes a second remote, and push -r sends there what the first has", () => {
    const box = makePushed();
    box.mlv("project", ["remote", "add", "backup", "../backup"]);
    box.mlv("project", ["push", "-r", "backup"]);
    fs.rmSync(box.at("storage"), { recursive: true });
    box.commit("project", "backup");
    box.clone("project", "clone");
    box.mlv("clone", ["pull", "-r", "backup"]);
    expect(readTree(box.at("clone/data"))).toEqual(readTree(box.at("project/data")));
  });
});

describe("two clones", () => {
  test("that push the same and different data at once both succeed, and everything is there", async () => {
    const box = makePushed();
    const names = ["one", "two", "three"];
    for (const name of names) {
      box.clone("project", name);
      box.mlv(name, ["pull"]);
      // The same new folder in each, and a file of its own.
      makeTree(box.at(name), { "shared/x.bin": noise("shared", 300_000), "shared/y": "y\n", "own.bin": noise(name, 9 * 1024 * 1024) });
      makeTree(box.at(name), { "data/small.txt": `${name}\n` });
      box.mlv(name, ["add", "shared", "own.bin", "data"]);
      box.commit(name, name);
    }
    const results = await Promise.all(names.map((name) => box.start(["push"], { cwd: name }).done));
    expect(results.map(({ status, stderr }) => [status, stderr])).toEqual(names.map(() => [0, ""]));
    for (const name of names) {
      expect(box.mlv(name, ["push"]).stdout).toBe("origin is up to date.\n");
      box.clone(name, `check-${name}`);
      box.mlv(`check-${name}`, ["pull"]);
      for (const target of ["data", "shared", "own.bin"])
        expect(readTree(box.at(`check-${name}`, target))).toEqual(readTree(box.at(name, target)));
    }
    expect(listFiles(box.at("storage/tmp"))).toEqual([]);
  });
});

describe("a shared cache", () => {
  test("gives a second repository what the first fetched, without the remote", () => {
    const box = makePushed();
    const env = { MLV_CACHE_DIR: box.at("cache") };
    box.clone("project", "one");
    expect(box.run(["pull"], { cwd: "one", env })).toMatchObject({ status: 0 });
    fs.rmSync(box.at("storage"), { recursive: true });
    box.clone("project", "two");
    expect(box.run(["pull"], { cwd: "two", env })).toMatchObject({ status: 0, stderr: "" });
    expect(readTree(box.at("two/data"))).toEqual(readTree(box.at("project/data")));
    expect(fs.existsSync(box.at("two/.git/mlv/objects"))).toBe(false);
    expect(box.run(["status"], { cwd: "two", env }).stdout).toContain("2 targets clean.\n");
  });

  test("does not trust an object that somebody put there under a wrong name", () => {
    const box = makePushed();
    const env = { MLV_CACHE_DIR: box.at("cache") };
    const [object = ""] = listFiles(box.at("storage/objects"));
    makeTree(box.at("cache"), { [`objects/${object}`]: noise("poison", 9 * 1024 * 1024) });
    box.clone("project", "one");
    const result = box.run(["pull"], { cwd: "one", env });
    expect(result).toMatchObject({ status: 0, stderr: expect.stringContaining("damaged") as string });
    expect(readTree(box.at("one/model.bin"))).toEqual(readTree(box.at("project/model.bin")));
  });
});

describe("remote add", () => {
  test("refuses an option that its kind of remote does not know, and writes nothing", () => {
    const box = makeSandbox();
    box.makeRepository("project", { tree: {} });
    const before = readTree(box.at("project"), [".git"]);
    const result = box.run(["remote", "add", "typo", "s3://bucket/x", "--option", "reigon=eu-west-1"], { cwd: "project" });
    expect(result.status).toBe(12);
    expect(result.stderr).toContain("hint: known are: endpoint, region");
    expect(readTree(box.at("project"), [".git"])).toEqual(before);
  });

  test("names trusting the endpoint among what to type next, where it is needed before a push", () => {
    const box = makeSandbox();
    box.makeRepository("project", { tree: {} });
    const add = (name: string, ...options: string[]): string =>
      box.mlv("project", ["remote", "add", name, "s3://bucket/x", ...options.flatMap((option) => ["--option", option])]).stdout;
    const endpoint = "endpoint=https://minio.example.org:9000";
    expect(add("plain")).toMatch(/^Next: git add mlv\.yaml, then mlv push$/m);
    expect(add("own", endpoint)).toMatch(/^Next: git add mlv\.yaml, then mlv remote trust own, then mlv push$/m);
    expect(add("open", endpoint, "anonymous=true")).toMatch(/^Next: git add mlv\.yaml, then mlv push$/m);
    box.mlv("project", ["remote", "trust", "own"]);
    expect(add("same", endpoint)).toMatch(/^Next: git add mlv\.yaml, then mlv push$/m);
  });
});

test("a remote that is not configured is refused, also when nothing is to be transferred, and those that are are named", () => {
  const box = makePushed();
  const commands = ["fetch", "pull", "pull --dry-run", "push", "push --dry-run", "cat data/small.txt", "diff"];
  for (const command of commands) {
    expect([command, box.run([...command.split(" "), "-r", "orgin"], { cwd: "project" })]).toEqual([
      command,
      { status: 1, stdout: "", stderr: "error: there is no remote `orgin`\nhint: the only remote is origin\n" },
    ]);
  }
  box.mlv("project", ["remote", "add", "backup", "../backup"]);
  expect(box.run(["fetch", "-r", "orgin"], { cwd: "project" }).stderr).toContain("hint: the remotes are origin, backup\n");
});
