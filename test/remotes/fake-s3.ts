import type { RunningServer } from "./servers.ts";
export async function startFakeS3(_bucket: string): Promise<RunningServer> {
  throw new Error("todo");
}
