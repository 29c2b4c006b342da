import * as fs from "node:fs";
import path from "node:path";
import type { Scene } from "../support/scenario.ts";
import { rotate } from "../support/scenario.ts";
import { PROJECT } from "../support/tools.ts";
import { commit, type Versioner } from "../support/versioners.ts";

const STATUS_REPETITIONS = 3;
const CHANGED = path.join("data", "42", "0000042.bin");

interface Turn {
  readonly group: string;
  readonly versioner: Versioner;
  readonly small: string;
  /** Absent where the files travel by themselves. */
  readonly big: string | undefined;
  readonly run: number;
}

/** Measures 100,000 small files and, from push on, the large file with them. */
export async function measureSmall(scene: Scene): Promise<void> {
  await measureMany(scene, { group: "small", small: scene.data.get("small"), big: path.join(scene.data.get("big"), "big.bin") });
}

/** Measures 1,000,000 files of 100 bytes. */
export async function measureMillion(scene: Scene): Promise<void> {
  await measureMany(scene, { group: "million", small: scene.data.get("million"), big: undefined });
}

async function measureMany(scene: Scene, files: Pick<Turn, "group" | "small" | "big">): Promise<void> {
  for (let run = 0; run < scene.runs; run++) {
    const contestants = scene.versioners.map(
      (versioner) => async (): Promise<void> => measureVersioner(scene, { ...files, versioner, run }),
    );
    if (scene.hasFloor) contestants.push(async () => measureFloor(scene, { ...files, run }));
    for (const contestant of rotate(contestants, run)) await contestant();
  }
}

async function measureVersioner(scene: Scene, turn: Turn): Promise<void> {
  const { arena } = scene;
  const { versioner, small, big } = turn;
  const folder = arena.fresh(`${turn.group}-${versioner.name}`);
  const project = path.join(folder, "project");
  const clone = path.join(folder, "clone");
  const remoteBytes = (): number => versioner.remoteBytes(folder);
  const at = (step: string): { group: string; step: string; tool: string; run: number } => ({
    group: turn.group,
    step,
    tool: versioner.name,
    run: turn.run,
  });
  const expectChange =
    (expected: boolean) =>
    (stdout: string): void => {
      if (versioner.sawChange(stdout) !== expected) throw new Error(`${versioner.name} status is wrong:\n${stdout.slice(0, 500)}`);
    };

  await versioner.create(arena, folder);
  await arena.prepare(["cp", "-r", small, path.join(project, "data")], folder);
  await arena.step(at("add"), versioner.add("data"), { cwd: project });
  if (big !== undefined) {
    await arena.prepare(["cp", big, path.join(project, "big.bin")], folder);
    await arena.prepare(versioner.add("big.bin"), project);
  }
  await arena.prepare(commit("first"), project);
  for (let repetition = 0; repetition < STATUS_REPETITIONS; repetition++) {
    await arena.step(at("no-op status"), versioner.status(), { cwd: project, check: expectChange(false) });
  }
  await arena.step(at("no-op add"), versioner.add("data"), { cwd: project });
  await arena.step(at("push"), versioner.push(), { cwd: project, remoteBytes });
  await arena.step(at("no-op push"), versioner.push(), { cwd: project, remoteBytes });
  await arena.step(at("clone and pull"), versioner.clone(), { cwd: folder });
  arena.assertSame(path.join(clone, "data"), small);
  if (big !== undefined) arena.assertSame(path.join(clone, "big.bin"), big);
  await arena.step(at("no-op pull"), versioner.pull(), { cwd: clone });

  fs.appendFileSync(path.join(project, CHANGED), "one more line\n");
  const changed = fs.readFileSync(path.join(project, CHANGED), "utf8");
  await arena.step(at("one file changed: status"), versioner.status(), { cwd: project, check: expectChange(true) });
  await arena.step(at("one file changed: add"), versioner.add("data"), { cwd: project });
  await arena.prepare(commit("second"), project);
  await arena.step(at("one file changed: push"), versioner.push(), { cwd: project, remoteBytes });
  await arena.step(at("switch versions"), versioner.switchTo("HEAD~1"), { cwd: project });
  arena.assertSame(path.join(project, "data"), small);
  await arena.step(at("switch versions"), versioner.switchTo("main"), { cwd: project });
  if (fs.readFileSync(path.join(project, CHANGED), "utf8") !== changed)
    throw new Error(`${versioner.name} did not bring back the second version`);
  arena.reclaim(folder);
}

async function measureFloor(scene: Scene, { group, small, big, run }: Omit<Turn, "versioner">): Promise<void> {
  const { arena } = scene;
  const cwd = arena.fresh(`${group}-floor`);
  const at = (step: string, tool: string): { group: string; step: string; tool: string; run: number } => ({ group, step, tool, run });
  await arena.prepare(["cp", "-r", small, "data"], cwd);
  await arena.step(at("add", "read and hash, one thread"), [process.execPath, path.join(PROJECT, "bench", "floor.ts"), "hash", "data"], {
    cwd,
  });
  for (let repetition = 0; repetition < STATUS_REPETITIONS; repetition++) {
    await arena.step(at("no-op status", "find -printf"), "find data -type f -printf '%i %s %T@ %C@ %p\\n' > list", { cwd });
    await arena.step(at("one file changed: status", "find -printf"), "find data -type f -printf '%i %s %T@ %C@ %p\\n' > list", { cwd });
  }
  const bigFile = big === undefined ? "" : ` && cat "${big}" >> all`;
  await arena.step(at("push", "cat into one file"), `find data -type f -print0 | xargs -0 cat > all${bigFile}`, { cwd });
  await arena.prepare(["rm", "all"], cwd);
  await arena.step(at("clone and pull", "cp -r"), `cp -r data out${big === undefined ? "" : ` && cp "${big}" out.bin`}`, { cwd });
  arena.assertSame(path.join(cwd, "out"), small);
  if (scene.arena.env["MLV_BENCH_RSYNC"] === "1") {
    await arena.step(at("clone and pull", "rsync -a"), `rsync -a data/ synced${big === undefined ? "" : ` && cp "${big}" out.bin`}`, {
      cwd,
    });
  }
  if (run === 0) await measureGitStatus(scene, { group, cwd });
  arena.reclaim(cwd);
}

/** Measures `git status` on the same tree, tracked by plain Git; its repository is made once, for adding to Git is slow. */
async function measureGitStatus(scene: Scene, { group, cwd }: { readonly group: string; readonly cwd: string }): Promise<void> {
  const { arena } = scene;
  await arena.prepare("git init -q . && git -c core.looseCompression=0 add data && git commit -qm data && git status --short", cwd);
  for (let run = 0; run < scene.runs * STATUS_REPETITIONS; run++) {
    await arena.step(
      { group, step: "no-op status", tool: "git status", run: Math.floor(run / STATUS_REPETITIONS) },
      ["git", "status", "--short", "-uno"],
      { cwd },
    );
  }
}
