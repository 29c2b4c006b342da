import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { findNode, findProgram } from "../cli/program.ts";
import { listFiles, makeSandbox, noise, readTree, type Sandbox } from "../cli/sealed.ts";

const canMount = spawnSync("unshare", ["-Urm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status === 0;
const isRoot = process.getuid?.() === 0;
const canDemote = isRoot && spawnSync("setpriv", ["--reuid=65534", "--regid=65534", "--clear-groups", "true"]).status === 0;
const why = (can: boolean, what: string): string => (can ? "" : ` (skipped: ${what})`);

/** Runs a shell script in a namespace of its own, in which `disk` is a file system of the given size; `mlv` is there as a function. */
function onSmallDisk(box: Sandbox, sizeKib: number, script: string): string {
  fs.mkdirSync(box.at("disk"), { recursive: true });
  const lines = [
    `mount -t tmpfs -o size=${sizeKib}k tmpfs '${box.at("disk")}' || exit 99`,
    `mlv() { '${findNode()}' '${findProgram()}' "$@"; }`,
    `show() { "$@"; echo "[exit $?]"; }`,
    `cd '${box.at("disk")}' || exit 98`,
    script,
  ];
  const result = box.exec("unshare", ["-Urm", "sh", "-c", lines.join("\n")]);
  return result.stdout + result.stderr;
}

describe(`a full disk${why(canMount, "no user namespaces with mounts here")}`, () => {
  const makeRepository = "git init -q . && mlv init >/dev/null && mkdir data";

  test.skipIf(!canMount)("fails add with a clear error, and what was there stays; with room the same command completes", () => {
    const box = makeSandbox();
    fs.writeFileSync(path.join(fs.mkdtempSync(box.at("home/")), "x"), "");
    fs.writeFileSync(box.at("home/large"), noise("large", 6_000_000));
    fs.writeFileSync(box.at("home/filler"), noise("filler", 5_000_000));
    const output = onSmallDisk(
      box,
      16_000,
      `${makeRepository}
       cp '${box.at("home/large")}' data/large; i=0; while [ $i -lt 300 ]; do echo "small $i" > data/$i; i=$((i+1)); done
       cp '${box.at("home/filler")}' filler
       before=$(cd data && find . -type f | sort | xargs sha256sum | sha256sum)
       show mlv add data 2>&1
       [ "$before" = "$(cd data && find . -type f | sort | xargs sha256sum | sha256sum)" ] && echo SAME
       ls -A; find .git/mlv/tmp -type f | wc -l
       rm filler; show mlv add data 2>&1; mlv status`,
    );
    expect(output).toMatch(/^error: cannot .*\n(?:caused by: .*ENOSPC.*\n)?(?:hint: .*\n)*\[exit 1\]$/m);
    expect(output).toContain("SAME\n.git\n.mlvignore\ndata\nfiller\nmlv.yaml\n0\n");
    expect(output).toContain("added data (301 files, 5.7 MiB)");
    expect(output).toMatch(/\[exit 0\]\ndata: pointer not in Git yet\n/);
  });

  test.skipIf(!canMount)("fails pull before or while it writes, leaves what was there, and goes on when there is room", () => {
    const box = makeSandbox();
    box.makeRepository("project", { remote: "storage", tree: { "data/large": noise("large", 6_000_000), "data/small": "small\n" } });
    box.mlv("project", ["add", "data"]);
    box.commit("project", "first");
    box.mlv("project", ["push"]);
    const output = onSmallDisk(
      box,
      15_000,
      `git clone -q '${box.at("project")}' clone; cd clone
       sed -i 's#\\.\\./storage#${box.at("storage")}#' mlv.yaml
       head -c 5000000 /dev/zero > ../filler
       show mlv pull 2>&1; ls -A; find . -path ./.git -prune -o -name '*.mlv-*' -print
       rm ../filler; show mlv pull 2>&1; (cd data; sha256sum large small); mlv status`,
    );
    expect(output).toMatch(/^error: .*\n(?:.*\n)*?\[exit 1\]$/m);
    expect(output).toMatch(/ENOSPC|disk|room|space/i);
    const [large, small] = readTree(box.at("project/data"));
    expect(output).toContain(`${large?.sha256}  large\n${small?.sha256}  small\n1 target clean.`);
  });

  test.skipIf(!canMount)("fails push when the remote is full, and the next push completes", () => {
    const box = makeSandbox();
    box.makeRepository("project", { tree: { "data/large": noise("large", 9_000_000), "data/small": "small\n" } });
    box.mlv("project", ["remote", "add", "origin", box.at("disk/store")]);
    box.mlv("project", ["add", "data"]);
    box.commit("project", "first");
    const output = onSmallDisk(
      box,
      12_000,
      `head -c 5000000 /dev/zero > filler
       show mlv -C '${box.at("project")}' push 2>&1
       rm filler; show mlv -C '${box.at("project")}' push 2>&1
       git clone -q '${box.at("project")}' '${box.at("clone")}'; mlv -C '${box.at("clone")}' pull`,
    );
    expect(output).toMatch(/^error: .*\n(?:.*\n)*?\[exit (?:1|12)\]$/m);
    expect(output).toContain("pushed data (8.6 MiB)");
    expect(readTree(box.at("clone/data"))).toEqual(readTree(box.at("project/data")));
  });
});

describe(`a read-only folder, as an ordinary user${why(!isRoot || canDemote, "cannot become nobody here")}`, () => {
  function asUser(box: Sandbox, args: readonly string[]): { readonly status: number | undefined; readonly text: string } {
    const command = [findNode(), findProgram(), ...args];
    const demote = isRoot ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
    const [program = "", ...rest] = [...demote, ...command];
    const { status, stdout, stderr } = box.exec(program, rest, { cwd: "project" });
    return { status, text: box.tidy(stdout + stderr) };
  }

  function makeForUser(): Sandbox {
    const box = makeSandbox();
    fs.chmodSync(path.dirname(box.folder), 0o755);
    box.makeRepository("project", { remote: "storage", tree: { "data/a": "a\n", "data/b": noise("b", 200_000) } });
    box.mlv("project", ["add", "data"]);
    box.commit("project", "first");
    box.mlv("project", ["push"]);
    if (isRoot) box.exec("chown", ["-R", "65534:65534", box.folder]);
    return box;
  }

  test.skipIf(isRoot && !canDemote)("of data makes checkout fail with a clear error and leaves it as it is", () => {
    const box = makeForUser();
    fs.rmSync(box.at("project/data/a"));
    fs.chmodSync(box.at("project/data"), 0o555);
    const before = readTree(box.at("project"), [".git"]);
    const result = asUser(box, ["checkout"]);
    expect(result.status).toBe(1);
    expect(result.text).toMatch(/error: .*data.*\n/);
    expect(result.text).toMatch(/EACCES|permission/i);
    expect(readTree(box.at("project"), [".git"])).toEqual(before);
    fs.chmodSync(box.at("project/data"), 0o755);
    expect(asUser(box, ["checkout"]).status).toBe(0);
  });

  test.skipIf(isRoot && !canDemote)("of the whole repository lets status answer, and refuses add with a clear error", () => {
    const box = makeForUser();
    fs.writeFileSync(box.at("project/data/a"), "changed\n");
    box.exec("chmod", ["-R", "a-w", box.at("project")]);
    const before = readTree(box.at("project"), [".git"]);
    expect(asUser(box, ["status"])).toMatchObject({ status: 0, text: expect.stringContaining("modified:   a") as string });
    const added = asUser(box, ["add", "-u"]);
    expect(added.status).toBe(1);
    expect(added.text).toMatch(/^error: .*\n(?:caused by: .*EACCES.*\n)?/);
    expect(readTree(box.at("project"), [".git"])).toEqual(before);
  });

  test.skipIf(isRoot && !canDemote)("holding a file that cannot be read is named by add, which records nothing", () => {
    const box = makeForUser();
    fs.writeFileSync(box.at("project/data/secret"), "secret\n", { mode: 0o000 });
    const pointer = fs.readFileSync(box.at("project/data.mlv"), "utf8");
    const result = asUser(box, ["add", "-u"]);
    expect(result.status).toBe(1);
    expect(result.text).toContain("data/secret");
    expect(fs.readFileSync(box.at("project/data.mlv"), "utf8")).toBe(pointer);
    expect(listFiles(box.at("project/.git/mlv/tmp"))).toEqual([]);
  });

  test.skipIf(isRoot && !canDemote)("of the remote refuses push with a clear error", () => {
    const box = makeForUser();
    fs.writeFileSync(box.at("project/data/a"), "changed\n");
    expect(asUser(box, ["add", "-u"]).status).toBe(0);
    box.exec("chmod", ["-R", "a-w", box.at("storage")]);
    const result = asUser(box, ["push"]);
    expect(result.status).toBe(12);
    expect(result.text).toMatch(/error: .*storage/);
  });
});
