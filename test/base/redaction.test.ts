import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { redact } from "../../src/base/redaction.ts";

const CANARY = "C4n4ryC4n4ryC4n4ry";

describe("redaction", () => {
  test.each([
    `cannot reach https://user:${CANARY}@host/path`,
    `cannot reach s3://${CANARY}@bucket/x`,
    `HTTPS://${CANARY}:${CANARY}@host`,
    `GET https://account.blob.core.windows.net/c/b?sv=2024&sig=${CANARY}%3D&se=1`,
    `https://b.s3.amazonaws.com/k?X-Amz-Signature=${CANARY}&X-Amz-Credential=${CANARY}&X-Amz-Security-Token=${CANARY}`,
    `https://storage.googleapis.com/b?X-Goog-Signature=${CANARY}&x-goog-credential=${CANARY}`,
    `?AWSAccessKeyId=${CANARY}&Signature=${CANARY}`,
    `https://host/?access_token=${CANARY}`,
    `DefaultEndpointsProtocol=https;AccountName=a;AccountKey=${CANARY}==;EndpointSuffix=x`,
    `SharedAccessSignature=${CANARY}`,
    `SharedAccessKey=${CANARY}`,
    `authorization: Bearer ${CANARY}.${CANARY}`,
    `Authorization: Basic ${CANARY}==`,
    `AWS4-HMAC-SHA256 Credential=${CANARY}`,
    `{"secret": "${CANARY}"}`,
    `password = ${CANARY}`,
    `aws_secret_access_key=${CANARY}`,
    `aws_session_token: ${CANARY}`,
    `client_secret='${CANARY}'`,
  ])("leaves nothing of the secret in %j", (text) => {
    expect(redact(text)).not.toContain(CANARY);
    expect(redact(text)).toContain("***");
  });

  test("keeps the first eight characters of an access key's id, and no more", () => {
    expect(redact("key AKIAABCDEFGHIJKLMNOP is unknown")).toBe("key AKIAABCD*** is unknown");
    expect(redact("ASIAABCDEFGHIJKLMNOP")).toBe("ASIAABCD***");
  });

  test("keeps what a reader needs around a secret", () => {
    expect(redact(`https://user:${CANARY}@host:9000/bucket?sig=${CANARY}&se=1 failed`)).toBe(
      "https://***@host:9000/bucket?sig=***&se=1 failed",
    );
  });

  test.each([
    "pushed data/train.csv to s3://ml-data/churn (12 requests)",
    "the token bucket is empty",
    "mail a@b.example about https://host/path",
    "4d7a9e2b8c01d35f6a4e7b90c2d8f1a35e6b7c8d9e0f1a2b3c4d5e6f70819203",
    "Basic usage: mlv add PATH",
    "no secret here",
  ])("leaves %j as it is", (text) => {
    expect(redact(text)).toBe(text);
  });

  test("done twice is the same as done once", () => {
    const piece = fc.constantFrom(
      "https://a:b@c ",
      "sig=abc&",
      "secret: abcdef ",
      "Bearer abcdefghij ",
      "AKIAABCDEFGHIJKLMNOP",
      "x",
      " ",
      "@",
      "://",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const once = redact(pieces.join(""));
        expect(redact(once)).toBe(once);
      }),
    );
  });

  test("of a long hostile text ends: a pattern that goes back over it again and again would run into the limit of a test", () => {
    for (const text of [
      "a://".repeat(20_000),
      `https://${"a".repeat(200_000)}`,
      "secret".repeat(20_000),
      "Bearer ".repeat(20_000),
      "a".repeat(200_000),
    ]) {
      expect(redact(text)).not.toBe("");
    }
  });
});
