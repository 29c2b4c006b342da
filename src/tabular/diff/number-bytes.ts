/** Reads numbers from cells' bytes without making strings. */

/** Says what the bytes last looked at by `readNumber` are: no number, an integer, or another number. */
export const numberKind = { last: 0 };
export const NOT_A_NUMBER = 0;
export const INTEGER_KIND = 1;
export const NUMBER_KIND = 2;

const POWERS = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);

/** Returns the number that a cell's bytes say, exactly rounded, or NaN. Leading zeros make a text, as in `inferTextType`. */
export function readNumber(bytes: Uint8Array, start: number, end: number): number {
  numberKind.last = NOT_A_NUMBER;
  let at = start;
  const first = bytes[at] ?? 0;
  const isNegative = first === 0x2d;
  if (isNegative || first === 0x2b) at++;
  const wholeStart = at;
  let mantissa = 0;
  let byte = 0;
  for (; at < end; at++) {
    byte = (bytes[at] ?? 0) - 48;
    if (byte < 0 || byte > 9) break;
    mantissa = mantissa * 10 + byte;
  }
  const wholeDigits = at - wholeStart;
  if (wholeDigits > 1 && bytes[wholeStart] === 48) return Number.NaN;
  if (at === end) {
    if (wholeDigits === 0) return Number.NaN;
    numberKind.last = INTEGER_KIND;
    return wholeDigits > 15 ? slowly(bytes, start, end) : isNegative ? -mantissa : mantissa;
  }
  let fractionDigits = 0;
  if (bytes[at] === 0x2e) {
    at++;
    const fractionStart = at;
    for (; at < end; at++) {
      byte = (bytes[at] ?? 0) - 48;
      if (byte < 0 || byte > 9) break;
      mantissa = mantissa * 10 + byte;
    }
    fractionDigits = at - fractionStart;
  }
  if (wholeDigits + fractionDigits === 0) return Number.NaN;
  if (at < end) return hasExponent(bytes, at, end) ? markNumber(slowly(bytes, start, end)) : Number.NaN;
  numberKind.last = NUMBER_KIND;
  if (wholeDigits + fractionDigits > 15) return slowly(bytes, start, end);
  const value = mantissa / (POWERS[fractionDigits] ?? 1);
  return isNegative ? -value : value;
}

function hasExponent(bytes: Uint8Array, at: number, end: number): boolean {
  if (bytes[at] !== 0x65 && bytes[at] !== 0x45) return false;
  let digit = at + 1;
  if (bytes[digit] === 0x2b || bytes[digit] === 0x2d) digit++;
  if (digit === end) return false;
  for (; digit < end; digit++) {
    const byte = bytes[digit] ?? 0;
    if (byte < 48 || byte > 57) return false;
  }
  return true;
}

function markNumber(value: number): number {
  numberKind.last = NUMBER_KIND;
  return value;
}

function slowly(bytes: Uint8Array, start: number, end: number): number {
  return Number(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1"));
}
