import { expect, test } from "vitest";
import { redact } from "../../src/base/redaction.ts";

/** Is no real secret; a leak of any of these is a leak of what stands where it stands. */
const CANARY = "CaNaRy0123456789abcdef";

/** Secrets as they stand in URLs, headers, configuration and messages of SDKs. */
const LEAKS: readonly (readonly [where: string, text: string])[] = [
  ["URL with user and password", `https://user:${CANARY}@host/path`],
  ["URL with a user that is a token", `https://${CANARY}@github.com/a/b.git`],
  ["URL in the middle of a message", `fatal: unable to access 'https://x:${CANARY}@host/': 403`],
  ["S3 presigned URL, signature", `https://b.s3.amazonaws.com/k?X-Amz-Date=1&X-Amz-Signature=${CANARY}`],
  ["S3 presigned URL, credential", `https://b.s3.amazonaws.com/k?X-Amz-Credential=${CANARY}/20261121/eu/s3/aws4_request&x=1`],
  ["S3 presigned URL, session token", `https://b.s3.amazonaws.com/k?x-amz-security-token=${CANARY}`],
  ["S3 presigned URL, old style", `https://b/k?AWSAccessKeyId=${CANARY}&Expires=1&Signature=${CANARY}`],
  ["GCS signed URL", `https://storage.googleapis.com/b/k?X-Goog-Credential=${CANARY}&X-Goog-Signature=${CANARY}`],
  ["Azure SAS", `https://a.blob.core.windows.net/c?sv=2024&sig=${CANARY}%3D`],
  ["Azure connection string, key", `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${CANARY}==;EndpointSuffix=core`],
  ["Azure connection string, SAS", `BlobEndpoint=https://a/;SharedAccessSignature=${CANARY}`],
  ["Azure connection string, shared key", `Endpoint=sb://x/;SharedAccessKey=${CANARY}`],
  ["bearer token", `Authorization: Bearer ${CANARY}.${CANARY}`],
  ["basic credentials", `authorization: Basic ${CANARY}==`],
  ["S3 authorization header", `Authorization: AWS4-HMAC-SHA256 Credential=${CANARY}/x, SignedHeaders=host, Signature=${CANARY}`],
  ["OAuth token in a query", `https://host/x?access_token=${CANARY}`],
  ["token in a query", `https://host/x?token=${CANARY}#top`],
  ["secret in YAML", `secret: ${CANARY}`],
  ["secret key in INI", `aws_secret_access_key = ${CANARY}`],
  ["session token in INI", `aws_session_token=${CANARY}`],
  ["secret in JSON", `{"clientSecret":"x","secret":"${CANARY}"}`],
  ["password in JSON", `{"password": "${CANARY}"}`],
  ["password in a message", `wrong password: '${CANARY}'`],
  ["secret in an environment's dump", `AWS_SECRET_ACCESS_KEY=${CANARY}`],
];

for (const [where, text] of LEAKS) {
  test(`a secret is not shown: ${where}`, () => {
    expect(redact(text)).not.toContain(CANARY);
    expect(redact(text)).toContain("***");
  });
}

test("the second half of an access key's id is not shown", () => {
  expect(redact("the key AKIAIOSFODNN7EXAMPLE was refused")).toBe("the key AKIAIOSF*** was refused");
});

test("several secrets in one text all go, on every line", () => {
  const text = LEAKS.map(([, leak]) => leak).join("\n");
  expect(redact(text)).not.toContain(CANARY);
  expect(redact(text).split("\n")).toHaveLength(LEAKS.length);
});

test("what is no secret stays as it is", () => {
  for (const text of [
    "cannot push `data/train.csv` to `origin` (s3://ml-data/churn)",
    "https://host:8443/path?versionId=3&prefix=a",
    "ada@example.com changed data/users.csv",
    "git@github.com:team/data.git",
    "4d7a9e2b8c01d35f6a4e7b90c2d8f1a35e6b7c8d9e0f1a2b3c4d5e6f70819203",
    "run `mlv config set --local remotes.origin.endpoint http://localhost:9000`",
    "the column `secretary` has 3 rows",
  ])
    expect(redact(text)).toBe(text);
});

test("redacting twice changes nothing more", () => {
  for (const [, text] of LEAKS) expect(redact(redact(text))).toBe(redact(text));
});
