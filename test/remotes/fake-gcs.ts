import type { RunningServer } from "./servers.ts";
export async function startFakeGcs(_bucket: string): Promise<RunningServer> {
  throw new Error("todo");
}
