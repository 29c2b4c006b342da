import {
  AnonymousCredential,
  BlobServiceClient,
  newPipeline,
  StorageSharedKeyCredential,
  type ContainerClient,
  type RequestPolicyFactory,
} from "@azure/storage-blob";
import type { TokenCredential } from "@azure/identity";
import type { DriverSettings } from "../open.ts";
import { RemoteError } from "../remote-error.ts";
import type { RequestKind, RequestMeter } from "../request-meter.ts";

/** Is a container's client with what is known of its credentials. */
export interface AzureAccess {
  readonly service: BlobServiceClient;
  readonly container: ContainerClient;
  /** Says whose signature a signed URL can carry. */
  readonly signer: "key" | "user" | undefined;
  readonly credentials: string;
  /** Present when credentials come from Azure's identity chain. */
  readonly token?: TokenCredential;
}

type Credential = AnonymousCredential | StorageSharedKeyCredential | TokenCredential;

/**
 * Makes the SDK's clients. Credentials, the first that is there: anonymous; SAS token, connection string, account key, each from local
 * options or else the environment; Azure's identity chain, loaded only then.
 */
export async function createAzureAccess(settings: DriverSettings): Promise<AzureAccess> {
  const { options, env } = settings;
  const connection = parseConnectionString(options.text("connection-string") ?? env["AZURE_STORAGE_CONNECTION_STRING"]);
  const account = options.text("account") ?? connection["AccountName"] ?? env["AZURE_STORAGE_ACCOUNT"];
  const endpoint =
    options.text("endpoint") ?? connection["BlobEndpoint"] ?? publicEndpoint(settings, account, connection["EndpointSuffix"]);
  const open = (
    credential: Credential,
    rest: Pick<AzureAccess, "signer" | "credentials"> & { readonly token?: TokenCredential },
    query = "",
  ): AzureAccess => {
    const pipeline = newPipeline(credential, { retryOptions: { maxTries: 1 }, userAgentOptions: { userAgentPrefix: "mlv" } });
    if (settings.meter !== undefined) pipeline.factories.push(meterFactory(settings.meter));
    const service = new BlobServiceClient(endpoint.replace(/\/$/, "") + query, pipeline);
    return { service, container: service.getContainerClient(settings.address.bucket), ...rest };
  };
  if (!settings.mayUseCredentials) return open(new AnonymousCredential(), { signer: undefined, credentials: "none (anonymous)" });

  const fromConnection = options.text("connection-string") === undefined ? "AZURE_STORAGE_CONNECTION_STRING" : "local.yaml";
  const sas = firstNamed([
    [options.text("sas-token"), "local.yaml"],
    [env["AZURE_STORAGE_SAS_TOKEN"], "AZURE_STORAGE_SAS_TOKEN"],
    [connection["SharedAccessSignature"], fromConnection],
  ]);
  if (sas !== undefined) {
    const credentials = `a shared access signature (${sas.from})`;
    return open(new AnonymousCredential(), { signer: undefined, credentials }, `?${sas.value.replace(/^\?/, "")}`);
  }
  const key = firstNamed([
    [options.text("account-key"), "local.yaml"],
    [connection["AccountKey"], fromConnection],
    [env["AZURE_STORAGE_KEY"], "AZURE_STORAGE_KEY"],
  ]);
  if (key !== undefined) {
    if (account === undefined) throw noAccount(settings.url);
    return open(new StorageSharedKeyCredential(account, key.value), { signer: "key", credentials: `the account's key (${key.from})` });
  }
  const { DefaultAzureCredential } = await import("@azure/identity");
  const token = new DefaultAzureCredential();
  const credentials = "Azure's identity chain (environment, workload identity, managed identity, Azure CLI)";
  return open(token, { signer: "user", credentials, token });
}

/** Returns the first text that is there and not empty, and where it comes from. */
function firstNamed(
  candidates: readonly (readonly [value: string | undefined, from: string])[],
): { readonly value: string; readonly from: string } | undefined {
  for (const [value, from] of candidates) if (value !== undefined && value !== "") return { value, from };
  return undefined;
}

function publicEndpoint(settings: DriverSettings, account: string | undefined, suffix: string | undefined): string {
  if (account === undefined) throw noAccount(settings.url);
  if (!/^[a-z0-9]{3,24}$/.test(account))
    throw new RemoteError("misconfigured", `\`${account}\` is not a possible name of an Azure storage account`);
  const domain = suffix !== undefined && /^[a-z0-9.-]+$/.test(suffix) ? suffix : "core.windows.net";
  return `https://${account}.blob.${domain}`;
}

function noAccount(url: string): RemoteError {
  return new RemoteError("misconfigured", `${url} names a container but no storage account`, {
    hint: "set the option `account`, or AZURE_STORAGE_ACCOUNT",
  });
}

function parseConnectionString(text: string | undefined): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  for (const part of (text ?? "").split(";")) {
    const at = part.indexOf("=");
    if (at > 0) fields[part.slice(0, at).trim()] = part.slice(at + 1).trim();
  }
  return fields;
}

function meterFactory(meter: RequestMeter): RequestPolicyFactory {
  return {
    create: (nextPolicy) => ({
      sendRequest(request) {
        meter.request(kindOf(request.method, request.url));
        const body: unknown = request.body;
        if (body instanceof Uint8Array || typeof body === "string") meter.sent(body.length);
        return nextPolicy.sendRequest(request);
      },
    }),
  };
}

function kindOf(method: string, url: string): RequestKind {
  if (method === "HEAD") return "stat";
  if (method === "DELETE" || /[?&]comp=batch/.test(url)) return "remove";
  if (method === "PUT") return "put";
  return /[?&]comp=list(?:&|$)/.test(url) ? "list" : "get";
}
