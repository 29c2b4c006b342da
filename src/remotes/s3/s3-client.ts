import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import type { DriverSettings } from "../open.ts";
import type { RequestKind, RequestMeter } from "../request-meter.ts";

const KINDS: Readonly<Record<string, RequestKind>> = {
  HeadObjectCommand: "stat",
  GetObjectCommand: "get",
  PutObjectCommand: "put",
  CreateMultipartUploadCommand: "put",
  UploadPartCommand: "put",
  CompleteMultipartUploadCommand: "put",
  ListObjectsV2Command: "list",
  DeleteObjectCommand: "remove",
  DeleteObjectsCommand: "remove",
};

/** Makes the SDK's client as the options say, its own retries off. Credentials come from the options, the environment, or the SDK's chain. */
export function createS3Client(settings: DriverSettings, sockets: number): S3Client {
  const { options, env } = settings;
  const endpoint = options.text("endpoint");
  const profile = options.text("profile");
  const region =
    options.text("region") ?? env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"] ?? (endpoint === undefined ? undefined : "us-east-1");
  const config: S3ClientConfig = {
    maxAttempts: 1,
    customUserAgent: "mlv",
    followRegionRedirects: false,
    // What is read is hashed by whoever asked for it; hashing it twice would cost a third of the speed.
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: {
      connectionTimeout: options.milliseconds("connect-timeout") ?? 10_000,
      socketTimeout: options.milliseconds("idle-timeout") ?? 60_000,
      socketAcquisitionWarningTimeout: 3_600_000,
      httpAgent: { keepAlive: true, maxSockets: sockets },
      httpsAgent: { keepAlive: true, maxSockets: sockets },
    },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(profile === undefined ? {} : { profile }),
    ...(options.flag("path-style") ? { forcePathStyle: true } : {}),
    ...credentialsOf(settings),
  };
  const client = new S3Client(config);
  reuseChecksums(client);
  if (settings.meter !== undefined) meterRequests(client, settings.meter);
  return client;
}

function credentialsOf(settings: DriverSettings): Pick<S3ClientConfig, "credentials" | "signer"> {
  const { options, env } = settings;
  if (!settings.mayUseCredentials) {
    return {
      credentials: { accessKeyId: "anonymous", secretAccessKey: "anonymous" },
      signer: { sign: async (request) => request },
    };
  }
  const local = staticKeys(options.text("access-key-id"), options.text("secret-access-key"), options.text("session-token"));
  if (local !== undefined) return { credentials: local };
  if (options.text("profile") !== undefined) return {};
  const fromEnvironment = staticKeys(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["AWS_SESSION_TOKEN"]);
  return fromEnvironment === undefined ? {} : { credentials: fromEnvironment };
}

function staticKeys(accessKeyId: string | undefined, secretAccessKey: string | undefined, sessionToken: string | undefined) {
  if (accessKeyId === undefined || accessKeyId === "" || secretAccessKey === undefined || secretAccessKey === "") return undefined;
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined || sessionToken === "" ? {} : { sessionToken }),
  };
}

/** Says where the credentials come from. */
export function describeS3Credentials(settings: DriverSettings): string {
  const { options, env } = settings;
  if (!settings.mayUseCredentials) return "none (anonymous)";
  if (options.text("access-key-id") !== undefined) return "the access key in local.yaml";
  const profile = options.text("profile");
  if (profile !== undefined) return `the profile \`${profile}\` (option \`profile\`)`;
  if ((env["AWS_ACCESS_KEY_ID"] ?? "") !== "") return "environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
  if ((env["AWS_WEB_IDENTITY_TOKEN_FILE"] ?? "") !== "") return "web identity (AWS_WEB_IDENTITY_TOKEN_FILE)";
  if ((env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] ?? env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] ?? "") !== "")
    return "the container's role";
  return `the AWS SDK's default chain (profile \`${env["AWS_PROFILE"] ?? "default"}\`, single sign-on, or the machine's role)`;
}

/** Lets the signature use the SHA-256 that is sent as checksum anyway: each byte is hashed once. */
function reuseChecksums(client: S3Client): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const checksum: unknown = Reflect.get(args.input, "ChecksumSHA256");
      if (typeof checksum === "string" && isRequest(args.request)) {
        args.request.headers["x-amz-content-sha256"] = Buffer.from(checksum, "base64").toString("hex");
      }
      return next(args);
    },
    { step: "build", name: "mlvReuseChecksum" },
  );
}

function meterRequests(client: S3Client, meter: RequestMeter): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      meter.request(KINDS[context.commandName ?? ""] ?? "other");
      const body: unknown = isRequest(args.request) ? args.request.body : undefined;
      if (typeof body === "string" || body instanceof Uint8Array) meter.sent(body.length);
      return next(args);
    },
    { step: "finalizeRequest", priority: "low", name: "mlvMeter" },
  );
}

/** Is a request on its way out, as the SDK's middleware sees it. */
export interface OutgoingRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

/** Tells whether a value of the SDK's middleware is an HTTP request. */
export function isRequest(value: unknown): value is OutgoingRequest {
  return typeof value === "object" && value !== null && "headers" in value && "hostname" in value && "path" in value;
}
