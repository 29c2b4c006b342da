import { openOn } from "./cloud.ts";
import { describeRemote } from "./contract.ts";
import { hasRealServer, startServer } from "./servers.ts";

const isReal = hasRealServer("gcs");

for (const fake of isReal ? [false, true] : [false]) {
  describeRemote(
    fake ? "GCS on the in-repository server" : "GCS",
    async () => {
      const server = await startServer("gcs", { fake });
      const remote = await openOn(server, { "part-size": "256KiB" });
      return { remote, close: () => server.stop() };
    },
    // fake-gcs-server 1.56.1 composes over what is there whatever ifGenerationMatch says; the in-repository one, like Google, does not.
    { ignoresFinalCondition: isReal && !fake },
  );
}
