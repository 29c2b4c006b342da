import * as fs from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noise } from "../cli/sealed.ts";
import { makeCloudProject, type CloudProject } from "./cloud-project.ts";

const TREE = {
  "data/one.txt": "some small file, many times over\n".repeat(20),
  "data/two.bin": noise("two", 90_000),
  "model.bin": noise("model", 9 * 1024 * 1024),
};
const SORTS = ["objects", "packs", "bodies", "recipes"];

describe.each(["s3", "gcs", "azure"] as const)("a bucket of %s", (kind) => {
  let cloud: CloudProject;

  beforeAll(async () => {
    cloud = await makeCloudProject(kind, { tree: TREE });
    await cloud.mlv("project", "add", "data", "model.bin");
    cloud.box.commit("project", "data");
    await cloud.mlv("project", "push");
    cloud.box.clone("project", "peer");
    await cloud.mlv("peer", "pull");
  });
  afterAll(() => cloud?.close());

  test.each(SORTS)("that lost one of its %s is named by verify and repaired by a plain push of a clone", async (sort) => {
    const { box } = cloud;
    const [key = ""] = await cloud.keys(`${sort}/`);
    await cloud.lose([key]);
    const verified = await cloud.run("peer", "verify", "--remote");
    expect([verified.status, verified.stdout]).toEqual([14, expect.stringContaining(key) as string]);
    expect(verified.stdout).toMatch(/missing in remote: .*(?:data|model\.bin)/);

    box.clone("project", "early");
    const early = await cloud.run("early", "pull");
    expect([sort, early.status]).toEqual([sort, 3]);
    expect(early.stdout + early.stderr).toContain("mlv push");
    fs.rmSync(box.at("early"), { recursive: true });

    expect((await cloud.mlv("peer", "push")).stdout).toMatch(/^(?:repaired|pushed) /);
    await cloud.expectWhole();
    expect((await cloud.mlv("project", "push")).stdout).toBe("origin is up to date.\n");
  });

  test("whose blob was replaced by other bytes of the same length is noticed by a full verify, and mended by its repair", async () => {
    const [key = ""] = await cloud.keys("objects/");
    await cloud.lose([key]);
    await cloud.place(key, noise("other bytes", 9 * 1024 * 1024));
    const verified = await cloud.run("peer", "verify", "--remote");
    expect([verified.status, verified.stdout]).toEqual([14, expect.stringContaining("model.bin") as string]);
    await cloud.mlv("peer", "verify", "--remote", "--repair");
    await cloud.expectWhole();
  });
});
