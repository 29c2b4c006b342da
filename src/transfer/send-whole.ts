import type { BlobKey } from "../base/ids.ts";
import type { PutSource } from "../remotes/remote.ts";
import type { BuildContext } from "./push-context.ts";
import { putBlob } from "./remote-store.ts";

/** Uploads a blob as it is, beside the packing, and counts it for the summary and for progress. */
export function sendWhole({ store, signal, progress, onSent, inBackground }: BuildContext, key: BlobKey, source: PutSource): void {
  inBackground(async () => {
    const onProgress = progress.ofUpload();
    const { created } = await putBlob(store.remote, key, source, { signal, onProgress });
    if (created) {
      onSent(source.size);
      onProgress(source.size);
    } else {
      progress.covered(source.size);
    }
  });
}
