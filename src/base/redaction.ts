const SECRETS: readonly (readonly [RegExp, string])[] = [
  // The scheme is not matched: looking for its beginning would take quadratic time in a long text.
  [/(:\/\/)[^/\s@]*@/g, "$1***@"],
  [
    // Behind a slash it is a folder of a partitioned data set, `data/token=7/part-0.parquet`.
    /(?<!\/)\b(sig|X-Amz-(?:Signature|Credential|Security-Token)|X-Goog-(?:Signature|Credential)|AWSAccessKeyId|Signature|access_token|token)=[^&\s"'`]+/gi,
    "$1=***",
  ],
  [/\b(AccountKey|SharedAccessSignature|SharedAccessKey)=[^;\s"'`]+/gi, "$1=***"],
  [/\b(Bearer|Basic|AWS4-HMAC-SHA256)\s+[A-Za-z0-9+/=._~-]{8,}[^\s"'`]*/g, "$1 ***"],
  [/\b(A(?:KIA|SIA)[0-9A-Z]{4})[0-9A-Z]{12}\b/g, "$1***"],
  [/((?:secret|password|passwd|aws_secret_access_key|aws_session_token)["']?\s*[:=]\s*["']?)[^\s"'`,}]{4,}/gi, "$1***"],
];

/** Returns a text with every secret in it replaced by `***`: URL user data, signatures, keys, tokens, passwords. */
export function redact(text: string): string {
  let result = text;
  for (const [pattern, replacement] of SECRETS) result = result.replace(pattern, replacement);
  return result;
}
