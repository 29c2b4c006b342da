// The Azure SDK alone, as fast as it goes: what mlv's transfers are compared with. `node azure.ts upload|download FILE KEY SETTINGS-AS-JSON`.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { ContainerClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { forEachPart, readPart, readVendorArguments, writePart } from "./parts.ts";

const { verb, file, key, endpoint, bucket, partBytes, concurrency } = readVendorArguments(process.argv.slice(2));
const account = new URL(endpoint).pathname.slice(1);
const container = new ContainerClient(
  `${endpoint}/${bucket}`,
  new StorageSharedKeyCredential(account, process.env["AZURE_STORAGE_KEY"] ?? ""),
);
const blob = container.getBlockBlobClient(key);

if (verb === "upload") {
  // Parts read whole, as for S3, and with their MD5 as mlv sends them: without it azurite takes three times as long.
  const descriptor = fs.openSync(file, "r");
  const blocks: string[] = [];
  await forEachPart({ size: fs.fstatSync(descriptor).size, partBytes, concurrency }, async (part) => {
    const id = Buffer.from(String(part.number).padStart(6, "0")).toString("base64");
    const bytes = await readPart(descriptor, part);
    await blob.stageBlock(id, bytes, part.length, { transactionalContentMD5: createHash("md5").update(bytes).digest() });
    blocks[part.number - 1] = id;
  });
  await blob.commitBlockList(blocks);
} else {
  const descriptor = fs.openSync(file, "w");
  const size = Number(process.argv[6]);
  await forEachPart({ size, partBytes, concurrency }, async (part) => {
    const answer = await blob.download(part.offset, part.length);
    let at = part.offset;
    for await (const data of answer.readableStreamBody as AsyncIterable<Buffer>) {
      await writePart(descriptor, data, at);
      at += data.length;
    }
  });
  fs.fsyncSync(descriptor);
}
