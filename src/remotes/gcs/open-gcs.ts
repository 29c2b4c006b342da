import { Storage, type StorageOptions } from "@google-cloud/storage";
import type { DriverSettings } from "../open.ts";
import type { Remote } from "../remote.ts";
import { GcsRemote } from "./gcs-remote.ts";

const PUBLIC_ENDPOINT = "https://storage.googleapis.com";

/** Opens a Google Cloud Storage remote; no request is made. */
export async function openGcs(settings: DriverSettings): Promise<Remote> {
  const { options, env } = settings;
  const keyFile = options.text("key-file") ?? env["GOOGLE_APPLICATION_CREDENTIALS"];
  const endpoint = options.text("endpoint")?.replace(/\/$/, "");
  const projectId = options.text("project") ?? env["GOOGLE_CLOUD_PROJECT"];
  const config: StorageOptions = {
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
  return new GcsRemote({
    api: {
      storage,
      bucket: settings.address.bucket,
      userProject: options.flag("requester-pays") ? projectId : undefined,
      mayUseCredentials: settings.mayUseCredentials,
      meter: settings.meter,
    },
    url: settings.url,
    prefix: settings.address.prefix,
    concurrency: options.count("concurrency") ?? 16,
    partBytes: options.bytes("part-size") ?? 16 * 1024 * 1024,
    storageClass: options.text("storage-class"),
    kmsKey: options.text("kms-key"),
    credentials: describe(settings, keyFile),
  });
}

function describe(settings: DriverSettings, keyFile: string | undefined): string {
  if (!settings.mayUseCredentials) return "none (anonymous)";
  if (settings.options.text("key-file") !== undefined) return "the key file named in local.yaml";
  if (keyFile !== undefined && keyFile !== "") return "environment variable GOOGLE_APPLICATION_CREDENTIALS";
  return "application default credentials (gcloud, workload identity, or the machine's service account)";
}
