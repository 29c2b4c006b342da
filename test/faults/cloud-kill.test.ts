import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noise, writeNoise } from "../cli/sealed.ts";
import type { SeenRequest } from "../remotes/fault-proxy.ts";
import { openOn } from "../remotes/cloud.ts";
import type { ServerKind } from "../remotes/servers.ts";
import { listUnfinished } from "../remotes/unfinished.ts";
import { filesOf, makeCloudProject, type CloudProject } from "./cloud-project.ts";
import { createRandom, isLong, seed } from "./long.ts";

const MIB = 1024 * 1024;
const LARGE_BYTES = (isLong ? 96 : 32) * MIB + 4321;
const FILES = 60;
const TIMEOUT_MS = isLong ? 1_800_000 : 240_000;

/** Returns what names the part that a request sends, undefined for any other request. */
const PART: Readonly<Record<ServerKind, (request: SeenRequest) => string | undefined>> = {
  s3: ({ method, path }) => (method === "PUT" ? /partNumber=\d+&uploadId=[^&]+|uploadId=[^&]+&partNumber=\d+/.exec(path)?.[0] : undefined),
  gcs: ({ method, path }) => (method === "POST" && path.includes("/upload/") ? /tmp%2F[^&]+/.exec(path)?.[0] : undefined),
  azure: ({ method, path }) => (method === "PUT" && /comp=block(?:&|$)/.test(path) ? /blockid=[^&]+/.exec(path)?.[0] : undefined),
};

describe.each([
  { kind: "s3" as const, rounds: isLong ? 20 : 4 },
  { kind: "gcs" as const, rounds: isLong ? 20 : 1 },
  { kind: "azure" as const, rounds: isLong ? 20 : 1 },
])(`kill -9 during a push to $kind (seeds from ${seed})`, ({ kind, rounds }) => {
  let cloud: CloudProject;
  /** How many requests an undisturbed push makes. */
  let requests = 0;

  beforeAll(async () => {
    cloud = await makeCloudProject(kind, { remote: { "part-size": "5MiB" } });
    writeNoise(cloud.box.at("project/large.bin"), "large", LARGE_BYTES);
    for (let index = 0; index < FILES; index++) {
      fs.mkdirSync(cloud.box.at("project/many"), { recursive: true });
      fs.writeFileSync(cloud.box.at(`project/many/${index}`), noise(String(index), 1000 + index * 700));
    }
    await cloud.mlv("project", "add", "large.bin", "many");
    cloud.box.commit("project", "data");
    const before = cloud.proxy.seen.length;
    await cloud.mlv("project", "push");
    requests = cloud.proxy.seen.length - before;
  }, TIMEOUT_MS);
  afterAll(() => cloud?.close());

  /** Empties the bucket, and lets the project forget that it ever pushed. */
  async function forget(): Promise<void> {
    await cloud.lose(await cloud.keys(""));
    const remote = await openOn(cloud.server, {}, "data");
    await remote.removeUnfinishedUploads(Date.now() + 3_600_000);
    await remote.close();
    fs.rmSync(cloud.box.at("project/.git/mlv/remotes"), { recursive: true, force: true });
  }

  /** Pushes and kills the push a few milliseconds after the proxy saw its `nth` request. */
  async function killAt(nth: number, afterMs: number): Promise<void> {
    const from = cloud.proxy.seen.length;
    const { child, done } = cloud.box.start(["push"], { cwd: "project", env: cloud.env });
    let isOver = false;
    const result = done.finally(() => (isOver = true));
    while (!isOver && cloud.proxy.seen.length - from < nth) await sleep(1);
    await sleep(afterMs);
    child.kill("SIGKILL");
    await result;
    // What was on its way arrives or breaks off.
    await sleep(200);
  }

  async function expectNothingLeft(): Promise<void> {
    for (let run = 0; run < 2; run++) await cloud.mlv("project", "gc", "--remote", "origin", "--grace", "0d", "--yes");
    if (kind !== "azure") expect(await listUnfinished(cloud.server)).toEqual([]);
    const { stdout } = await cloud.mlv("project", "gc", "--remote", "origin", "--grace", "0d", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ items: [] });
  }

  test.each(Array.from({ length: rounds }, (_, index) => seed + index))(
    "leaves what a pull can trust; the next push sends no finished part again, and a gc finds the rest (seed %i)",
    { timeout: TIMEOUT_MS },
    async (number) => {
      const random = createRandom(number * 31 + 5);
      await forget();
      const from = cloud.proxy.seen.length;
      await killAt(1 + Math.floor(random() * requests), random() * 40);
      const isSent = (request: SeenRequest): boolean => PART[kind](request) !== undefined && (request.status ?? 500) < 300;
      const finished = new Set(cloud.proxy.seen.slice(from).filter(isSent).map(PART[kind]));

      const early = `early-${kind}-${number}`;
      cloud.box.clone("project", early);
      const pulled = await cloud.run(early, "pull");
      for (const entry of filesOf(cloud.box, early)) expect(filesOf(cloud.box, "project")).toContainEqual(entry);
      if (pulled.status === 0) expect(filesOf(cloud.box, early)).toEqual(filesOf(cloud.box, "project"));
      else {
        expect([3, 13]).toContain(pulled.status);
        expect(pulled.stdout + pulled.stderr).toMatch(/not on|does not have|there is no mlv store/);
      }

      const again = cloud.proxy.seen.length;
      await cloud.mlv("project", "push");
      const sent = cloud.proxy.seen.slice(again).map(PART[kind]);
      expect(sent.filter((part) => finished.has(part))).toEqual([]);
      await cloud.mlv(early, "pull");
      expect(filesOf(cloud.box, early)).toEqual(filesOf(cloud.box, "project"));

      await expectNothingLeft();
      await cloud.expectWhole();
      expect((await cloud.mlv("project", "push")).stdout).toBe("origin is up to date.\n");
    },
  );
});
