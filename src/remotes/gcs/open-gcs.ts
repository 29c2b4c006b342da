import { Storage, type StorageOptions } from "@google-cloud/storage";
import type { DriverSettings } from "../open.ts";
import { RemoteError } from "../remote-error.ts";
import type { Remote } from "../remote.ts";
import { GcsRemote } from "./gcs-remote.ts";

const PUBLIC_ENDPOINT = "https://storage.googleapis.com";

/** Opens a Google Cloud Storage remote; no request is made. */
export async function openGcs(settings: DriverSettings): Promise<Remote> {
  const { options, env } = settings;
  const named = env["GOOGLE_APPLICATION_CREDENTIALS"];
  // What the process's own environment names, the SDK finds by itself.
  const keyFile = options.text("key-file") ?? (named === process.env["GOOGLE_APPLICATION_CREDENTIALS"] ? undefined : named);
  const endpoint = options.text("endpoint")?.replace(/\/$/, "");
  const projectId = options.text("project") ?? env["GOOGLE_CLOUD_PROJECT"];
  if (options.flag("requester-pays") && projectId === undefined) {
    throw new RemoteError("misconfigured", `${settings.url} is to bill a project (\`requester-pays\`), and none is named`, {
      hint: "set the option `project`, or GOOGLE_CLOUD_PROJECT",
    });
  }
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
  const storage = quietly(() => new Storage(config));
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
    credentials: describe(settings),
  });
}

function describe(settings: DriverSettings): string {
  if (!settings.mayUseCredentials) return "none (anonymous)";
  if (settings.options.text("key-file") !== undefined) return "the key file named in local.yaml";
  if ((settings.env["GOOGLE_APPLICATION_CREDENTIALS"] ?? "") !== "") return "environment variable GOOGLE_APPLICATION_CREDENTIALS";
  return "application default credentials (gcloud, workload identity, or the machine's service account)";
}

/** Runs the SDK's constructor, which writes advice to its callers' authors onto the user's stderr when a key file is named. */
function quietly<T>(work: () => T): T {
  /* eslint-disable no-console */
  const { warn } = console;
  console.warn = () => undefined;
  try {
    return work();
  } finally {
    console.warn = warn;
  }
  /* eslint-enable no-console */
}
