import { openOn } from "./cloud.ts";
import { describeRemote } from "./contract.ts";
import { hasRealServer, startServer } from "./servers.ts";

for (const fake of hasRealServer("gcs") ? [false, true] : [false]) {
  describeRemote(fake ? "GCS on the in-repository server" : "GCS", async () => {
    const server = await startServer("gcs", { fake });
    const remote = await openOn(server, { "part-size": "256KiB" });
    return { remote, close: () => server.stop() };
  });
}
