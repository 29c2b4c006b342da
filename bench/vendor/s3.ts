// The S3 SDK alone, as fast as it goes: what mlv's transfers are compared with. `node s3.ts upload|download FILE KEY SETTINGS-AS-JSON`.
import * as fs from "node:fs";
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  S3Client,
  UploadPartCommand,
  type CompletedPart,
} from "@aws-sdk/client-s3";
import { forEachPart, readPart, readVendorArguments, writePart } from "./parts.ts";

const { verb, file, key: Key, endpoint, bucket: Bucket, partBytes, concurrency } = readVendorArguments(process.argv.slice(2));
const client = new S3Client({
  endpoint,
  forcePathStyle: true,
  requestChecksumCalculation: "WHEN_REQUIRED",
  responseChecksumValidation: "WHEN_REQUIRED",
});

if (verb === "upload") {
  const descriptor = fs.openSync(file, "r");
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const Parts: CompletedPart[] = [];
  await forEachPart({ size: fs.fstatSync(descriptor).size, partBytes, concurrency }, async (part) => {
    const Body = await readPart(descriptor, part);
    const { ETag = "" } = await client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber: part.number, Body }));
    Parts[part.number - 1] = { ETag, PartNumber: part.number };
  });
  await client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
} else {
  const descriptor = fs.openSync(file, "w");
  const size = Number(process.argv[6]);
  await forEachPart({ size, partBytes, concurrency }, async (part) => {
    const Range = `bytes=${part.offset}-${part.offset + part.length - 1}`;
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key, Range }));
    let at = part.offset;
    for await (const data of Body as AsyncIterable<Buffer>) {
      await writePart(descriptor, data, at);
      at += data.length;
    }
  });
  fs.fsyncSync(descriptor);
}
client.destroy();
