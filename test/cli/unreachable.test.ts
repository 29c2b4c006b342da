import * as net from "node:net";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { makeSandbox } from "./sealed.ts";

/** Returns a port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
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
