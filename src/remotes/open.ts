import type { AbsolutePath } from "../base/ids.ts";
import type { RemoteConfig } from "../formats/remote-config.ts";
import { formatBucketUrl, parseRemoteAddress, type RemoteAddress } from "./remote-address.ts";
import { RemoteError } from "./remote-error.ts";
import { readRemoteOptions, type RemoteOptions } from "./remote-options.ts";
import type { Remote } from "./remote.ts";
import type { RequestMeter } from "./request-meter.ts";
import { withCounting } from "./wrappers/counting.ts";
import { withIdleTimeout } from "./wrappers/idle.ts";
import { withConcurrencyLimit } from "./wrappers/limit.ts";
import { withRetry } from "./wrappers/retry.ts";

/** Carries what opening a remote needs from outside: nothing here reads the environment by itself. */
export interface OpenContext {
  readonly repositoryRoot: AbsolutePath | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Tells whether the user lets an endpoint's host (`host` or `host:port`) have credentials. */
  isTrusted(endpointHost: string): boolean;
  /** Counts the requests and bytes that really travel, retries included. */
  readonly meter?: RequestMeter | undefined;
  /** How often a failing request is tried again where the remote's options do not say; 8 when absent. */
  readonly retries?: number | undefined;
  /** Told when throttling lowered, or quiet raised, the number of requests at once. */
  readonly onConcurrency?: ((limit: number) => void) | undefined;
  /** Told before a retry waits. */
  readonly onRetry?: ((error: RemoteError, waitMs: number) => void) | undefined;
}

/** Is what a cloud driver is opened with. */
export interface DriverSettings {
  readonly address: Extract<RemoteAddress, { bucket: string }>;
  /** The address for messages. */
  readonly url: string;
  readonly options: RemoteOptions;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** False when the endpoint came with a commit and nobody trusted it: then the driver must send no credentials. */
  readonly mayUseCredentials: boolean;
  readonly meter: RequestMeter | undefined;
}

/**
 * Opens a remote: parses its URL once, loads only the driver that its scheme needs, and wraps it: a limit on silence,
 * a number of requests at once that throttling lowers, and retries.
 * No request is made. Throws `misconfigured` for a URL or option that cannot be used, and `untrusted` for an endpoint that came with
 * a commit and was never trusted here (unless the remote is anonymous).
 */
export async function openRemote(config: RemoteConfig, context: OpenContext): Promise<Remote> {
  const address = parseRemoteAddress(config.url, context.repositoryRoot);
  const options = readRemoteOptions(config, address.scheme);
  const driver = await openDriver(config, context, address, options);
  const retries = options.count("retries") ?? context.retries;
  const watched = withIdleTimeout(driver, options.milliseconds("idle-timeout") ?? DEFAULT_IDLE_MS);
  const limited = withConcurrencyLimit(watched, { limit: driver.capabilities.concurrency, ...pick("onChange", context.onConcurrency) });
  return withRetry(limited, { ...pick("retries", retries), onRetry: context.onRetry });
}

const DEFAULT_IDLE_MS = 60_000;

function pick<Name extends string, Value>(name: Name, value: Value | undefined): { [Key in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [Key in Name]?: Value });
}

async function openDriver(config: RemoteConfig, context: OpenContext, address: RemoteAddress, options: RemoteOptions): Promise<Remote> {
  if (address.scheme === "folder") {
    const { FolderRemote } = await import("./folder/folder-remote.ts");
    const folder = new FolderRemote(address.root, options.count("concurrency"));
    return context.meter === undefined ? folder : withCounting(folder, context.meter);
  }
  assertTrusted(config, context, options);
  const settings: DriverSettings = {
    address,
    url: formatBucketUrl(address),
    options,
    env: context.env,
    mayUseCredentials: !options.flag("anonymous"),
    meter: context.meter,
  };
  switch (address.scheme) {
    case "s3":
      return (await import("./s3/open-s3.ts")).openS3(settings);
    case "gs":
      return (await import("./gcs/open-gcs.ts")).openGcs(settings);
    case "az":
      return (await import("./azure/open-azure.ts")).openAzure(settings);
  }
}

function assertTrusted(config: RemoteConfig, context: OpenContext, options: RemoteOptions): void {
  const endpoint = options.text("endpoint");
  if (config.origin !== "committed" || endpoint === undefined || options.flag("anonymous")) return;
  const { host } = new URL(endpoint);
  if (context.isTrusted(host)) return;
  throw new RemoteError(
    "untrusted",
    `the remote \`${config.name}\` names the endpoint \`${host}\`, which nobody has trusted on this machine`,
    {
      hint: `\`mlv remote trust ${config.name}\` lets it have your credentials; in CI set MLV_TRUST_ENDPOINTS=${host}`,
      details: { host, remote: config.name },
    },
  );
}
