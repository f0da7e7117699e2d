/**
 * ConnectionInput: the bytes of one client that could not be run yet. Most of the time there are none: commands are
 * parsed where the kernel put them, in the thread's read buffer.
 *
 *     a short rest   kept here, in front of the next read (the read buffer has headroom), parsed again from its start
 *     a long rest    parsed where it lies, in a buffer of its own that grows, by a parser that remembers its place
 *
 * Into the buffer of a long rest only the missing bytes of the unfinished argument are copied. When that command has
 * been run, the rest of the read is parsed where it lies. So the buffers are short-lived; small ones come from a pool.
 *
 * A command of 512 MB is copied as its bytes arrive, and each byte is parsed once. The buffer grows with the bytes that
 * really came (at most BYTES_PER_BYTE times as much address space), never with what a header promises. Large buffers
 * are shared memory, so that a finished command can be given to a shard without another copy.
 *
 * Invariants: (1) `parser === null` exactly when the rest is short or empty; (2) `bytes` is the length of the rest;
 * (3) with a parser, the rest is `u8[parser.restStart, parser.end)`.
 */
import { invariant } from '../../../shared/errors/invariant.js';
import { noteShared } from '../../../shared/memory/shared-garbage.js';
import type { Args } from '../../../shared/resp/args.js';
import type { RespParser } from '../../../shared/resp/parser.js';
import { InputBuffer, type InputParser, InputPool, NOTHING } from './input-pool.js';

/** Longest rest that is kept without a parser: what is parsed a second time per read at most. */
export const SHORT_REST_BYTES = 1024;
/** Buffers from this size on are shared memory. */
const SHARED_BYTES = 256 * 1024;
/** Once this fraction of a promised argument has come, the buffer grows to all of it at once. */
const BYTES_PER_BYTE = 16;

/** Of this thread. */
const pool = new InputPool();
const EMPTY = new Uint8Array(0);

export class ConnectionInput {
  /** The parser that remembers, with its arguments, when the rest is long. */
  private kept: InputParser | null = null;
  /** Where the long rest is. */
  private buffer = NOTHING;
  /** The short rest. */
  private short = EMPTY;
  private shortBytes = 0;
  /** What `missingBytes` is before the parser has looked at the rest. */
  private awaited = 0;

  /** The parser that remembers, when the rest is long. */
  get parser(): RespParser | null {
    return this.kept === null ? null : this.kept.parser;
  }

  /** Its arguments. */
  get args(): Args | null {
    return this.kept === null ? null : this.kept.args;
  }

  /** Bytes kept. */
  get bytes(): number {
    return this.parser === null ? this.shortBytes : this.parser.end - this.parser.restStart;
  }

  /** Bytes of memory held for it. */
  get capacity(): number {
    return this.short.length + this.buffer.u8.length;
  }

  /** How many more bytes the unfinished argument needs; 0 when that is not known. @requires `parser !== null` */
  get missingBytes(): number {
    invariant(this.parser !== null, 'something is kept');
    return this.awaited !== 0 ? this.awaited : this.parser!.missingBytes;
  }

  /** Copies the short rest to just before `at` of a read buffer and forgets it; returns where it begins. */
  putBefore(to: Uint8Array, at: number): number {
    const n = this.shortBytes;
    if (n === 0) return at;
    const from = this.short;
    const start = at - n;
    for (let i = 0; i < n; i++) to[start + i] = from[i]!;
    this.shortBytes = 0;
    return start;
  }

  /**
   * Keeps from[start, end), of which the last argument lacks `missing` bytes (0: not known). `long`: parse it here from
   * now on, however short it is (the connection waits).
   */
  keep(from: Uint8Array, start: number, end: number, long: boolean, missing: number): void {
    const n = end - start;
    if (!long && n <= SHORT_REST_BYTES) {
      if (this.short.length < n) this.short = new Uint8Array(n <= 128 ? 128 : SHORT_REST_BYTES);
      const to = this.short;
      for (let i = 0; i < n; i++) to[i] = from[start + i]!;
      this.shortBytes = n;
      return;
    }
    const whole = n + missing;
    this.allocate(missing > 0 && whole <= n * BYTES_PER_BYTE ? whole : n * 2);
    const { u8, dv } = this.buffer;
    u8.set(from.subarray(start, end));
    const kept = pool.takeParser();
    this.kept = kept;
    this.awaited = missing;
    kept.parser.window(u8, dv, 0, n);
  }

  /** Adds what was read to the rest. @requires `parser !== null` */
  append(from: Uint8Array, start: number, end: number): void {
    invariant(this.parser !== null, 'something is kept');
    const parser = this.parser!;
    const n = end - start;
    this.awaited = 0;
    if (parser.end + n > this.buffer.u8.length) this.makeRoom(n);
    this.buffer.u8.set(from.subarray(start, end), parser.end);
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
      const { u8 } = this.buffer;
      this.drop();
      // The buffer goes back to the pool, but its bytes are still read by the present command.
      if (rest > 0) this.keep(u8, start, start + rest, false, 0);
      return;
    }
    if (start > this.buffer.u8.length >> 1) this.moveToFront(start, rest);
  }

  /** The buffer of the parsed command was given away: the bytes behind the command move to a new buffer. */
  gaveAway(): void {
    const parser = this.parser!;
    const old = this.buffer.u8;
    const start = parser.pos;
    const end = parser.end;
    this.allocate((end - start) * 2);
    const { u8, dv } = this.buffer;
    if (end > start) u8.set(old.subarray(start, end));
    parser.window(u8, dv, 0, end - start);
  }

  /** Whether the command that `parser` found lies in memory of its own that may be given away. */
  get canGiveAway(): boolean {
    return this.parser !== null && this.buffer.u8.buffer instanceof SharedArrayBuffer;
  }

  /** Forgets everything. */
  drop(): void {
    if (this.kept !== null) pool.giveParser(this.kept);
    this.kept = null;
    pool.giveBuffer(this.buffer);
    this.buffer = NOTHING;
    this.awaited = 0;
    this.shortBytes = 0;
  }

  private makeRoom(n: number): void {
    const parser = this.parser!;
    const start = parser.restStart;
    const rest = parser.end - start;
    if (start >= n && start > this.buffer.u8.length >> 1) {
      this.moveToFront(start, rest);
      return;
    }
    const need = rest + n;
    const promised = rest + Math.max(parser.missingBytes, n);
    const old = this.buffer;
    this.allocate(promised <= need * BYTES_PER_BYTE ? Math.max(promised, need * 2) : need * 2);
    const { u8, dv } = this.buffer;
    u8.set(old.u8.subarray(start, start + rest));
    pool.giveBuffer(old);
    parser.moved(u8, dv, -start, rest, this.args!);
  }

  private moveToFront(start: number, rest: number): void {
    const { u8, dv } = this.buffer;
    u8.copyWithin(0, start, start + rest);
    this.parser!.moved(u8, dv, -start, rest, this.args!);
  }

  private allocate(bytes: number): void {
    if (bytes < SHARED_BYTES) {
      this.buffer = pool.takeBuffer(bytes);
      return;
    }
    noteShared(bytes);
    this.buffer = new InputBuffer(new SharedArrayBuffer(bytes));
  }
}
