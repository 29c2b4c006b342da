import type { RunningServer } from "./servers.ts";

/**
 * Returns the names of uploads that were begun on a server and never finished, as the server itself lists them: S3's multipart uploads, the
 * parts that wait under `tmp/` on GCS, Azure's blobs of nothing but uncommitted blocks.
 */
export async function listUnfinished(server: RunningServer): Promise<string[]> {
  const { protocol, host: bucket } = new URL(server.url);
  switch (protocol) {
    case "s3:":
      return listS3(server, bucket);
    case "gs:":
      return (await listGcs(server, bucket)).filter((name) => /(?:^|\/)tmp\//.test(name));
    case "az:":
      return listAzure(server, bucket);
    default:
      throw new Error(`no such server: ${server.url}`);
  }
}

async function listS3({ options, env }: RunningServer, Bucket: string): Promise<string[]> {
  const { S3Client, ListMultipartUploadsCommand } = await import("@aws-sdk/client-s3");
  const client = new S3Client({
    endpoint: options["endpoint"] ?? "",
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: env["AWS_ACCESS_KEY_ID"] ?? "", secretAccessKey: env["AWS_SECRET_ACCESS_KEY"] ?? "" },
  });
  try {
    const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket }));
    return (Uploads ?? []).map(({ Key }) => Key ?? "");
  } finally {
    client.destroy();
  }
}

async function listGcs({ options }: RunningServer, bucket: string): Promise<string[]> {
  const answer = await fetch(`${options["endpoint"]}/storage/v1/b/${bucket}/o`, { headers: { authorization: "Bearer test" } });
  const { items } = (await answer.json()) as { readonly items?: readonly { readonly name: string }[] };
  return (items ?? []).map(({ name }) => name);
}

async function listAzure({ options, env }: RunningServer, bucket: string): Promise<string[]> {
  const { ContainerClient, StorageSharedKeyCredential } = await import("@azure/storage-blob");
  const credential = new StorageSharedKeyCredential(options["account"] ?? "", env["AZURE_STORAGE_KEY"] ?? "");
  const container = new ContainerClient(`${options["endpoint"]}/${bucket}`, credential);
  const finished = new Set<string>();
  for await (const { name } of container.listBlobsFlat()) finished.add(name);
  const unfinished: string[] = [];
  for await (const { name } of container.listBlobsFlat({ includeUncommitedBlobs: true })) if (!finished.has(name)) unfinished.push(name);
  return unfinished;
}
