import { describeRemote } from "./contract.ts";
import { openOn } from "./cloud.ts";
import { hasRealServer, startServer } from "./servers.ts";

for (const fake of hasRealServer("s3") ? [false, true] : [false]) {
  describeRemote(fake ? "S3 on the in-repository server" : "S3", async () => {
    const server = await startServer("s3", { fake });
    const remote = await openOn(server, { "part-size": "5MiB" });
    return { remote, close: () => server.stop() };
  });
}
