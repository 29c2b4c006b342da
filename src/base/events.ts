/** Names a phase of work that a person waits for. */
export type Phase = "scan" | "hash" | "upload" | "download" | "checkout" | "verify" | "check" | "delete";

/**
 * Says how far an operation is; emitted often, so consumers throttle.
 * `bytes` and `files` count what is done; the totals are absent while they are not known.
 */
export interface ProgressEvent {
  readonly type: "progress";
  readonly phase: Phase;
  readonly files: number;
  readonly totalFiles?: number;
  readonly bytes: number;
  readonly totalBytes?: number;
  /** Bytes that went over the line for them, where compressed and known ones do not. */
  readonly sentBytes?: number;
  /** What is being worked on, a target or a file. */
  readonly subject?: string;
}

/** Says something a person should know that is no failure: a mended blob, a skipped file, a lock being waited for. */
export interface NoticeEvent {
  readonly type: "notice";
  readonly level: "info" | "warning";
  readonly message: string;
  readonly hint?: string;
}

/** Is what an operation emits while it runs. */
export type OperationEvent = ProgressEvent | NoticeEvent;

/** Receives the events of an operation. */
export type EventSink = (event: OperationEvent) => void;
