import type { EventSink } from "../base/events.ts";
import type { RepoPath } from "../base/ids.ts";
import type { Body, BodyBlob, Segment } from "../formats/body.ts";
import type { Pointer } from "../formats/pointer.ts";
import type { Cache } from "../store/cache.ts";
import type { BodyBuilder } from "./body-builder.ts";
import type { GcMarks } from "./gc-marks.ts";
import type { PushProgress } from "./push-progress.ts";
import type { RemotePacker, SentPlace } from "./remote-packer.ts";
import type { RemoteStore, RemoteVersion } from "./remote-store.ts";

/** Is a version to push. */
export interface VersionToPush {
  readonly target: RepoPath;
  readonly pointer: Pointer;
  /** Returns earlier versions of the same pointer, the latest first: where unchanged bytes may be. Asked only when the version must be sent. */
  ancestors(): Promise<readonly Pointer[]>;
}

/** Says what a push works with. */
export interface PushContext {
  readonly cache: Cache;
  readonly store: RemoteStore;
  readonly jobs: number;
  readonly onEvent: EventSink;
  readonly signal: AbortSignal | undefined;
  /** Finds out what would be sent and sends nothing. */
  readonly dryRun: boolean;
}

/** Says what building one version's body works with. */
export interface BuildContext extends PushContext {
  /** Packs small objects; a reader may keep such a pack as it is. */
  readonly packer: RemotePacker;
  /** Packs pieces and deltas of large objects, which are of no use to a reader but to rebuild these. */
  readonly piecePacker: RemotePacker;
  readonly version: VersionToPush;
  /** Versions that the remote has, perhaps not whole. */
  readonly known: readonly RemoteVersion[];
  /** Those of them that are earlier versions of this target: what a large file may be a delta against. */
  readonly ancestors: readonly RemoteVersion[];
  /** Tells whether the remote has a blob with its size. */
  readonly isThere: (blob: BodyBlob) => boolean;
  /** Hears of bytes that the remote took, for the summary. */
  readonly onSent: (bytes: number) => void;
  readonly progress: PushProgress;
  readonly marks: GcMarks;
  /** Runs an upload beside the packing; the push waits for it before it writes a body. */
  readonly inBackground: (upload: () => Promise<void>) => void;
}

/** Is a part of a stream: known now, or once the packer is finished. */
export type StreamPart = (builder: BodyBuilder) => void;

/** Appends what a pack holds to a body's stream. */
export function appendPlace(builder: BodyBuilder, place: SentPlace | undefined): void {
  if (place === undefined) throw new RangeError("an object was never packed");
  const { frame, pack, skip, size } = place;
  const blob = builder.blob(pack.key, pack.size);
  if (frame.encoding === "raw") builder.append({ encoding: "raw", blob, offset: frame.offset + skip, length: size });
  else builder.append({ encoding: "zstd", blob, offset: frame.offset, stored: frame.stored, decoded: frame.decoded, skip, length: size });
}

/** Returns a part that takes segments over from another body, or undefined when the remote lost a blob that they need. */
export function reuseSegments(context: BuildContext, segments: readonly Segment[], body: Body): StreamPart | undefined {
  const isThere = (number: number): boolean => context.isThere(body.blobs[number] as BodyBlob);
  for (const segment of segments) {
    if (segment.encoding !== "copy" && !isThere(segment.blob)) return undefined;
    if (segment.encoding !== "copy" && segment.encoding !== "delta") continue;
    if (!body.bases[segment.base]?.segments.every((base) => isThere(base.blob))) return undefined;
  }
  return (builder) => builder.appendFrom(segments, body);
}
