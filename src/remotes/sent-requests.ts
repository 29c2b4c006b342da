import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";

const begun = new AsyncLocalStorage<ClientRequest[]>();
let isSubscribed = false;

/**
 * Runs `work` and tells, with its result, whether the requests that it made over `node:http` have left this process. A service may answer before
 * it has read all that it is sent; until the rest is read the connection sends it from the caller's memory.
 */
export async function withSending<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly isSent: boolean }> {
  if (!isSubscribed) {
    isSubscribed = true;
    subscribe("http.client.request.start", (message) => void begun.getStore()?.push((message as { request: ClientRequest }).request));
  }
  const requests: ClientRequest[] = [];
  const result = await begun.run(requests, work);
  return { result, isSent: requests.every((request) => request.writableFinished) };
}
