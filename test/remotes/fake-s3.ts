/** A small S3: one bucket in memory, conditional writes, checked checksums, multipart uploads, pages of 1,000; any credentials but none. */
import { createHash, randomUUID } from "node:crypto";
import { crc32 } from "node:zlib";
import { applyRange, startFakeHttp, type FakeAnswer, type FakeRequest } from "./fake-http.ts";
import type { RunningServer } from "./servers.ts";

interface StoredObject {
  readonly body: Buffer;
  readonly etag: string;
  readonly checksum: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly modified: Date;
}

interface StoredUpload {
  readonly key: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly initiated: Date;
  readonly parts: Map<number, { readonly body: Buffer; readonly etag: string; readonly checksum: string }>;
}

/** Starts the server with an empty bucket. */
export async function startFakeS3(bucket: string): Promise<RunningServer> {
  const store = new FakeS3(bucket);
  const server = await startFakeHttp((request) => store.handle(request));
  return {
    name: "fake-s3",
    url: `s3://${bucket}`,
    options: { endpoint: server.url, region: "us-east-1", "path-style": "true" },
    env: { AWS_ACCESS_KEY_ID: "mlvtest", AWS_SECRET_ACCESS_KEY: "mlvtest-secret-canary", AWS_REGION: "us-east-1" },
    secrets: ["mlvtest-secret-canary"],
    stop: () => server.stop(),
  };
}

class FakeS3 {
  readonly #bucket: string;
  readonly #objects = new Map<string, StoredObject>();
  readonly #uploads = new Map<string, StoredUpload>();

  constructor(bucket: string) {
    this.#bucket = bucket;
  }

  handle(request: FakeRequest): FakeAnswer {
    const { query } = request;
    if (request.headers.authorization === undefined && !query.has("X-Amz-Signature")) return failure(403, "AccessDenied");
    if (isExpired(query)) return failure(403, "AccessDenied");
    const [, bucket = "", ...rest] = request.path.split("/");
    if (bucket !== this.#bucket) return failure(404, "NoSuchBucket");
    const key = rest.join("/");
    if (key === "") return this.#onBucket(request);
    if (query.has("uploads") && request.method === "POST") return this.#begin(request, key);
    const uploadId = query.get("uploadId");
    if (uploadId !== null) return this.#onUpload(request, uploadId, key);
    switch (request.method) {
      case "PUT":
        return this.#put(request, key);
      case "GET":
      case "HEAD":
        return this.#get(request, key);
      case "DELETE":
        this.#objects.delete(key);
        return { status: 204 };
      default:
        return failure(405, "MethodNotAllowed");
    }
  }

  #onBucket(request: FakeRequest): FakeAnswer {
    const { query } = request;
    if (query.has("delete")) {
      for (const [, key] of String(request.body).matchAll(/<Key>([^<]*)<\/Key>/g)) this.#objects.delete(unescapeXml(key ?? ""));
      return xml("<DeleteResult></DeleteResult>");
    }
    const prefix = query.get("prefix") ?? "";
    if (query.has("uploads")) {
      const uploads = [...this.#uploads].filter(([, upload]) => upload.key.startsWith(prefix));
      const rows = uploads.map(
        ([id, { key, initiated }]) =>
          `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${initiated.toISOString()}</Initiated></Upload>`,
      );
      return xml(`<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${rows.join("")}</ListMultipartUploadsResult>`);
    }
    const after = query.get("continuation-token") ?? query.get("start-after") ?? "";
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
    const page = keys.slice(0, 1000);
    const rows = page.map((key) => {
      const { body, etag, modified } = this.#objects.get(key) as StoredObject;
      return `<Contents><Key>${key}</Key><Size>${body.length}</Size><ETag>${etag}</ETag><LastModified>${modified.toISOString()}</LastModified></Contents>`;
    });
    const next = keys.length > page.length ? `<NextContinuationToken>${page.at(-1) ?? ""}</NextContinuationToken>` : "";
    const truncated = `<IsTruncated>${next !== ""}</IsTruncated>`;
    return xml(
      `<ListBucketResult><Name>${this.#bucket}</Name><KeyCount>${page.length}</KeyCount>${truncated}${next}${rows.join("")}</ListBucketResult>`,
    );
  }

  #put(request: FakeRequest, key: string): FakeAnswer {
    const wrong = checkBody(request) ?? this.#checkConditions(request, key);
    if (wrong !== undefined) return wrong;
    const object = this.#store(key, request.body, md5(request.body), sha256(request.body), metadataOf(request));
    return { status: 200, headers: { etag: object.etag, "x-amz-checksum-sha256": object.checksum } };
  }

