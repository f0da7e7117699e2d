/**
 * RespParser: finds commands in a window of bytes and says where their arguments lie; it copies nothing.
 *
 *     u8   ... [ command | command | half a comma ] ...
 *          pos ^                                  ^ end
 *
 * `next()` gives PARSED with the places in `args`, or MORE when the window ends inside a command, or BROKEN with
 * `errorText` after which the connection must be closed. The words of an inline command lie in a scratch buffer
 * instead of the window.
 *
 * It can be used in two ways. Without memory: after MORE the caller keeps the bytes from `commandStart` on, calls
 * `forget()`, and shows them again with more behind; cheap while the rest is short. With memory: the caller appends to
 * the same buffer, raises `end` (or calls `moved` after it moved the bytes) and calls `next()` with the same `args`:
 * nothing is looked at twice, so a command that arrives byte by byte costs no more than one that arrives at once.
 *
 * Rules and error texts are those of Redis 7.2: the length lines end with CR and any one byte; a NUL byte hides what
 * follows it from the search for the line's end (C strings); the bytes after an argument are skipped unread.
 *
 * Invariants: (1) commandStart <= pos <= end; (2) while a command is half parsed, `args[0..parsed)` are whole arguments
 * between commandStart and pos; (3) no array grows by more than a constant factor of the bytes that really came.
 */
import { invariant } from '../errors/invariant.js';
import type { Args } from './args.js';
import { INLINE_UNBALANCED, splitInline } from './inline.js';

export const PARSED = 0;
export const MORE = 1;
export const BROKEN = 2;

/** Longest inline request or length line, bytes. */
export const INLINE_BYTES_MAX = 64 * 1024;
/** Most arguments of a command. */
const MULTIBULK_MAX = 2147483647;
/** Limits for clients that have not authenticated. */
const UNAUTHENTICATED_ARGS_MAX = 10;
const UNAUTHENTICATED_BULK_MAX = 16384;

const STAR = 42;
const DOLLAR = 36;
const CR = 13;
const LF = 10;

const IDLE = 0;
const INLINE = 1;
const HEADER = 2;
const LENGTH = 3;
const BULK = 4;

/** Longer arguments are left to the careful way, which knows the limits. */
const FAST_LENGTH_MAX = 100000;
/** What `number` returns of a negative number, whichever it is, and where there is none. */
const NEGATIVE = -1;
const NOT_A_NUMBER = -2;
/** Digits of the largest 64-bit numbers. A length has fewer: only negative ones are compared with the last of them. */
const INT64_DIGITS = 19;
const INT64_MIN = Buffer.from('9223372036854775808');

export class RespParser {
  u8: Uint8Array;
  dv: DataView;
  pos = 0;
  end = 0;
  /** Where the command begins that is being parsed, or that was parsed last. */
  commandStart = 0;
  /** Set after BROKEN: the error without its leading "-ERR ". */
  errorText = '';
  /** proto-max-bulk-len. */
  bulkBytesMax = 512 * 1024 * 1024;
  /** The client must authenticate first: small limits. */
  authRequired = false;

  private state = IDLE;
  /** Arguments announced and not yet parsed. */
  private left = 0;
  /** Arguments parsed. */
  private parsed = 0;
  private bulkBytes = 0;
  /** Up to here no line end was found. */
  private scanned = 0;

  constructor() {
    this.u8 = EMPTY;
    this.dv = EMPTY_VIEW;
  }

  /** Shows the parser a window. @requires nothing half parsed, or `forget()` called */
  window(u8: Uint8Array, dv: DataView, start: number, end: number): void {
    invariant(this.state === IDLE, 'nothing is half parsed');
    this.u8 = u8;
    this.dv = dv;
    this.pos = start;
    this.end = end;
    this.commandStart = start;
  }

  /** Forgets a half-parsed command and goes back to its first byte. */
  forget(): void {
    this.state = IDLE;
    this.pos = this.commandStart;
  }

  /** Goes back to the first byte of the command that was parsed last, so that `next` finds it again. */
  rewind(): void {
    this.state = IDLE;
    this.pos = this.commandStart;
  }

