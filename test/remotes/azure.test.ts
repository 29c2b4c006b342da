import { openOn } from "./cloud.ts";
import { describeRemote } from "./contract.ts";
import { startServer } from "./servers.ts";

describeRemote("Azure", async () => {
  const server = await startServer("azure");
  const remote = await openOn(server, { "part-size": "4MiB" });
  return { remote, close: () => server.stop() };
});
