import { expect, onTestFinished, test } from "vitest";
import { checkRemote } from "../../src/remotes/check.ts";
import { MemoryRemote } from "../../src/remotes/memory/memory-remote.ts";
import { RemoteError } from "../../src/remotes/remote-error.ts";
import { withFailures } from "../../src/remotes/wrappers/failing.ts";
import { openOn } from "./cloud.ts";
import { listAll } from "./helpers.ts";
import { startServer } from "./servers.ts";

test("checking a remote tries four rights, names the credentials and leaves nothing behind", async () => {
  const server = await startServer("s3");
  onTestFinished(() => server.stop());
  const remote = await openOn(server);
  expect(await checkRemote(remote)).toEqual({
    url: remote.url,
    credentials: "environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    rights: ["list", "write", "read", "delete"].map((right) => ({ right, outcome: "granted" })),
    hasConditionalWrites: true,
    isUsable: true,
  });
  expect(await listAll(remote, "")).toEqual([]);
  await remote.close();
});

test("a right that is refused is reported with its reason, and what rests on it is skipped", async () => {
  const denied = new RemoteError("denied", "no");
  const remote = withFailures(new MemoryRemote(), (operation) => (operation === "put" ? { when: "before", error: denied } : undefined));
  const check = await checkRemote(remote);
  expect(check.rights).toEqual([
    { right: "list", outcome: "granted" },
    { right: "write", outcome: "refused", reason: "denied", message: "no" },
    { right: "read", outcome: "skipped" },
    { right: "delete", outcome: "skipped" },
  ]);
  expect(check.isUsable).toBe(false);
});
