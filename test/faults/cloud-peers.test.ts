import * as fs from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeTree, noise } from "../cli/sealed.ts";
import { listUnfinished } from "../remotes/unfinished.ts";
import { filesOf, makeCloudProject, type CloudProject } from "./cloud-project.ts";
import { isLong } from "./long.ts";

const MIB = 1024 * 1024;
const PEERS = ["one", "two"] as const;

describe.each(["s3", "gcs", "azure"] as const)("machines that push to one bucket of %s at once", (kind) => {
  let cloud: CloudProject;

  beforeAll(async () => {
    cloud = await makeCloudProject(kind, {
      tree: { "data/a.txt": "a\n", "data/b.bin": noise("b", 300_000) },
      remote: { "part-size": "5MiB" },
    });
    await cloud.mlv("project", "add", "data");
    cloud.box.commit("project", "start");
    await cloud.mlv("project", "push");
    for (const peer of PEERS) {
      cloud.box.clone("project", peer);
      await cloud.mlv(peer, "pull");
    }
  });
  afterAll(() => cloud?.close());

  test.each(isLong ? [1, 2, 3, 4, 5] : [1])(
    "all succeed, with the same data and their own, and everybody gets everything (round %i)",
    async (round) => {
      const { box } = cloud;
      for (const peer of PEERS) {
        makeTree(box.at(peer), {
          [`shared-${round}/x.bin`]: noise(`shared ${round}`, 300_000),
          [`shared-${round}/y`]: `y ${round}\n`,
          [`same-${round}.bin`]: noise(`same ${round}`, 12 * MIB),
          [`${peer}-${round}.bin`]: noise(`${peer} ${round}`, 11 * MIB),
          [`data/${peer}.txt`]: `${peer} ${round}\n`,
        });
        await cloud.mlv(peer, "add", `shared-${round}`, `same-${round}.bin`, `${peer}-${round}.bin`, "data");
        box.commit(peer, `${peer} ${round}`);
      }
      const results = await Promise.all(PEERS.map((peer) => cloud.run(peer, "push")));
      expect(results.map(({ status, stderr }) => [status, stderr])).toEqual(PEERS.map(() => [0, ""]));
      for (const [index, peer] of PEERS.entries()) {
        expect((await cloud.mlv(peer, "push")).stdout).toBe("origin is up to date.\n");
        await cloud.expectWhole(peer);
        // Each gets the other's own file as well.
        const other = PEERS[1 - index] ?? peer;
        const check = `check-${round}-${peer}`;
        box.clone(peer, check);
        fs.copyFileSync(box.at(other, `${other}-${round}.bin.mlv`), box.at(check, `${other}-${round}.bin.mlv`));
        await cloud.mlv(check, "pull", `${other}-${round}.bin`);
        const right = filesOf(box, other).find(({ path }) => path === `${other}-${round}.bin`);
        expect(right).toBeDefined();
        expect(filesOf(box, check)).toContainEqual(right);
        fs.rmSync(box.at(check), { recursive: true });
      }
      expect((await cloud.mlv("one", "verify", "--remote")).stdout).toContain("Everything is as it should be.");
      await cloud.mlv("one", "gc", "--remote", "origin", "--repo", box.at("two"), "--grace", "0d", "--yes");
      expect(await listUnfinished(cloud.server)).toEqual([]);
    },
  );
});
