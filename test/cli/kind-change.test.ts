import * as fs from "node:fs";
import { expect, test } from "vitest";
import { makeSandbox } from "./sealed.ts";

test("a target that is a folder in one commit and a file in the next goes back and forth", () => {
  const box = makeSandbox();
  box.makeRepository("project", { tree: { "data/a.txt": "a\n", "data/sub/b.txt": "b\n" } });
  box.mlv("project", ["add", "data"]);
  box.commit("project", "folder");
  fs.rmSync(box.at("project/data"), { recursive: true });
  fs.writeFileSync(box.at("project/data"), "one file\n");
  box.mlv("project", ["add", "data"]);
  box.commit("project", "file");

  box.git("project", "checkout", "--quiet", "HEAD~1");
  box.mlv("project", ["checkout"]);
  expect(fs.readFileSync(box.at("project/data/sub/b.txt"), "utf8")).toBe("b\n");
  box.git("project", "checkout", "--quiet", "-");
  box.mlv("project", ["checkout"]);
  expect(fs.readFileSync(box.at("project/data"), "utf8")).toBe("one file\n");
});

test("a secret of a committed remote is kept on this machine, works and is never shown", () => {
  const box = makeSandbox();
  box.makeRepository("project");
  box.mlv("project", [
    "remote",
    "add",
    "cloud",
    "s3://bucket/x",
    "--option",
    "secret-access-key=canary-secret",
    "--option",
    "region=eu-west-1",
  ]);
  expect(fs.readFileSync(box.at("project/mlv.yaml"), "utf8")).not.toContain("canary-secret");
  const listed = box.run(["remote", "list", "--json"], { cwd: "project" });
  expect(listed.status).toBe(0);
  expect(listed.stdout).not.toContain("canary-secret");
  const checked = box.run(["remote", "check", "cloud", "--json"], { cwd: "project", env: { AWS_ENDPOINT_URL: "http://127.0.0.1:9" } });
  expect(`${checked.stdout}${checked.stderr}`).not.toContain("must not be committed");
});
