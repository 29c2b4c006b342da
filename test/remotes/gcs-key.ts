import { generateKeyPairSync } from "node:crypto";
import * as fs from "node:fs";
import os from "node:os";
import path from "node:path";

/** Is a service account's key in a file. */
export interface GcsKey {
  readonly file: string;
  /** The middle of the private key, which nothing may print. */
  readonly secret: string;
  remove(): void;
}

/**
 * Writes the key of a service account in a cloud of its own ("universe"): Google's libraries then sign their tokens themselves and ask no
 * server for them, so that tests send real credentials without a network.
 */
export function writeGcsKey(): GcsKey {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mlv-gcs-key-"));
  const file = path.join(folder, "key.json");
  const key = {
    type: "service_account",
    project_id: "test",
    private_key_id: "test-key",
    private_key: privateKey,
    client_email: "mlv@test.iam.gserviceaccount.com",
    universe_domain: "mlv.test",
  };
  fs.writeFileSync(file, JSON.stringify(key), { mode: 0o600 });
  return {
    file,
    secret: privateKey.split("\n")[5] ?? "",
    remove: () => fs.rmSync(folder, { recursive: true, force: true }),
  };
}