  /** Tells that the bytes moved by `delta` and lie in `u8` now; `args` holds what is parsed of the current command. */
  moved(u8: Uint8Array, dv: DataView, delta: number, end: number, args: Args): void {
    this.u8 = u8;
    this.dv = dv;
    this.pos += delta;
    this.end = end;
    this.commandStart += delta;
    this.scanned += delta;
    if (delta !== 0) for (let i = 0; i < this.parsed; i++) args.off[i]! += delta;
    args.setBuffer(u8, dv);
  }

  /** Goes on at `pos`, where a command begins or the bytes end. */
  goTo(pos: number): void {
    this.state = IDLE;
    this.pos = pos;
    this.commandStart = pos;
  }

  /** Where the bytes begin that are still needed: the next command, or the half-parsed one. */
  get restStart(): number {
    return this.state === IDLE ? this.pos : this.commandStart;
  }

  /** How many more bytes the argument that is being read needs; 0 when that is not known. After MORE. */
  get missingBytes(): number {
    return this.state === BULK ? this.pos + this.bulkBytes + 2 - this.end : 0;
  }

  /** Parses the next command into `args`. */
  // hot: bench/micro.js "parser"
  next(args: Args): number {
    if (this.state !== IDLE) {
      const status = this.resume(args);
      return status === PARSED && args.argc === 0 ? this.begin(args) : status;
    }
    const u8 = this.u8;
    const end = this.end;
    let p = this.pos;
    this.commandStart = p;
    if (p + 5 > end || u8[p] !== STAR || this.authRequired) return this.begin(args);
    let count = u8[p + 1]! - 48;
    if (count < 1 || count > 9) return this.begin(args);
    if (u8[p + 2] === CR) p += 4;
    else {
      const d = u8[p + 2]! - 48;
      if (d < 0 || d > 9 || u8[p + 3] !== CR) return this.begin(args);
      count = count * 10 + d;
      p += 5;
    }
    const off = args.off;
    const len = args.len;
    if (count > off.length) return this.begin(args);
    for (let i = 0; i < count; i++) {
      // The shortest argument, "$0\r\n\r\n", has six bytes.
      if (p + 6 > end || u8[p] !== DOLLAR) return this.begin(args);
      let n = u8[p + 1]! - 48;
      let c = u8[p + 2]!;
      if (n < 0 || n > 9) return this.begin(args);
      if (c === CR) p += 4;
      else {
        if (n === 0 || c < 48 || c > 57) return this.begin(args);
        n = n * 10 + c - 48;
        p += 3;
        while ((c = u8[p]!) !== CR) {
          if (c < 48 || c > 57 || n > FAST_LENGTH_MAX || p >= end) return this.begin(args);
          n = n * 10 + c - 48;
          p++;
        }
        p += 2;
      }
      if (p + n + 2 > end) return this.begin(args);
      off[i] = p;
      len[i] = n;
      p += n + 2;
    }
    args.argc = count;
    args.u8 = u8;
    args.dv = this.dv;
    this.pos = p;
    return PARSED;
  }

  /** The careful way from the first byte of a command. */
  private begin(args: Args): number {
    this.parsed = 0;
    for (;;) {
      this.commandStart = this.pos;
      if (this.pos >= this.end) return MORE;
      this.scanned = this.pos;
      this.state = this.u8[this.pos] === STAR ? HEADER : INLINE;
      const status = this.resume(args);
      if (status !== PARSED || args.argc > 0) return status;
    }
  }

  /** Goes on where the bytes ended. PARSED with no arguments: an empty request, to be skipped. */
  private resume(args: Args): number {
    args.setBuffer(this.u8, this.dv);
    if (this.state === INLINE) return this.inline(args);
    if (this.state === HEADER) {
      const status = this.header(args);
      if (status !== PARSED || this.left === 0) return status;
    }
    for (;;) {
      if (this.state === LENGTH) {
        const status = this.length();
        if (status !== PARSED) return status;
      }
      const next = this.pos + this.bulkBytes + 2;
      if (next > this.end) return MORE;
      const i = this.parsed;
      if (i >= args.off.length) args.reserve(i + 1);
      args.off[i] = this.pos;
      args.len[i] = this.bulkBytes;
      this.parsed = i + 1;
      this.pos = next;
      this.left--;
      if (this.left === 0) break;
      this.state = LENGTH;
      this.scanned = next;
    }
    this.state = IDLE;
    args.argc = this.parsed;
    return PARSED;
  }

