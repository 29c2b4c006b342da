/** A small Google Cloud Storage: one bucket in memory, generation conditions, checked MD5, compose, pages of 1,000; any credentials but none. */
import { createHash } from "node:crypto";
import { applyRange, startFakeHttp, type FakeAnswer, type FakeRequest } from "./fake-http.ts";
import { writeGcsKey } from "./gcs-key.ts";
import type { RunningServer } from "./servers.ts";

interface StoredObject {
  readonly body: Buffer;
  readonly generation: string;
  readonly metadata: unknown;
  readonly modified: Date;
}

/** Starts the server with an empty bucket. */
export async function startFakeGcs(bucket: string): Promise<RunningServer> {
  const store = new FakeGcs(bucket);
  const server = await startFakeHttp((request) => store.handle(request));
  const key = writeGcsKey();
  return {
    name: "fake-gcs",
    url: `gs://${bucket}`,
    options: { endpoint: server.url, project: "test" },
    env: { GOOGLE_APPLICATION_CREDENTIALS: key.file },
    secrets: [key.secret],
    async stop() {
      key.remove();
      await server.stop();
    },
  };
}

class FakeGcs {
  readonly #bucket: string;
  readonly #objects = new Map<string, StoredObject>();
  #generation = 1_700_000_000_000_000;

  constructor(bucket: string) {
    this.#bucket = bucket;
  }

  handle(request: FakeRequest): FakeAnswer {
    const upload = `/upload/storage/v1/b/${this.#bucket}/o`;
    const base = `/storage/v1/b/${this.#bucket}/o`;
    const isSigned = request.query.has("X-Goog-Signature");
    if (isSigned && request.method === "GET" && request.path.startsWith(`/${this.#bucket}/`)) {
      const object = this.#objects.get(request.path.slice(this.#bucket.length + 2));
      return object === undefined ? failure(404, "No such object") : media(request, object);
    }
    if (request.headers.authorization?.startsWith("Bearer ") !== true) return failure(401, "Anonymous caller");
    if (request.path === upload && request.method === "POST") return this.#upload(request);
    if (request.path === base && request.method === "GET") return this.#list(request);
    if (!request.path.startsWith(`${base}/`)) return failure(404, "The specified bucket does not exist.");
    const name = request.path.slice(base.length + 1);
    if (request.method === "POST" && name.endsWith("/compose")) return this.#compose(request, name.slice(0, -"/compose".length));
    const object = this.#objects.get(name);
    if (object === undefined) return failure(404, `No such object: ${name}`);
    const wanted = request.query.get("ifGenerationMatch");
    if (wanted !== null && wanted !== object.generation) return failure(412, "conditionNotMet");
    if (request.method === "DELETE") {
      this.#objects.delete(name);
      return { status: 204 };
    }
    return request.query.get("alt") === "media" ? media(request, object) : json(this.#describe(name, object));
  }

  #upload(request: FakeRequest): FakeAnswer {
    const boundary = /boundary=([^;]+)/.exec(request.headers["content-type"] ?? "")?.[1] ?? "";
    const [resource, body] = splitMultipart(request.body, boundary);
    if (resource === undefined || body === undefined) return failure(400, "malformed multipart body");
    const metadata = JSON.parse(String(resource)) as { md5Hash?: string; name?: string; metadata?: unknown };
    const name = request.query.get("name") ?? metadata.name ?? "";
    if (metadata.md5Hash !== undefined && metadata.md5Hash !== createHash("md5").update(body).digest("base64")) {
      return failure(400, "Provided MD5 hash does not match the calculated one.");
    }
    return this.#store(request, name, body, metadata.metadata);
  }

  #compose(request: FakeRequest, name: string): FakeAnswer {
    const wish = JSON.parse(String(request.body)) as { sourceObjects: readonly { name: string }[]; destination?: { metadata?: unknown } };
    if (wish.sourceObjects.length > 32) return failure(400, "too many source objects");
    const bodies: Buffer[] = [];
    for (const source of wish.sourceObjects) {
      const object = this.#objects.get(source.name);
      if (object === undefined) return failure(404, `No such object: ${source.name}`);
      bodies.push(object.body);
    }
    return this.#store(request, name, Buffer.concat(bodies), wish.destination?.metadata);
  }

  #store(request: FakeRequest, name: string, body: Buffer, metadata: unknown): FakeAnswer {
    const wanted = request.query.get("ifGenerationMatch");
    const current = this.#objects.get(name)?.generation ?? "0";
    if (wanted !== null && wanted !== current) return failure(412, "conditionNotMet");
    const object = { body, generation: String(this.#generation++), metadata, modified: new Date() };
    this.#objects.set(name, object);
    return json(this.#describe(name, object));
  }

  #list(request: FakeRequest): FakeAnswer {
    const prefix = request.query.get("prefix") ?? "";
    const from = request.query.get("startOffset") ?? "";
    const after = request.query.get("pageToken") ?? "";
    const names = [...this.#objects.keys()].filter((name) => name.startsWith(prefix) && name >= from && name > after).sort();
    const page = names.slice(0, 1000);
    const items = page.map((name) => this.#describe(name, this.#objects.get(name) as StoredObject));
    return json({ kind: "storage#objects", items, ...(names.length > page.length ? { nextPageToken: page.at(-1) } : {}) });
  }

  #describe(name: string, object: StoredObject): object {
    const { body, generation, metadata, modified } = object;
    const time = modified.toISOString();
    return {
      kind: "storage#object",
      name,
      bucket: this.#bucket,
      size: String(body.length),
      generation,
      metadata,
      timeCreated: time,
      updated: time,
    };
  }
}

function media(request: FakeRequest, object: StoredObject): FakeAnswer {
  const range = applyRange(object.body, request.headers.range);
  if (range === undefined) return failure(416, "Requested range not satisfiable");
  return {
    status: range.status,
    body: range.body,
    headers: {
      "x-goog-generation": object.generation,
      ...(range.contentRange === undefined ? {} : { "content-range": range.contentRange }),
    },
  };
}

function splitMultipart(body: Buffer, boundary: string): (Buffer | undefined)[] {
  const mark = Buffer.from(`--${boundary}`);
  const parts: Buffer[] = [];
  let at = body.indexOf(mark);
  while (at !== -1) {
    const next = body.indexOf(mark, at + mark.length);
    if (next === -1) break;
    const piece = body.subarray(at + mark.length + 2, next - 2);
    parts.push(piece.subarray(piece.indexOf("\r\n\r\n") + 4));
    at = next;
  }
  return parts;
}

function json(value: unknown): FakeAnswer {
  return { status: 200, headers: { "content-type": "application/json; charset=utf-8" }, body: JSON.stringify(value) };
}

function failure(status: number, message: string): FakeAnswer {
  return {
    ...json({ error: { code: status, message, errors: [{ message, reason: status === 412 ? "conditionNotMet" : "failed" }] } }),
    status,
  };
}
