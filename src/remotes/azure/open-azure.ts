import type { DriverSettings } from "../open.ts";
import type { Remote } from "../remote.ts";
import { createAzureAccess } from "./azure-client.ts";
import { AzureRemote } from "./azure-remote.ts";

/** Opens an Azure Blob Storage remote; no request is made. Throws `misconfigured` when no account is named. */
export async function openAzure(settings: DriverSettings): Promise<Remote> {
  const { options } = settings;
  return new AzureRemote({
    access: await createAzureAccess(settings),
    url: settings.url,
    prefix: settings.address.prefix,
    concurrency: options.count("concurrency") ?? 16,
    partBytes: options.bytes("part-size") ?? 16 * 1024 * 1024,
    tier: options.text("storage-class"),
    encryptionScope: options.text("encryption-scope"),
    meter: settings.meter,
  });
}
