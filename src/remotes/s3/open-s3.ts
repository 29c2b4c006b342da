import type { DriverSettings } from "../open.ts";
import type { Remote } from "../remote.ts";
import { createS3Client, describeS3Credentials } from "./s3-client.ts";
import { S3Remote } from "./s3-remote.ts";

/** Opens an S3 remote; no request is made. */
export async function openS3(settings: DriverSettings): Promise<Remote> {
  const { options } = settings;
  const concurrency = options.count("concurrency") ?? 16;
  const partConcurrency = Math.min(concurrency, 4);
  const client = createS3Client(settings, Math.max(32, concurrency * 2));
  const encryption = options.text("server-side-encryption");
  const key = options.text("kms-key");
  const storageClass = options.text("storage-class");
  const owner = options.text("expected-bucket-owner");
  return new S3Remote({
    client,
    url: settings.url,
    bucket: settings.address.bucket,
    prefix: settings.address.prefix,
    concurrency,
    partConcurrency,
    partBytes: options.bytes("part-size") ?? 16 * 1024 * 1024,
    common: {
      ...(options.flag("requester-pays") ? { RequestPayer: "requester" as const } : {}),
      ...(owner === undefined ? {} : { ExpectedBucketOwner: owner }),
    },
    stored: {
      ...(encryption === undefined ? {} : { ServerSideEncryption: encryption }),
      ...(key === undefined ? {} : { SSEKMSKeyId: key }),
      ...(storageClass === undefined ? {} : { StorageClass: storageClass }),
    },
    canSign: settings.mayUseCredentials,
    credentials: describeS3Credentials(settings),
    meter: settings.meter,
  });
}
