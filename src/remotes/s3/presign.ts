/** Signs a GET for whoever has the URL: AWS Signature Version 4 in the query. Source: docs.aws.amazon.com, "Authenticating requests: using query parameters". */
import { createHash, createHmac } from "node:crypto";
import { GetObjectCommand, type GetObjectCommandInput, type S3Client } from "@aws-sdk/client-s3";
import { RemoteError } from "../remote-error.ts";
import { assertWithinWeek } from "../signed-urls.ts";
import { isRequest, type OutgoingRequest } from "./s3-client.ts";

/** Returns a URL that reads one object for `expiresInSeconds` (at most a week). */
export async function presignGet(client: S3Client, input: GetObjectCommandInput, expiresInSeconds: number): Promise<string> {
  assertWithinWeek(expiresInSeconds, "AWS Signature Version 4");
  const request = await buildRequest(client, input);
  const credentials = await client.config.credentials();
  const region = await client.config.region();
  const time = new Date().toISOString().replace(/[-:]|\.\d{3}/g, "");
  const day = time.slice(0, 8);
  const scope = `${day}/${region}/s3/aws4_request`;
  const host = request.port === undefined ? request.hostname : `${request.hostname}:${request.port}`;
  const query: [string, string][] = [
    ["X-Amz-Algorithm", "AWS4-HMAC-SHA256"],
    ["X-Amz-Credential", `${credentials.accessKeyId}/${scope}`],
    ["X-Amz-Date", time],
    ["X-Amz-Expires", String(Math.max(1, Math.floor(expiresInSeconds)))],
    ...(credentials.sessionToken === undefined ? [] : [["X-Amz-Security-Token", credentials.sessionToken] satisfies [string, string]]),
    ["X-Amz-SignedHeaders", "host"],
  ];
  const queryText = query.map(([name, value]) => `${name}=${encode(value)}`).join("&");
  const canonical = ["GET", request.path, queryText, `host:${host}\n`, "host", "UNSIGNED-PAYLOAD"].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", time, scope, createHash("sha256").update(canonical).digest("hex")].join("\n");
  let key: Buffer | string = `AWS4${credentials.secretAccessKey}`;
  for (const part of [day, region, "s3", "aws4_request"]) key = createHmac("sha256", key).update(part).digest();
  const signature = createHmac("sha256", key).update(toSign).digest("hex");
  return `${request.protocol}//${host}${request.path}?${queryText}&X-Amz-Signature=${signature}`;
}

/** Lets the SDK resolve endpoint and path, and stops it before anything is signed or sent. */
async function buildRequest(client: S3Client, input: GetObjectCommandInput): Promise<OutgoingRequest> {
  let built: OutgoingRequest | undefined;
  const command = new GetObjectCommand(input);
  command.middlewareStack.add(
    () => async (args) => {
      if (isRequest(args.request)) built = args.request;
      return { response: {}, output: { $metadata: {} } };
    },
    { step: "finalizeRequest", priority: "high", name: "mlvCapture" },
  );
  await client.send(command);
  if (built === undefined) throw new RemoteError("unsupported", "the SDK built no request to sign");
  return built;
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
