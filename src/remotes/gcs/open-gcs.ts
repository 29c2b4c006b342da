import { Storage, type StorageOptions } from "@google-cloud/storage";
import type { DriverSettings } from "../open.ts";
import type { Remote } from "../remote.ts";
import type { RequestKind, RequestMeter } from "../request-meter.ts";
import { GcsRemote } from "./gcs-remote.ts";

const PUBLIC_ENDPOINT = "https://storage.googleapis.com";

/** Opens a Google Cloud Storage remote; no request is made. */
export async function openGcs(settings: DriverSettings): Promise<Remote> {
  const { options, env } = settings;
  const keyFile = options.text("key-file") ?? env["GOOGLE_APPLICATION_CREDENTIALS"];
  const endpoint = options.text("endpoint")?.replace(/\/$/, "");
  const projectId = options.text("project") ?? env["GOOGLE_CLOUD_PROJECT"];
  const config: StorageOptions = {
    retryOptions: { autoRetry: false, maxRetries: 0 },
    userAgent: "mlv",
    ...(projectId === undefined ? {} : { projectId }),
    ...(keyFile === undefined || keyFile === "" ? {} : { keyFilename: keyFile }),
    // With an endpoint that is named, the SDK sends credentials only when it is told to.
    ...(settings.mayUseCredentials
      ? endpoint === undefined
        ? {}
        : { apiEndpoint: endpoint, useAuthWithCustomEndpoint: true }
      : { apiEndpoint: endpoint ?? PUBLIC_ENDPOINT, useAuthWithCustomEndpoint: false, projectId: projectId ?? "none" }),
  };
  const storage = new Storage(config);
  if (settings.meter !== undefined) meterRequests(storage, settings.meter);
  const bucket = storage.bucket(
    settings.address.bucket,
    options.flag("requester-pays") && projectId !== undefined ? { userProject: projectId } : {},
  );
  return new GcsRemote({
    storage,
    bucket,
    url: settings.url,
    prefix: settings.address.prefix,
    concurrency: options.count("concurrency") ?? 16,
    partBytes: options.bytes("part-size") ?? 16 * 1024 * 1024,
    storageClass: options.text("storage-class"),
    kmsKey: options.text("kms-key"),
    mayUseCredentials: settings.mayUseCredentials,
    credentials: describe(settings, keyFile),
    meter: settings.meter,
  });
}

function describe(settings: DriverSettings, keyFile: string | undefined): string {
  if (!settings.mayUseCredentials) return "none (anonymous)";
  if (settings.options.text("key-file") !== undefined) return "the key file named in local.yaml";
  if (keyFile !== undefined && keyFile !== "") return "environment variable GOOGLE_APPLICATION_CREDENTIALS";
  return "application default credentials (gcloud, workload identity, or the machine's service account)";
}

function meterRequests(storage: Storage, meter: RequestMeter): void {
  storage.interceptors.push({
    request(request) {
      const uri: unknown = Reflect.get(request, "uri");
      const query: unknown = Reflect.get(request, "qs");
      meter.request(kindOf(request.method ?? "GET", String(uri), JSON.stringify(query ?? {})));
      return request as ReturnType<NonNullable<Storage["interceptors"][number]["request"]>>;
    },
  });
}

function kindOf(method: string, uri: string, query: string): RequestKind {
  if (method === "DELETE") return "remove";
  if (method === "POST" || method === "PUT") return "put";
  if (query.includes('"alt":"media"')) return "get";
  return /\/o$/.test(uri) ? "list" : "stat";
}
