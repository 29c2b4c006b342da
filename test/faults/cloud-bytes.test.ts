import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noise } from "../cli/sealed.ts";
import type { Fault } from "../remotes/fault-proxy.ts";
import { about, filesOf, isListing, makeCloudProject, type CloudProject } from "./cloud-project.ts";
import { isLong } from "./long.ts";

const TREE = {
  "data/one.txt": "some small file, many times over\n".repeat(20),
  "data/two.bin": noise("two", 90_000),
  "model.bin": noise("model", 9 * 1024 * 1024),
  "notes.txt": "a target of its own\n",
};
/** What a pull reads, and how often a fault befalls it: once, as a bad cable does, or always, as a bad disk or proxy does. */
const READS = ["recipes/", "bodies/", "packs/", "objects/", "mlv.json"];
/** What no driver can see; outside the long run the second is tried on one of them. */
const UNNOTICED_BELOW: readonly Fault[] = ["flipped-byte-down", "wrong-length"];
const ALWAYS = 1000;
/** How a pull ends that never gets the right bytes: malformed, damaged, or naming a body that the remote does not have. */
const STATUS: Readonly<Record<string, number>> = { "recipes/": 3, "bodies/": 14, "packs/": 14, "objects/": 14, "mlv.json": 15 };
const NAMED: Readonly<Record<string, RegExp>> = {
  "recipes/": /lost the recipe's body/,
  "bodies/": /bodies\/[0-9a-f]{2}\/[0-9a-f]{64}/,
  "packs/": /`(?:data|notes\.txt)/,
  "objects/": /`model\.bin`/,
  "mlv.json": /store at/,
};

describe.each(["s3", "gcs", "azure"] as const)("bytes that change on the way from %s", (kind) => {
  let cloud: CloudProject;
  let clones = 0;

  beforeAll(async () => {
    cloud = await makeCloudProject(kind, { tree: TREE, remote: { retries: "2" } });
    await cloud.mlv("project", "add", "data", "model.bin", "notes.txt");
    cloud.box.commit("project", "data");
    await cloud.mlv("project", "push");
  });
  afterAll(() => cloud?.close());

  function makeClone(): string {
    const clone = `clone-${++clones}`;
    cloud.box.clone("project", clone);
    return clone;
  }

  /** Every file that is there is the project's, byte for byte, and nothing lies there that the project does not have. */
  function expectNothingWrong(clone: string): void {
    const right = filesOf(cloud.box, "project");
    for (const entry of filesOf(cloud.box, clone)) expect(right).toContainEqual(entry);
  }

  describe.each(isLong || kind === "s3" ? UNNOTICED_BELOW : UNNOTICED_BELOW.slice(0, 1))("by %s", (fault) => {
    test.each(READS)("once, in %s, are healed by the pull itself and never written", async (read) => {
      const clone = makeClone();
      const left = cloud.proxy.inject(fault, about(read));
      await cloud.mlv(clone, "pull").finally(() => cloud.proxy.clear());
      expect(left()).toBe(0);
      expect(filesOf(cloud.box, clone)).toEqual(filesOf(cloud.box, "project"));
    });
  });

  test.each(READS)("always, in %s, end in the documented status and a name, and a later pull brings everything", async (read) => {
    const clone = makeClone();
    cloud.proxy.inject("flipped-byte-down", about(read), ALWAYS);
    const result = await cloud.run(clone, "pull").finally(() => cloud.proxy.clear());
    expectNothingWrong(clone);
    expect([read, result.status]).toEqual([read, STATUS[read]]);
    expect(result.stderr).toMatch(NAMED[read] ?? /never/);
    for (const secret of cloud.server.secrets) expect(result.stderr + result.stdout).not.toContain(secret);
    await cloud.mlv(clone, "pull");
    expect(filesOf(cloud.box, clone)).toEqual(filesOf(cloud.box, "project"));
  });

  test("are noticed by verify, which looks twice before it condemns a blob and repairs nothing that is whole", async () => {
    const before = await cloud.mlv("project", "verify", "--remote", "--json");
    for (const read of ["bodies/", "packs/", "objects/"]) {
      const requests = cloud.proxy.seen.length;
      const left = cloud.proxy.inject("flipped-byte-down", about(read));
      const after = await cloud.mlv("project", "verify", "--remote", "--repair", "--json").finally(() => cloud.proxy.clear());
      expect(left()).toBe(0);
      expect(JSON.parse(after.stdout)).toMatchObject({ damaged: 0, items: [] });
      expect(cloud.proxy.seen.slice(requests).filter(({ method }) => method !== "GET" && method !== "HEAD")).toEqual([]);
    }
    expect(JSON.parse(before.stdout)).toMatchObject({ damaged: 0 });
  });

  test("in what a push reads do no harm to what it wrote", async () => {
    const choices = [...READS.map((read) => about(read)), isListing];
    for (const choose of choices) {
      cloud.proxy.inject("flipped-byte-down", choose);
      const result = await cloud.run("project", "push").finally(() => cloud.proxy.clear());
      if (result.status !== 0) expect([14, 15]).toContain(result.status);
      await cloud.mlv("project", "push");
    }
    await cloud.expectWhole();
    const verified = await cloud.mlv("project", "verify", "--remote");
    expect(verified.stdout).toContain("Everything is as it should be.");
  });
});
