/**
 * ConnectionInput: the bytes of one client that could not be run yet. Most of the time there are none: commands are
 * parsed where the kernel put them, in the thread's read buffer.
 *
 * a short rest   kept here, put in front of the next read (the read buffer has headroom), parsed again from its start
 *     a long rest    parsed where it lies, in a buffer of its own that grows, by a parser that remembers
 *
 * So a command of 512 MB is copied as it arrives and looked at once; the buffer grows with the bytes that really came
 * (at most BYTES_PER_BYTE times as much address space), never with what a header promises. Large buffers are shared
 * memory, so that a finished command can be given to a shard without another copy.
 *
 * Invariants: (1) `parser === null` exactly when the rest is short or empty; (2) `bytes` is the length of the rest;
 * (3) with a parser, the rest is `u8[parser.restStart, parser.end)`.
 */
import { noteShared } from '../../shared/memory/shared-garbage.js';
import { Args } from '../../shared/resp/args.js';
import { RespParser } from '../../shared/resp/parser.js';

/** Longest rest that is kept without a parser: what is parsed a second time per read at most. */
export const SHORT_REST_BYTES = 1024;
/** Buffers from this size on are shared memory. */
const SHARED_BYTES = 256 * 1024;
/** Once this fraction of a promised argument has come, the buffer grows to all of it at once. */
const BYTES_PER_BYTE = 16;
const SMALLEST_BYTES = 8 * 1024;

const EMPTY = new Uint8Array(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer);

export class ConnectionInput {
  /** The parser that remembers, when the rest is long. */
  parser: RespParser | null = null;
  /** Its arguments. */
  args: Args | null = null;
  u8: Uint8Array = EMPTY;
  private dv: DataView = EMPTY_VIEW;
  private shortBytes = 0;

  /** Bytes kept. */
  get bytes(): number {
    return this.parser === null ? this.shortBytes : this.parser.end - this.parser.restStart;
  }

  /** Copies the short rest to just before `at` of a read buffer and forgets it; returns where it begins. */
  putBefore(to: Uint8Array, at: number): number {
    const n = this.shortBytes;
    if (n === 0) return at;
    const from = this.u8;
    const start = at - n;
    for (let i = 0; i < n; i++) to[start + i] = from[i]!;
    this.shortBytes = 0;
    return start;
  }

  /** Keeps u8[start, end). `long`: parse it here from now on, however short it is (the connection waits). */
  keep(from: Uint8Array, start: number, end: number, long: boolean): void {
    const n = end - start;
    if (!long && n <= SHORT_REST_BYTES) {
      if (this.u8.length < n) this.u8 = new Uint8Array(n <= 128 ? 128 : SHORT_REST_BYTES);
      const to = this.u8;
      for (let i = 0; i < n; i++) to[i] = from[start + i]!;
      this.shortBytes = n;
      return;
    }
    this.allocate(Math.max(n * 2, SMALLEST_BYTES));
    this.u8.set(from.subarray(start, end));
    this.parser = new RespParser();
    this.args = new Args();
    this.parser.window(this.u8, this.dv, 0, n);
  }

  /** Adds what was read to the rest. @requires `parser !== null` */
  append(from: Uint8Array, start: number, end: number): void {
    const parser = this.parser!;
    const n = end - start;
    if (parser.end + n > this.u8.length) this.makeRoom(n);
    this.u8.set(from.subarray(start, end), parser.end);
    parser.end += n;
  }

  /**
   * After commands were run from the own buffer: gives it up when nothing or little is left, moves the rest to its
   * front when much was run. `waiting`: the connection is at a barrier, more will be parsed here.
   */
  settle(waiting: boolean): void {
    const parser = this.parser!;
    const start = parser.restStart;
    const rest = parser.end - start;
    if (rest === 0 || (!waiting && rest <= SHORT_REST_BYTES)) {
      const u8 = this.u8;
      this.drop();
      if (rest > 0) this.keep(u8, start, start + rest, false);
      return;
    }
    if (start > this.u8.length >> 1) this.moveToFront(start, rest);
  }

  /** The parsed command's buffer was given away: what follows it moves to a new one. */
  gaveAway(): void {
    const parser = this.parser!;
    const old = this.u8;
    const start = parser.pos;
    const end = parser.end;
    this.allocate(Math.max((end - start) * 2, SMALLEST_BYTES));
    if (end > start) this.u8.set(old.subarray(start, end));
    parser.window(this.u8, this.dv, 0, end - start);
  }

  /** Whether the command that `parser` found lies in memory of its own that may be given away. */
  get canGiveAway(): boolean {
    return this.parser !== null && this.u8.buffer instanceof SharedArrayBuffer;
  }

  /** Forgets everything. */
  drop(): void {
    this.parser = null;
    this.args = null;
    this.u8 = EMPTY;
    this.dv = EMPTY_VIEW;
    this.shortBytes = 0;
  }

  private makeRoom(n: number): void {
    const parser = this.parser!;
    const start = parser.restStart;
    const rest = parser.end - start;
    if (start >= n && start > this.u8.length >> 1) {
      this.moveToFront(start, rest);
      return;
    }
    const need = rest + n;
    const promised = rest + Math.max(parser.missingBytes, n);
    const old = this.u8;
    this.allocate(promised <= need * BYTES_PER_BYTE ? Math.max(promised, need * 2) : need * 2);
    this.u8.set(old.subarray(start, start + rest));
    parser.moved(this.u8, this.dv, -start, rest, this.args!);
  }

  private moveToFront(start: number, rest: number): void {
    this.u8.copyWithin(0, start, start + rest);
    this.parser!.moved(this.u8, this.dv, -start, rest, this.args!);
  }

  private allocate(bytes: number): void {
    if (bytes >= SHARED_BYTES) noteShared(bytes);
    const buffer = bytes >= SHARED_BYTES ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
    this.u8 = new Uint8Array(buffer);
    this.dv = new DataView(buffer);
  }
}
