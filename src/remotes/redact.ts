const SECRETS: readonly (readonly [RegExp, string])[] = [
  [
    /((?<![\w-])(?:sig|signature|x-amz-signature|x-amz-credential|x-amz-security-token|x-goog-signature|x-goog-credential|access_token)=)[^&\s"'<>]*/gi,
    "$1…",
  ],
  [/\b(AccountKey|SharedAccessSignature|SharedAccessKey)=[^;\s"']*/gi, "$1=…"],
  [/\b(authorization|x-amz-security-token|x-ms-copy-source-authorization)["']?\s*[:=]\s*["']?[^\r\n"']*/gi, "$1: …"],
  [/\b(Bearer|SharedKey|AWS4-HMAC-SHA256)\s+[^\s"',][^\r\n"']*/g, "$1 …"],
  [/\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g, "…"],
  [/\bya29\.[\w.-]+/g, "…"],
  [/\beyJ[\w-]{10,}\.[\w-]+\.[\w-]*/g, "…"],
  [/-----BEGIN[^-]*-----[\s\S]*?-----END[^-]*-----/g, "…"],
  [/(:\/\/)[^/@\s]*:[^/@\s]*@/g, "$1"],
];

/** Returns text from a service or SDK fit for a message: secrets of every known form replaced, control characters removed, cut at 500 characters. */
export function redactSecrets(text: string): string {
  let clean = text;
  for (const [pattern, replacement] of SECRETS) clean = clean.replace(pattern, replacement);
  // eslint-disable-next-line no-control-regex
  clean = clean.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+/g, " ").trim();
  return clean.length > 500 ? `${clean.slice(0, 500)}…` : clean;
}
