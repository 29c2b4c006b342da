/**
 * Counts the records of a delimited text at several gigabytes a second.
 *
 * The work is done 64 bytes a step by a WebAssembly module (source: scan.wat): bit masks of newlines and quotes, a prefix XOR that tells
 * what is inside quotes (as simdjson does), and an exact byte-by-byte machine for the rare step that has a stray quote or an empty line.
 */
import { SCAN_MODULE_BASE64 } from "./scan-module.ts";

/** Says which bytes have a meaning; `quote` is -1 where there is no quoting at all (JSON lines). */
export interface ScanDialect {
  readonly newline: number;
  readonly quote: number;
  readonly delimiter: number;
}

/** Counts records over pieces of a text. */
export interface RecordScanner {
  update(bytes: Uint8Array): void;
  /** Tells whether the next byte lies inside a quoted field. */
  isInsideQuotes(): boolean;
  /** Returns the lines outside quotes so far, a last one without a newline included, and how many of them are empty. */
  count(): { readonly lines: number; readonly emptyLines: number };
}

interface WasmNumber {
  readonly value: number;
}

interface ScanExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly state: WasmNumber;
  readonly lines: WasmNumber;
  readonly blank: WasmNumber;
  readonly prev: WasmNumber;
  reset(newline: number, quote: number, delimiter: number): void;
  scan(at: number, length: number): void;
}

const INPUT_AT = 64;
const PIECE_BYTES = 64 * 1024;
const INSIDE_QUOTES = 2;

/** Is what is used of the engine's WebAssembly, which Node's types do not declare. */
interface WasmEngine {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: ScanExports };
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const engine = (globalThis as unknown as { readonly WebAssembly: WasmEngine }).WebAssembly;
let scanModule: object | undefined;

/** Creates a scanner that stands at the start of a text. */
export function createRecordScanner(dialect: ScanDialect): RecordScanner {
  scanModule ??= new engine.Module(Buffer.from(SCAN_MODULE_BASE64, "base64"));
  const machine = new engine.Instance(scanModule).exports;
  const memory = new Uint8Array(machine.memory.buffer);
  machine.reset(dialect.newline, dialect.quote, dialect.delimiter);
  let lines = 0;
  let emptyLines = 0;
  return {
    update(bytes) {
      for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
        const piece = bytes.subarray(at, at + PIECE_BYTES);
        memory.set(piece, INPUT_AT);
        machine.scan(INPUT_AT, piece.length);
        lines += machine.lines.value;
        emptyLines += machine.blank.value;
      }
    },
    isInsideQuotes: () => machine.state.value === INSIDE_QUOTES,
    count: () => ({ lines: lines + (machine.prev.value === 0 ? 1 : 0), emptyLines }),
  };
}
