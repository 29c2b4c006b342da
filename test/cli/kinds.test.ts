import { createServer } from "node:net";
import * as fs from "node:fs";
import { describe, expect, test } from "vitest";
import { listFiles, makeSandbox, makeTree, readTree } from "./sealed.ts";

describe("what is no regular file", () => {
  test("a symlink inside a folder is refused by name, and nothing is recorded", () => {
    const box = makeSandbox();
    box.makeRepository("project", { tree: { "data/a": "a\n", "data/sub/link": { link: "../../outside" }, outside: "outside\n" } });
    const before = readTree(box.at("project"), [".git"]);
    expect(box.transcript("project", "mlv add data")).toMatchInlineSnapshot(`
      "$ mlv add data
      ! error: \`data/sub/link\` is a symlink
      ! hint: add with \`--follow\` to store what it points to, or list it in .mlvignore to leave it out
      [exit 1]"
    `);
    expect(readTree(box.at("project"), [".git"])).toEqual(before);
  });

  test("--follow stores what a symlink points to and leaves the symlink where it is", () => {
    const box = makeSandbox();
    box.makeRepository("project", {
      remote: "storage",
      tree: { "data/a": "a\n", "data/sub/link": { link: "../../outside" }, outside: "outside\n" },
    });
    box.mlv("project", ["add", "--follow", "data"]);
    expect(fs.readlinkSync(box.at("project/data/sub/link"))).toBe("../../outside");
    box.mlv("project", ["checkout"]);
    expect(fs.readlinkSync(box.at("project/data/sub/link"))).toBe("../../outside");
    box.commit("project", "followed");
    box.mlv("project", ["push"]);
    box.clone("project", "clone");
    box.mlv("clone", ["pull"]);
    expect(fs.readFileSync(box.at("clone/data/sub/link"), "utf8")).toBe("outside\n");
    expect(fs.lstatSync(box.at("clone/data/sub/link")).isSymbolicLink()).toBe(false);
    expect(box.transcript("project", "mlv add --follow data", "mlv status")).toMatchInlineSnapshot(`
      "$ mlv add --follow data
      unchanged data
      $ mlv status
      1 target clean."
    `);
  });

  test("a symlink that points nowhere or to a folder cannot be followed", () => {
    const box = makeSandbox();
    box.makeRepository("project", { tree: { "data/a": "a\n", "data/link": { link: "nowhere" } } });
    expect(box.transcript("project", "mlv add --follow data")).toMatchInlineSnapshot(`
      "$ mlv add --follow data
      ! error: the symlink \`data/link\` points nowhere
      ! caused by: stat \`<sandbox>/project/data/link\`: no such file or directory (ENOENT)
      ! hint: remove it, or list it in .mlvignore to leave it out
      [exit 1]"
    `);
    fs.rmSync(box.at("project/data/link"));
    makeTree(box.at("project"), { "data/link": { link: "/" } });
    expect(box.transcript("project", "mlv add --follow data")).toMatchInlineSnapshot(`
      "$ mlv add --follow data
      ! error: the symlink \`data/link\` points to something that is no regular file
      ! hint: replace it by a copy, or list it in .mlvignore to leave it out
      [exit 1]"
    `);
  });

  test("a target that is a symlink is refused", () => {
    const box = makeSandbox();
    box.makeRepository("project", { tree: { real: "real\n", link: { link: "real" }, "folder/x": "x\n", "to-folder": { link: "folder" } } });
    expect(box.transcript("project", "mlv add link", "mlv add to-folder", "mlv add to-folder/x")).toMatchInlineSnapshot(`
      "$ mlv add link
      ! error: \`link\` is a symlink
      ! hint: add with \`--follow\` to store what it points to, or list it in .mlvignore to leave it out
      [exit 1]
      $ mlv add to-folder
      ! error: \`to-folder\` is a symlink
      ! hint: add with \`--follow\` to store what it points to, or list it in .mlvignore to leave it out
      [exit 1]
      $ mlv add to-folder/x
      ! error: \`<sandbox>/project/to-folder\` is a symlink, and mlv never writes through one
      ! hint: replace the symlink by a folder, then run the same command again
      [exit 1]"
    `);
    expect(listFiles(box.at("project")).filter((file) => file.endsWith(".mlv"))).toEqual([]);
  });

  test("a FIFO and a socket are refused without waiting on them, as targets and inside folders", async () => {
    const box = makeSandbox();
    box.makeRepository("project", { tree: { "data/a": "a\n", "more/a": "a\n" } });
    box.exec("mkfifo", [box.at("project/fifo"), box.at("project/data/fifo")]);
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(box.at("project/more/socket"), resolve));
    const before = readTree(box.at("project"), [".git"]);
    try {
      expect(box.transcript("project", "mlv add fifo", "mlv add data", "mlv add more", "mlv add more/socket")).toMatchInlineSnapshot(`
        "$ mlv add fifo
        ! error: \`fifo\` is a fifo, which cannot be tracked
        ! hint: remove it, or list it in .mlvignore to leave it out
        [exit 1]
        $ mlv add data
        ! error: \`data/fifo\` is a fifo, which cannot be tracked
        ! hint: remove it, or list it in .mlvignore to leave it out
        [exit 1]
        $ mlv add more
        ! error: \`more/socket\` is a socket, which cannot be tracked
        ! hint: remove it, or list it in .mlvignore to leave it out
        [exit 1]
        $ mlv add more/socket
        ! error: \`more/socket\` is a socket, which cannot be tracked
        ! hint: remove it, or list it in .mlvignore to leave it out
        [exit 1]"
      `);
      expect(readTree(box.at("project"), [".git"])).toEqual(before);
    } finally {
      await new Promise((resolve) => void server.close(resolve));
    }
  });

  test("a file that became a FIFO is shown by status, refused by add and left alone by pull", () => {
    const box = makeSandbox();
    box.makeRepository("project", { remote: "storage", tree: { "data/a": "a\n", single: "s\n" } });
    box.mlv("project", ["add", "data", "single"]);
    box.commit("project", "first");
    box.mlv("project", ["push"]);
    for (const file of ["data/a", "single"]) {
      fs.rmSync(box.at("project", file));
      box.exec("mkfifo", [box.at("project", file)]);
    }
    expect(box.transcript("project", "mlv status", "mlv add data", "mlv add single", "mlv pull")).toMatchInlineSnapshot(`
      "$ mlv status
      data
          cannot add: a is no regular file
          deleted:    a
          → mlv add data
      single
          cannot add: single is no regular file
          deleted:    single
          → mlv add single
      $ mlv add data
      ! error: \`data/a\` is a fifo, which cannot be tracked
      ! hint: remove it, or list it in .mlvignore to leave it out
      [exit 1]
      $ mlv add single
      ! error: \`single\` is a fifo, which cannot be tracked
      ! hint: remove it, or list it in .mlvignore to leave it out
      [exit 1]
      $ mlv pull
      data: wrote 0 files (0 B)
      single: wrote 0 files (0 B)
      !     left alone, edited here: data/a
      ! hint: record your edits with \`mlv add -u\`, or replace them with \`--force\` (which keeps them in the cache)
      !     left alone, edited here: single
      ! hint: record your edits with \`mlv add -u\`, or replace them with \`--force\` (which keeps them in the cache)
      [exit 3]"
    `);
    expect(fs.lstatSync(box.at("project/data/a")).isFIFO()).toBe(true);
    expect(fs.lstatSync(box.at("project/single")).isFIFO()).toBe(true);
  });
});