  #get(request: FakeRequest, key: string): FakeAnswer {
    const object = this.#objects.get(key);
    if (object === undefined) return failure(404, "NoSuchKey");
    const { etag, checksum, metadata, modified } = object;
    const wanted = request.headers["if-match"];
    if (wanted !== undefined && wanted !== etag) return failure(412, "PreconditionFailed");
    const range = applyRange(object.body, request.headers.range);
    if (range === undefined) return failure(416, "InvalidRange");
    const meta = Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value]));
    return {
      status: range.status,
      body: range.body,
      headers: {
        ...meta,
        etag,
        "last-modified": modified.toUTCString(),
        "content-length": String(range.body.length),
        ...(range.contentRange === undefined ? {} : { "content-range": range.contentRange }),
        ...(request.headers["x-amz-checksum-mode"] === undefined ? {} : { "x-amz-checksum-sha256": checksum }),
      },
    };
  }

  #begin(request: FakeRequest, key: string): FakeAnswer {
    const id = randomUUID();
    this.#uploads.set(id, { key, metadata: metadataOf(request), initiated: new Date(), parts: new Map() });
    return xml(`<InitiateMultipartUploadResult><Key>${key}</Key><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
  }

  #onUpload(request: FakeRequest, id: string, key: string): FakeAnswer {
    const upload = this.#uploads.get(id);
    if (upload === undefined || upload.key !== key) return failure(404, "NoSuchUpload");
    switch (request.method) {
      case "PUT": {
        const wrong = checkBody(request);
        if (wrong !== undefined) return wrong;
        const part = { body: request.body, etag: md5(request.body), checksum: sha256(request.body) };
        upload.parts.set(Number(request.query.get("partNumber")), part);
        return { status: 200, headers: { etag: part.etag, "x-amz-checksum-sha256": part.checksum } };
      }
      case "GET": {
        const rows = [...upload.parts].map(
          ([number, { body, etag, checksum }]) =>
            `<Part><PartNumber>${number}</PartNumber><Size>${body.length}</Size><ETag>${etag}</ETag><ChecksumSHA256>${checksum}</ChecksumSHA256></Part>`,
        );
        return xml(`<ListPartsResult><IsTruncated>false</IsTruncated>${rows.join("")}</ListPartsResult>`);
      }
      case "DELETE":
        this.#uploads.delete(id);
        return { status: 204 };
      case "POST":
        return this.#complete(request, id, upload);
      default:
        return failure(405, "MethodNotAllowed");
    }
  }

  #complete(request: FakeRequest, id: string, upload: StoredUpload): FakeAnswer {
    const conflict = checkBody(request) ?? this.#checkConditions(request, upload.key);
    if (conflict !== undefined) return conflict;
    const bodies: Buffer[] = [];
    const checksums: Buffer[] = [];
    for (const [, piece = ""] of String(request.body).matchAll(/<Part>(.*?)<\/Part>/gs)) {
      const part = upload.parts.get(Number(/<PartNumber>(\d+)</.exec(piece)?.[1]));
      if (part === undefined || unescapeXml(/<ETag>([^<]*)</.exec(piece)?.[1] ?? "") !== part.etag) return failure(400, "InvalidPart");
      bodies.push(part.body);
      checksums.push(Buffer.from(part.checksum, "base64"));
    }
    if (bodies.slice(0, -1).some((body) => body.length < 5 * 1024 * 1024)) return failure(400, "EntityTooSmall");
    const body = Buffer.concat(bodies);
    const etag = `"${md5(body).slice(1, -1)}-${bodies.length}"`;
    const object = this.#store(upload.key, body, etag, `${sha256(Buffer.concat(checksums))}-${bodies.length}`, upload.metadata);
    this.#uploads.delete(id);
    return xml(`<CompleteMultipartUploadResult><Key>${upload.key}</Key><ETag>${object.etag}</ETag></CompleteMultipartUploadResult>`);
  }

  #store(key: string, body: Buffer, etag: string, checksum: string, metadata: Readonly<Record<string, string>>): StoredObject {
    const object = { body, etag, checksum, metadata, modified: new Date() };
    this.#objects.set(key, object);
    return object;
  }

  #checkConditions(request: FakeRequest, key: string): FakeAnswer | undefined {
    const object = this.#objects.get(key);
    if (request.headers["if-none-match"] === "*" && object !== undefined) return failure(412, "PreconditionFailed");
    const wanted = request.headers["if-match"];
    if (wanted === undefined) return undefined;
    if (object === undefined) return failure(404, "NoSuchKey");
    return object.etag === wanted ? undefined : failure(412, "PreconditionFailed");
  }
}

function isExpired(query: URLSearchParams): boolean {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(query.get("X-Amz-Date") ?? "") ?? [];
  if (year === undefined) return false;
  const signedAt = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Date.now() > signedAt + Number(query.get("X-Amz-Expires")) * 1000;
}

function checkBody(request: FakeRequest): FakeAnswer | undefined {
  const { headers, body } = request;
  if (Number(headers["content-length"] ?? body.length) !== body.length) return failure(400, "IncompleteBody");
  const checks: readonly (readonly [string | string[] | undefined, () => string])[] = [
    [headers["x-amz-checksum-sha256"], () => sha256(body)],
    [headers["x-amz-checksum-crc32"], () => crc(body)],
    [headers["content-md5"], () => createHash("md5").update(body).digest("base64")],
  ];
  for (const [given, compute] of checks) if (given !== undefined && given !== compute()) return failure(400, "BadDigest");
  const signed = headers["x-amz-content-sha256"];
  const isHash = typeof signed === "string" && /^[0-9a-f]{64}$/.test(signed);
  return isHash && signed !== createHash("sha256").update(body).digest("hex") ? failure(400, "XAmzContentSHA256Mismatch") : undefined;
}

function metadataOf(request: FakeRequest): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (name.startsWith("x-amz-meta-") && typeof value === "string") metadata[name.slice(11)] = value;
  }
  return metadata;
}

function md5(body: Buffer): string {
  return `"${createHash("md5").update(body).digest("hex")}"`;
}

function sha256(body: Buffer): string {
  return createHash("sha256").update(body).digest("base64");
}

function crc(body: Buffer): string {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(crc32(body));
  return value.toString("base64");
}

function unescapeXml(text: string): string {
  return text.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

function xml(body: string): FakeAnswer {
  return { status: 200, headers: { "content-type": "application/xml" }, body: `<?xml version="1.0" encoding="UTF-8"?>${body}` };
}

function failure(status: number, code: string): FakeAnswer {
  return { ...xml(`<Error><Code>${code}</Code><Message>${code}</Message></Error>`), status };
}
