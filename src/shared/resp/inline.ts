/**
 * Inline commands: a line of words as a person types it, with the quoting rules of Redis's `sdssplitargs`.
 *
 * "..." knows \n \r \t \b \a \xHH and \c for any other c; '...' knows only \'. A closing quote must be followed by a
 * blank or the end. A quote may begin inside a word. A NUL byte ends the line (C strings).
 *
 * The words are written, unquoted, one behind the other into a scratch buffer of the thread, so the line itself stays
 * as it came. Invariant: the words are valid until the next call on the same thread.
 */
import type { Args } from './args.js';

/** Returned when a quote is not closed, or not followed by a blank. */
export const INLINE_UNBALANCED = -1;

const SCRATCH_BYTES = 64 * 1024;
const BACKSLASH = 92;
const DOUBLE = 34;
const SINGLE = 39;

let scratch = new Uint8Array(256);
let scratchView = new DataView(scratch.buffer);

/** Where `wordAt` stopped reading and writing. */
let readAt = 0;
let writeAt = 0;

/**
 * Splits u8[start, stop) into words; returns their number, or INLINE_UNBALANCED. `args` then points into the scratch
 * buffer.
 */
export function splitInline(u8: Uint8Array, start: number, stop: number, args: Args): number {
  makeRoom(stop - start);
  args.setBuffer(scratch, scratchView);
  let argc = 0;
  readAt = start;
  writeAt = 0;
  for (;;) {
    while (readAt < stop && isBlank(u8[readAt]!)) readAt++;
    if (readAt >= stop || u8[readAt] === 0) return argc;
    const from = writeAt;
    if (!wordAt(u8, stop)) return INLINE_UNBALANCED;
    args.reserve(argc + 1);
    args.off[argc] = from;
    args.len[argc] = writeAt - from;
    argc++;
  }
}

function makeRoom(bytes: number): void {
  if (bytes <= scratch.length && scratch.length <= SCRATCH_BYTES) return;
  let size = 256;
  while (size < bytes) size *= 2;
  scratch = new Uint8Array(size);
  scratchView = new DataView(scratch.buffer);
}

function wordAt(u8: Uint8Array, stop: number): boolean {
  while (readAt < stop) {
    const c = u8[readAt]!;
    if (c === DOUBLE) {
      if (!doubleQuoted(u8, stop)) return false;
      return true;
    }
    if (c === SINGLE) {
      if (!singleQuoted(u8, stop)) return false;
      return true;
    }
    if (c === 0 || c === 32 || c === 10 || c === 13 || c === 9) return true;
    scratch[writeAt++] = c;
    readAt++;
  }
  return true;
}

function doubleQuoted(u8: Uint8Array, stop: number): boolean {
  readAt++;
  while (readAt < stop) {
    const c = u8[readAt]!;
    if (c === 0) return false;
    if (c === DOUBLE) return closed(u8, stop);
    if (c !== BACKSLASH || readAt + 1 >= stop || u8[readAt + 1] === 0) {
      scratch[writeAt++] = c;
      readAt++;
      continue;
    }
    const letter = u8[readAt + 1]!;
    if (letter === 120 && readAt + 3 < stop) {
      const high = hexDigit(u8[readAt + 2]!);
      const low = hexDigit(u8[readAt + 3]!);
      if (high >= 0 && low >= 0) {
        scratch[writeAt++] = high * 16 + low;
        readAt += 4;
        continue;
      }
    }
    scratch[writeAt++] = escaped(letter);
    readAt += 2;
  }
  return false;
}

function singleQuoted(u8: Uint8Array, stop: number): boolean {
  readAt++;
  while (readAt < stop) {
    const c = u8[readAt]!;
    if (c === 0) return false;
    if (c === SINGLE) return closed(u8, stop);
    if (c === BACKSLASH && readAt + 1 < stop && u8[readAt + 1] === SINGLE) readAt++;
    scratch[writeAt++] = u8[readAt]!;
    readAt++;
  }
  return false;
}

/** A closing quote at `readAt`: steps over it; false unless a blank or the end follows. */
function closed(u8: Uint8Array, stop: number): boolean {
  readAt++;
  return readAt >= stop || u8[readAt] === 0 || isBlank(u8[readAt]!);
}

function isBlank(c: number): boolean {
  return c === 32 || (c >= 9 && c <= 13);
}

function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  const lower = c | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function escaped(c: number): number {
  if (c === 110) return 10;
  if (c === 114) return 13;
  if (c === 116) return 9;
  if (c === 98) return 8;
  if (c === 97) return 7;
  return c;
}