  private header(args: Args): number {
    const cr = this.lineEnd(CR);
    if (cr < 0 || cr - this.pos > INLINE_BYTES_MAX) return this.tooLong('too big mbulk count string');
    if (cr + 2 > this.end) return MORE;
    const count = this.number(this.pos + 1, cr);
    if (count === NOT_A_NUMBER || count > MULTIBULK_MAX) return this.broken('invalid multibulk length');
    if (this.authRequired && count > UNAUTHENTICATED_ARGS_MAX) return this.broken('unauthenticated multibulk length');
    this.pos = cr + 2;
    this.parsed = 0;
    args.argc = 0;
    this.left = Math.max(count, 0);
    this.scanned = this.pos;
    this.state = this.left > 0 ? LENGTH : IDLE;
    return PARSED;
  }

  private length(): number {
    const cr = this.lineEnd(CR);
    if (cr < 0 || cr - this.pos > INLINE_BYTES_MAX) return this.tooLong('too big bulk count string');
    if (cr + 2 > this.end) return MORE;
    const first = this.u8[this.pos]!;
    if (first !== DOLLAR) return this.broken(`expected '$', got '${String.fromCharCode(first)}'`);
    const bytes = this.number(this.pos + 1, cr);
    if (bytes < 0 || bytes > this.bulkBytesMax) return this.broken('invalid bulk length');
    if (this.authRequired && bytes > UNAUTHENTICATED_BULK_MAX) return this.broken('unauthenticated bulk length');
    this.pos = cr + 2;
    this.bulkBytes = bytes;
    this.state = BULK;
    return PARSED;
  }

  private inline(args: Args): number {
    const lf = this.lineEnd(LF);
    if (lf < 0 || lf - this.pos > INLINE_BYTES_MAX) return this.tooLong('too big inline request');
    const start = this.pos;
    const stop = lf > start && this.u8[lf - 1] === CR ? lf - 1 : lf;
    const argc = splitInline(this.u8, start, stop, args);
    if (argc === INLINE_UNBALANCED) return this.broken('unbalanced quotes in request');
    this.pos = lf + 1;
    this.state = IDLE;
    args.argc = argc;
    return PARSED;
  }

  /** The place of the byte that ends the line at `pos`, or -1; a NUL byte before it hides it. */
  private lineEnd(byte: number): number {
    const u8 = this.u8;
    const end = this.end;
    let p = this.scanned;
    while (p < end) {
      const c = u8[p]!;
      if (c === byte) {
        this.scanned = p;
        return p;
      }
      if (c === 0) break;
      p++;
    }
    this.scanned = p;
    return -1;
  }

  /** A line without an end, or one whose end comes too late: how the bytes arrive makes no difference. */
  private tooLong(what: string): number {
    return this.end - this.pos > INLINE_BYTES_MAX ? this.broken(what) : MORE;
  }

  private broken(what: string): number {
    this.errorText = `Protocol error: ${what}`;
    return BROKEN;
  }

  /** The 64-bit integer written in [start, end) as Redis reads it: no plus sign, no leading zeros, no spaces. */
  private number(start: number, end: number): number {
    const u8 = this.u8;
    let p = start;
    const negative = p < end && u8[p] === 45;
    if (negative) p++;
    const digits = end - p;
    if (digits < 1 || digits > INT64_DIGITS) return NOT_A_NUMBER;
    if (u8[p] === 48) return digits === 1 && !negative ? 0 : NOT_A_NUMBER;
    let n = 0;
    let above = 0;
    for (let k = 0; k < digits; k++) {
      const c = u8[p + k]!;
      if (c < 48 || c > 57) return NOT_A_NUMBER;
      n = n * 10 + c - 48;
      if (above === 0) above = c - INT64_MIN[k]!;
    }
    // Above 2^63; of positive numbers 2^63 itself is one, but any of so many digits is beyond every limit.
    if (digits === INT64_DIGITS && above > 0) return NOT_A_NUMBER;
    return negative ? NEGATIVE : n;
  }
}

const EMPTY = new Uint8Array(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer);
