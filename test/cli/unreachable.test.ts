import * as fs from "node:fs";
import * as net from "node:net";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { expect, test } from "vitest";
import { makeSandbox } from "./sealed.ts";

/** A connection that is reset is one or the other. */
const UNREACHED: unknown = expect.stringMatching(/^remote-(?:timeout|unavailable)$/);

/** Returns a port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** Starts a service that closes every connection at once, and counts them. */
async function startDeadService(): Promise<{ readonly port: number; readonly connections: () => number; readonly close: () => void }> {
  let connections = 0;
  const server = net.createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { port, connections: () => connections, close: () => void server.close() };
}

test("a push to a service that is down says what could not be done, tells of each wait once, and exits 13", async () => {
  const port = await closedPort();
  const box = makeSandbox();
  box.makeRepository("project", { tree: { "a.bin": "a", "b.bin": "b", "c.bin": "c" } });
  box.mlv("project", ["add", "a.bin", "b.bin", "c.bin"]);
  const options = ["--option", `endpoint=http://127.0.0.1:${port}`, "region=us-east-1", "retries=2"];
  box.mlv("project", ["remote", "add", "far", "s3://bucket/data", ...options]);
  const keys = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret", MLV_TRUST_ENDPOINTS: `127.0.0.1:${port}` };
  const result = box.run(["push", "-r", "far"], { cwd: "project", env: keys });
  const lines = result.stderr.trim().split("\n");
  expect(result.status).toBe(13);
  expect(lines).toContain("error: cannot push to `far` (s3://bucket/data)");
  expect(lines).toContainEqual(expect.stringMatching(/^caused by: cannot read `.*ECONNREFUSED/));
  expect(lines.at(-1)).toMatch(/^hint: `mlv remote check far` says more/);
  expect(lines.filter((line) => line.startsWith("note:")).length).toBeLessThanOrEqual(2);
});

test("of a service that is down `log` and `diff` ask a few times, however much they would fetch, and say what they leave out", async () => {
  const service = await startDeadService();
  const { port } = service;
  const box = makeSandbox();
  const tree = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`set0/${at}.txt`, `content ${at}`]));
  box.makeRepository("project", { tree: { ...tree, "kept/a.txt": "a" } });
  const project = box.at("project");
  box.mlv("project", ["add", "set0", "kept"]);
  box.commit("project", "set0");
  for (let at = 1; at <= 4; at++) {
    fs.renameSync(path.join(project, `set${at - 1}`), path.join(project, `set${at}`));
    fs.writeFileSync(path.join(project, `set${at}`, "0.txt"), `edited ${at}`);
    box.git("project", "rm", "--quiet", `set${at - 1}.mlv`);
    fs.writeFileSync(path.join(project, "kept/a.txt"), `a ${at}`);
    box.mlv("project", ["add", `set${at}`, "kept"]);
    box.commit("project", `set${at}`);
  }
  const options = ["--option", `endpoint=http://127.0.0.1:${port}`, "region=us-east-1"];
  box.mlv("project", ["remote", "add", "far", "s3://bucket/data", ...options]);
  box.commit("project", "remote");
  box.clone("project", "clone");
  const env = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret", MLV_TRUST_ENDPOINTS: `127.0.0.1:${port}` };
  const run = async (args: readonly string[]): Promise<{ readonly output: string; readonly asked: number }> => {
    const before = service.connections();
    const { stdout, stderr } = await box.start(args, { cwd: "clone", env }).done;
    return { output: stdout + stderr, asked: service.connections() - before };
  };
  const logged = await run(["log", "set4"]);
  expect(logged.output).toContain("renamed");
  expect(logged.asked).toBeGreaterThan(0);
  expect(logged.asked).toBeLessThanOrEqual(5);
  const compared = await run(["diff", "HEAD~5", "HEAD"]);
  expect(compared.output).toContain("whether it was renamed");
  expect(compared.output).toMatch(/^modified kept .*\n    left out: cannot read/m);
  expect(compared.asked).toBeLessThanOrEqual(5);
  service.close();
});

test("a pull from a service that is down checks out what is in the cache, names the rest once, and asks no more for many targets than for one", async () => {
  const service = await startDeadService();
  const { port } = service;
  const box = makeSandbox();
  const lost = Array.from({ length: 14 }, (_, at) => `lost${String(at).padStart(2, "0")}.txt`);
  const tree = { "here.txt": "here", "set/a.txt": "a", ...Object.fromEntries(lost.map((name) => [name, name])) };
  box.makeRepository("project", { remote: "storage", tree });
  box.mlv("project", ["add", "here.txt", "set", ...lost]);
  const options = ["--option", `endpoint=http://127.0.0.1:${port}`, "region=us-east-1", "retries=2"];
  box.mlv("project", ["remote", "add", "far", "s3://bucket/data", ...options]);
  box.commit("project", "data");
  box.mlv("project", ["push", "-r", "origin"]);
  box.clone("project", "clone");
  box.mlv("clone", ["fetch", "-r", "origin", "here.txt", "set"]);
  const env = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret", MLV_TRUST_ENDPOINTS: `127.0.0.1:${port}` };
  const run = async (...args: readonly string[]) => {
    const before = service.connections();
    const result = await box.start([...args, "-r", "far"], { cwd: "clone", env }).done;
    return { ...result, asked: service.connections() - before };
  };

  const one = await run("pull", "lost00.txt");
  expect([one.status, one.stdout]).toEqual([13, ""]);
  expect(one.stderr).toMatch(/^error: cannot fetch from `far` \(s3:\/\/bucket\/data\)\n/);
  const all = await run("pull");
  expect(all.status).toBe(13);
  expect(all.asked).toBe(one.asked);
  expect(all.stdout).toContain("here.txt: wrote 1 file (4 B)\nset: wrote 1 file (1 B)\n");
  expect(all.stderr.match(/^error: .*$/gm)).toEqual(["error: cannot fetch from `far` (s3://bucket/data)"]);
  expect(all.stderr.match(/^hint: .*$/gm)).toHaveLength(1);
  expect(all.stderr.match(/^ {4}left as it was: lost\d\d\.txt/gm)).toHaveLength(10);
  expect(all.stderr).toContain("… and 4 more targets like these");
  expect(fs.readdirSync(box.at("clone")).filter((name) => !/\.mlv$|^\.|\.yaml$/.test(name))).toEqual(["here.txt", "set"]);

  const document = JSON.parse((await run("pull", "--json")).stdout) as {
    fetched: { versions: { target: string; status: string; problem?: { code: string } }[] };
    targets: { target: string }[];
  };
  expect(document.targets.map(({ target }) => target)).toEqual(["here.txt", "set"]);
  expect(document.fetched.versions.map(({ target, status, problem }) => [target, status, problem?.code])).toEqual([
    ["here.txt", "cached", undefined],
    ["set", "cached", undefined],
    ...lost.map((name) => [name, "failed", UNREACHED]),
  ]);
  // What is done with nothing to show for it fails as a whole.
  const fetched = await run("fetch", "--json");
  expect([fetched.status, fetched.stdout, (JSON.parse(fetched.stderr) as { error: { code: string } }).error.code]).toEqual([
    13,
    "",
    UNREACHED,
  ]);
  service.close();
});

test("a pull without a folder that is not mounted checks out what is in the cache", () => {
  const box = makeSandbox();
  box.makeRepository("project", { remote: "storage", tree: { "a.txt": "a", "b.txt": "b" } });
  box.mlv("project", ["add", "a.txt", "b.txt"]);
  box.commit("project", "data");
  box.mlv("project", ["push"]);
  box.clone("project", "clone");
  box.mlv("clone", ["fetch", "a.txt"]);
  fs.renameSync(box.at("storage"), box.at("unmounted"));
  fs.mkdirSync(box.at("storage"));
  const result = box.run(["pull"], { cwd: "clone" });
  expect(result.status).toBe(13);
  expect(result.stdout).toContain("a.txt: wrote 1 file");
  expect(result.stderr).toMatch(/^error: there is no mlv store at .*\nhint: .*\n {4}left as it was: b\.txt /);
  expect(fs.existsSync(box.at("clone/b.txt"))).toBe(false);
  fs.rmdirSync(box.at("storage"));
  fs.renameSync(box.at("unmounted"), box.at("storage"));
  box.mlv("clone", ["pull"]);
  expect(fs.readFileSync(box.at("clone/b.txt"), "utf8")).toBe("b");
});
