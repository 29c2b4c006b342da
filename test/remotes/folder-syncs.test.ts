import { expect, test } from "vitest";
import { FolderSyncs } from "../../src/remotes/folder/folder-syncs.ts";

/** Makes syncs that end when they are told to. */
function makeSyncs(): { readonly syncs: FolderSyncs; readonly begun: string[]; end(error?: Error): Promise<void> } {
  const begun: string[] = [];
  const ends: ((error: Error | undefined) => void)[] = [];
  const syncs = new FolderSyncs((folder) => {
    begun.push(folder);
    return new Promise((resolve, reject) => ends.push((error) => (error === undefined ? resolve() : reject(error))));
  });
  return {
    syncs,
    begun,
    async end(error) {
      ends.shift()?.(error);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

/** Follows promises without leaving their failures unhandled. */
function follow(promises: readonly Promise<void>[]): string[] {
  const states = promises.map(() => "waits");
  for (const [index, promise] of promises.entries())
    promise.then(
      () => (states[index] = "durable"),
      (error: unknown) => (states[index] = String(error)),
    );
  return states;
}

test("who asks while a folder is synced shares one sync that begins afterwards", async () => {
  const { syncs, begun, end } = makeSyncs();
  const states = follow(["a", "a", "a", "b", "a"].map((folder) => syncs.sync(folder)));
  expect(begun).toEqual(["a", "b"]);
  await end();
  expect(states).toEqual(["durable", "waits", "waits", "waits", "waits"]);
  expect(begun).toEqual(["a", "b", "a"]);
  const late = follow([syncs.sync("a")]);
  await end();
  await end();
  expect(states).toEqual(["durable", "durable", "durable", "durable", "durable"]);
  expect([late, begun]).toEqual([["waits"], ["a", "b", "a", "a"]]);
  await end();
  expect(late).toEqual(["durable"]);
});

test("a sync that fails fails for those who waited behind it too, and the folder can be synced again", async () => {
  const { syncs, begun, end } = makeSyncs();
  const states = follow([syncs.sync("a"), syncs.sync("a"), syncs.sync("a")]);
  await end(new Error("EIO"));
  expect(states).toEqual(["Error: EIO", "Error: EIO", "Error: EIO"]);
  expect(begun).toEqual(["a"]);
  const again = follow([syncs.sync("a")]);
  await end();
  expect([again, begun]).toEqual([["durable"], ["a", "a"]]);
});
