import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { ProgressEvent } from "../../src/base/events.ts";
import { pull } from "../../src/ops/pull.ts";
import { cloneProject, createProject, type Project } from "./project.ts";

const MIB = 2 ** 20;

function progressOf(project: Project, phase: ProgressEvent["phase"]): ProgressEvent[] {
  return project.events.filter((event) => event.type === "progress").filter((event) => event.phase === phase);
}

function expectRising(events: readonly ProgressEvent[]): void {
  for (const [index, event] of events.entries()) {
    expect(event.bytes).toBeGreaterThanOrEqual(events[index - 1]?.bytes ?? 0);
    expect(event.bytes).toBeLessThanOrEqual(event.totalBytes ?? 0);
  }
}

test("a push of one large file is heard of on the way, and so is its pull", async () => {
  const project = await createProject();
  project.write("big.bin", randomBytes(40 * MIB));
  await project.record("one", "big.bin");
  project.events.length = 0;
  await project.push();
  const sent = progressOf(project, "upload");
  expect(sent.length).toBeGreaterThan(10);
  expectRising(sent);
  expect(sent.at(-1)).toMatchObject({ bytes: 40 * MIB, totalBytes: 40 * MIB, sentBytes: 40 * MIB });

  const clone = cloneProject(project);
  await pull(clone.context, { paths: [], force: false, dryRun: false });
  const received = progressOf(clone, "download");
  expect(received.length).toBeGreaterThan(10);
  expectRising(received);
  expect(received.at(-1)).toMatchObject({ bytes: 40 * MIB, totalBytes: 40 * MIB });
});

test("progress of what compresses, or is known, counts the file and says how little was sent", async () => {
  const project = await createProject();
  const lines = Array.from({ length: 400_000 }, (_, index) => `${index},label-${index % 7},some text that comes again\n`);
  project.write("table.csv", lines.join(""));
  await project.record("one", "table.csv");
  project.events.length = 0;
  await project.push();
  const size = Buffer.byteLength(lines.join(""));
  const first = progressOf(project, "upload");
  expectRising(first);
  expect(first.at(-1)).toMatchObject({ bytes: size, totalBytes: size });
  expect(first.at(-1)?.sentBytes).toBeLessThan(size / 2);

  lines[200_000] = "an edited line\n";
  project.write("table.csv", lines.join(""));
  await project.record("two", "table.csv");
  project.events.length = 0;
  await project.push();
  const second = progressOf(project, "upload");
  expectRising(second);
  const bytes = Buffer.byteLength(lines.join(""));
  expect(second.findLast((event) => event.bytes === bytes)?.sentBytes).toBeLessThan(size / 100);
});

test("progress of a folder counts its files, packed or sent as they lie in the cache", async () => {
  const project = await createProject();
  for (let index = 0; index < 300; index++) project.write(`set/${index}.bin`, randomBytes(10_000));
  project.write("set/large.bin", randomBytes(9 * MIB));
  await project.record("one", "set");
  project.events.length = 0;
  await project.push();
  const events = progressOf(project, "upload");
  expectRising(events);
  expect(events.at(-1)?.totalBytes).toBe(300 * 10_000 + 9 * MIB);
  expect(events.at(-1)?.bytes).toBeGreaterThan(300 * 10_000 + 8.5 * MIB);
});
