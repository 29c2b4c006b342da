import * as fs from "node:fs";
import { describe, expect, test } from "vitest";
import { makeSandbox, makeTree, noise, readTree } from "./sealed.ts";

const DATA = {
  "data/train.bin": noise("train", 300_000),
  "data/images/cats/1.png": noise("cat 1", 2_000),
  "data/images/cats/2.png": noise("cat 2", 3_000),
  "data/images/dogs/1.png": noise("dog 1", 150_000),
  "data/images/empty": "",
  "data/images/run.sh": { exec: "#!/bin/sh\n" },
};

describe("the main job", () => {
  test("data added in one clone arrives whole in another, goes back and forth, and every step says what to type next", () => {
    const box = makeSandbox();
    fs.mkdirSync(box.at("project"));
    makeTree(box.at("project"), DATA);
    expect(
      box.transcript(
        "project",
        "git init --quiet --initial-branch main",
        "mlv init",
        "mlv remote add origin ../storage",
        "mlv add data/train.bin data/images",
        "git add .",
        "git commit --quiet -m first",
        "mlv status",
        "mlv push",
        "mlv push",
        "mlv status",
        "git status --short",
      ),
    ).toMatchInlineSnapshot(`
      "$ git init --quiet --initial-branch main
      $ mlv init
      Made mlv.yaml and .mlvignore in <sandbox>/project.
      Next: mlv add PATH
      $ mlv remote add origin ../storage
      added remote origin (the default)
      Next: git add mlv.yaml, then mlv push
      $ mlv add data/train.bin data/images
      added data/train.bin (293 KiB)
      added data/images (5 files, 151 KiB)
      Next: git add data/.gitignore data/images.mlv data/train.bin.mlv
      $ git add .
      $ git commit --quiet -m first
      $ mlv status
      2 targets clean.
      not pushed to origin: data/images, data/train.bin
      Next: mlv push
      $ mlv push
      pushed data/images (151 KiB)
      pushed data/train.bin (293 KiB)
      2 versions to origin: 446 KiB sent, <n> requests, <time>
      Next: git push
      $ mlv push
      origin is up to date.
      $ mlv status
      2 targets clean.
      $ git status --short"
    `);
    const first = readTree(box.at("project/data"));

    box.clone("project", "clone");
    expect(box.transcript("clone", "mlv status", "mlv pull", "mlv status", "mlv pull")).toMatchInlineSnapshot(`
      "$ mlv status
      data/images: not here (151 KiB)
          → mlv pull data/images
      data/train.bin: not here (293 KiB)
          → mlv pull data/train.bin
      $ mlv pull
      fetched 2 targets from origin: 445 KiB received, <n> requests, <time>
      data/images: wrote 5 files (151 KiB)
      data/train.bin: wrote 1 file (293 KiB)
      $ mlv status
      2 targets clean.
      $ mlv pull
      2 targets up to date."
    `);
    expect(readTree(box.at("clone/data"))).toEqual(first);

    makeTree(box.at("clone/data/images"), { "cats/1.png": noise("cat 1, better", 2_100), "cats/3.png": noise("cat 3", 10) });
    fs.renameSync(box.at("clone/data/images/dogs/1.png"), box.at("clone/data/images/dogs/one.png"));
    fs.rmSync(box.at("clone/data/images/empty"));
    expect(box.transcript("clone", "mlv status", "mlv status --exit-code", "mlv add -u", "git commit --quiet -am second", "mlv push"))
      .toMatchInlineSnapshot(`
        "$ mlv status
        data/images
            modified:   cats/1.png (2.1 KiB)
            new:        cats/3.png (10 B)
            renamed:    dogs/1.png → dogs/one.png
            deleted:    empty
            → mlv add data/images
        $ mlv status --exit-code
        data/images
            modified:   cats/1.png (2.1 KiB)
            new:        cats/3.png (10 B)
            renamed:    dogs/1.png → dogs/one.png
            deleted:    empty
            → mlv add data/images
        [exit 4]
        $ mlv add -u
        updated data/images (2 new, 1 modified, 2 deleted, 5 files, 151 KiB)
        unchanged data/train.bin
        Next: git add data/images.mlv
        $ git commit --quiet -am second
        $ mlv push
        pushed data/images (151 KiB)
        1 version to origin: 3.0 KiB sent, 148 KiB saved, <n> requests, <time>
        Next: git push"
      `);
    const second = readTree(box.at("clone/data"));

    expect(box.transcript("clone", "git checkout --quiet HEAD~1", "mlv status", "mlv add -u", "mlv checkout")).toMatchInlineSnapshot(`
      "$ git checkout --quiet HEAD~1
      $ mlv status
      data/images: out of date
          → mlv checkout data/images
      $ mlv add -u
      out of date data/images: Git has another version, and nothing was edited here; \`mlv checkout data/images\` brings it
      unchanged data/train.bin
      [exit 3]
      $ mlv checkout
      data/images: wrote 3 files (148 KiB), removed 2"
    `);
    expect(readTree(box.at("clone/data"))).toEqual(first);
    expect(box.transcript("clone", "git checkout --quiet main", "mlv checkout", "mlv status")).toMatchInlineSnapshot(`
      "$ git checkout --quiet main
      $ mlv checkout
      data/images: wrote 3 files (149 KiB), removed 2
      $ mlv status
      2 targets clean."
    `);
    expect(readTree(box.at("clone/data"))).toEqual(second);
  });

  test("a deleted workspace comes back from the cache alone", () => {
    const box = makeSandbox();
    box.makeRepository("project", { remote: "storage", tree: DATA });
    box.mlv("project", ["add", "data/train.bin", "data/images"]);
    const before = readTree(box.at("project/data"));
    fs.rmSync(box.at("project/data/images"), { recursive: true });
    fs.rmSync(box.at("project/data/train.bin"));
    expect(box.transcript("project", "mlv status", "mlv checkout")).toMatchInlineSnapshot(`
      "$ mlv status
      data/images: pointer not in Git yet
          deleted:    cats/1.png
          deleted:    cats/2.png
          deleted:    dogs/1.png
          deleted:    empty
          deleted:    run.sh
          → mlv checkout data/images, git add data/.gitignore data/images.mlv
      data/train.bin: pointer not in Git yet
          deleted:    data/train.bin
          → mlv checkout data/train.bin, git add data/.gitignore data/train.bin.mlv
      not pushed to origin: data/images, data/train.bin
      Next: mlv push
      $ mlv checkout
      data/images: wrote 5 files (151 KiB)
      data/train.bin: wrote 1 file (293 KiB)"
    `);
    expect(readTree(box.at("project/data"))).toEqual(before);
  });
});
