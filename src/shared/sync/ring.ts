/**
 * Single-producer single-consumer byte ring in a SharedArrayBuffer.
 *
 *     byte   0  tail       published by the producer: records before it may be read       line of the producer
 *            4  committed  end of the last whole record, perhaps not yet published
 *           64  head       published by the consumer: bytes before it may be overwritten   line of the consumer
 *           68  begun      end of the record that the consumer last began to work on
 *           72  done       end of the record that the consumer last finished
 *           76  mark       a number of the consumer's, kept with `begun`
 *           80  executed   1 when the record begun has been carried out, but its answer may not have left
 *           84  taken up   end of the record that the consumer last looked at in order to work on it
 *           88  deaths     consumers that ended with a record taken up, and 92 the end of that record
 *          128  starved    1 when the producer found it full and wants a wake-up
 *          256  data, `capacity` bytes (a power of two)
 *
 * A record is 8 bytes of header (length of the payload, check word) and the payload, padded to 8. If a record would
 * cross the end of the data, a wrap mark (length -1) is written there, and the record begins at the data's start.
 * Positions are free-running 32-bit counters of bytes. Each end keeps a private copy of the other end's position, and
 * reloads it only when the copy shows no room or no record.
 *
 * Invariants: (1) positions are multiples of 8; (2) 0 <= tail - head <= capacity; (3) head <= done <= begun, and begun
 * differs from done only inside one record's work; (4) a record is at most a quarter of the capacity, so a reader that
 * advances always makes room.
 *
 * The successor of a dead thread attaches to the same memory. A new producer goes on at `committed`: it publishes the
 * whole records that its predecessor had not published. A new consumer goes on at `done`, and asks `interrupted`
 * whether its predecessor died inside a record: such a record may have taken effect.
 */
import { invariant } from '../errors/invariant.js';
import { faultPoint, POINT } from '../memory/fault-point.js';

import type { Mailbox } from './mailbox.js';

const TAIL = 0;
const COMMITTED = 1;
const HEAD = 16;
const BEGUN = 17;
const DONE = 18;
const MARK = 19;
const EXECUTED = 20;
const TAKEN_UP = 21;
const DEATHS = 22;
const DEATHS_AT = 23;
const STARVED = 32;
const DATA_OFFSET = 256;
const HEADER_BYTES = 8;
const WRAP = -1;
const CHECK = 0x5e4d_0000;

/** Memory for a ring whose data part has `capacity` bytes (a power of two, at least 1024). */
export function createRing(capacity: number): SharedArrayBuffer {
  if (capacity < 1024 || (capacity & (capacity - 1)) !== 0) throw new Error('ring: capacity must be a power of two');
  return new SharedArrayBuffer(DATA_OFFSET + capacity);
}

/** What both ends share: views and geometry. Offsets handed out are bytes into `u8`, `dv`, and `i32[offset >> 2]`. */
class RingView {
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly dv: DataView;
  readonly capacity: number;
  /** Largest payload in bytes; bigger ones travel in a mailbox. */
  readonly recordBytesMax: number;
  /** Where records too big for the ring travel; null in tests of the bare ring. */
  mailbox: Mailbox | null;
  protected readonly mask: number;

  constructor(sab: SharedArrayBuffer, mailbox: Mailbox | null) {
    this.u8 = new Uint8Array(sab);
    this.i32 = new Int32Array(sab);
    this.f64 = new Float64Array(sab);
    this.dv = new DataView(sab);
    this.capacity = sab.byteLength - DATA_OFFSET;
    this.mask = this.capacity - 1;
    this.recordBytesMax = (this.capacity >> 2) - HEADER_BYTES;
    this.mailbox = mailbox;
  }

  /** Whether published records wait in the ring (both ends may ask). */
  get empty(): boolean {
    return Atomics.load(this.i32, TAIL) === Atomics.load(this.i32, HEAD);
  }

  /** Position up to which the consumer has given memory back (free-running, bytes). */
  headPosition(): number {
    return Atomics.load(this.i32, HEAD);
  }
}

/** The writing end; used by one thread only. */
export class RingProducer extends RingView {
  private position: number;
  private cachedHead: number;
  private reservedAt = 0;
  private reservedBytes = -1;
  private published: number;

  /** Attaches to the ring, behind the last whole record. */
  constructor(sab: SharedArrayBuffer, mailbox: Mailbox | null = null) {
    super(sab, mailbox);
    this.position = Atomics.load(this.i32, COMMITTED);
    this.published = Atomics.load(this.i32, TAIL);
    this.cachedHead = Atomics.load(this.i32, HEAD);
  }

  /**
   * hot: room for a record of `bytes` payload bytes; returns the payload's byte offset, or -1 when the ring is full
   * (the consumer will then report it at its next release()). A reservation not committed is forgotten by the next one.
   * @requires bytes <= recordBytesMax
   */
  reserve(bytes: number): number {
    if (bytes > this.recordBytesMax || bytes < 0) throw new Error('ring: record too big');
    faultPoint(POINT.ring);
    const size = (bytes + HEADER_BYTES + 7) & -8;
    const at = this.position & this.mask;
    const tillEnd = this.capacity - at;
    const need = size <= tillEnd ? size : size + tillEnd;
    if (((this.position - this.cachedHead) | 0) + need > this.capacity && !this.reloadHead(need)) return -1;
    let start = this.position;
    if (size > tillEnd) {
      this.i32[(DATA_OFFSET + at) >> 2] = WRAP;
      start = (start + tillEnd) | 0;
    }
    this.reservedAt = start;
    this.reservedBytes = bytes;
    return DATA_OFFSET + (start & this.mask) + HEADER_BYTES;
  }

  private reloadHead(need: number): boolean {
    this.cachedHead = Atomics.load(this.i32, HEAD);
    if (((this.position - this.cachedHead) | 0) + need <= this.capacity) return true;
    Atomics.store(this.i32, STARVED, 1);
    this.cachedHead = Atomics.load(this.i32, HEAD);
    return ((this.position - this.cachedHead) | 0) + need <= this.capacity;
  }

  /** hot: the reserved record is whole, with `bytes` payload bytes (at most what was reserved). Not yet visible. */
  commit(bytes: number = this.reservedBytes): void {
    if (bytes > this.reservedBytes) throw new Error('ring: commit without that reservation');
    const header = (DATA_OFFSET + (this.reservedAt & this.mask)) >> 2;
    this.i32[header] = bytes;
    this.i32[header + 1] = bytes ^ CHECK;
    this.position = (this.reservedAt + ((bytes + HEADER_BYTES + 7) & -8)) | 0;
    faultPoint(POINT.ring);
    this.reservedBytes = -1;
    this.i32[COMMITTED] = this.position;
  }

  /**
   * hot: makes all committed records visible; returns whether there were any. Once per batch; ring the doorbell then.
   */
  publish(): boolean {
    if (this.published === this.position) return false;
    faultPoint(POINT.ring);
    this.published = this.position;
    Atomics.store(this.i32, TAIL, this.position);
    return true;
  }

  /**
   * End of the last committed record (free-running, bytes): the ring has released it when headPosition() is not before
   * it.
   */
  committedPosition(): number {
    return this.position;
  }

  /** Drops mails that were taken out. Called now and then when nothing is sent. */
  forgetReleased(): void {
    if (this.mailbox !== null) this.mailbox.forgetReleased(this.headPosition());
  }

  /** Asks the consumer for a wake-up at its next release(), as a failed reserve() does. */
  starve(): void {
    Atomics.store(this.i32, STARVED, 1);
  }

  /** Waits until the consumer releases something or `timeoutMs` passed. @requires a thread that may block */
  waitForRoom(timeoutMs: number): void {
    Atomics.store(this.i32, STARVED, 1);
    const head = Atomics.load(this.i32, HEAD);
    if (head !== this.cachedHead) return;
    Atomics.wait(this.i32, HEAD, head, timeoutMs);
  }
}

/** The reading end; used by one thread only. */
export class RingConsumer extends RingView {
  /** Payload bytes of the record that peek() found. */
  length = 0;
  /**
   * Whether the previous consumer of this ring died between begin() and advance(); the record at peek() is that one.
   */
  readonly interrupted: boolean;
  /** After `interrupted`: the mark that the predecessor passed to begin(), and whether it had called executed(). */
  readonly interruptedMark: number;
  readonly interruptedExecuted: boolean;
  private position: number;
  private next = 0;
  private cachedTail: number;
  private released: number;
  /** Where a look ahead goes on, and behind the record found there. */
  private ahead: number;
  private aheadNext = 0;

  /** Attaches to the ring, behind the last record that was done. */
  constructor(sab: SharedArrayBuffer, mailbox: Mailbox | null = null) {
    super(sab, mailbox);
    this.released = Atomics.load(this.i32, HEAD);
    this.position = this.i32[DONE]!;
    this.ahead = this.position;
    this.cachedTail = Atomics.load(this.i32, TAIL);
    this.interrupted = this.i32[BEGUN] !== this.i32[DONE];
    this.interruptedMark = this.i32[MARK]!;
    this.interruptedExecuted = this.i32[EXECUTED] !== 0;
    if (((this.position - this.released) | 0) < 0) throw new Error('ring: done is before head');
  }

  /** hot: payload offset of the next record (its size in `length`), or -1 when nothing more is published. */
  peek(): number {
    for (;;) {
      if (this.position === this.cachedTail) {
        this.cachedTail = Atomics.load(this.i32, TAIL);
        if (this.position === this.cachedTail) return -1;
      }
      const at = this.position & this.mask;
      const header = (DATA_OFFSET + at) >> 2;
      const length = this.i32[header]!;
      if (length === WRAP) {
        this.position = (this.position + this.capacity - at) | 0;
        continue;
      }
      if (length < 0 || length > this.recordBytesMax || this.i32[header + 1] !== (length ^ CHECK)) {
        throw new Error('ring: torn record');
      }
      this.length = length;
      this.next = (this.position + ((length + HEADER_BYTES + 7) & -8)) | 0;
      return DATA_OFFSET + at + HEADER_BYTES;
    }
  }

  /**
   * Begins to look at published records while another is worked on, or while others are: those that an earlier look
   * ahead passed are left out. `inWork`: the peeked record is being worked on, and is left out too.
   */
  lookAhead(inWork: boolean): void {
    const first = inWork ? this.next : this.position;
    if (((this.ahead - first) | 0) < 0) this.ahead = first;
  }

  /** Payload offset of the next record ahead, -1 when there is none. @requires lookAhead() */
  peekAhead(): number {
    invariant(((this.ahead - this.position) | 0) >= 0, 'lookAhead() was called');
    const tail = Atomics.load(this.i32, TAIL);
    while (this.ahead !== tail) {
      const at = this.ahead & this.mask;
      const length = this.i32[(DATA_OFFSET + at) >> 2]!;
      if (length === WRAP) {
        this.ahead = (this.ahead + this.capacity - at) | 0;
        continue;
      }
      this.aheadNext = (this.ahead + ((length + HEADER_BYTES + 7) & -8)) | 0;
      return DATA_OFFSET + at + HEADER_BYTES;
    }
    return -1;
  }

  /** The record that peekAhead() found has been looked at. It stays for peek(). */
  passAhead(): void {
    this.ahead = this.aheadNext;
  }

  /**
   * hot: work on the peeked record begins; `mark` is for the successor that finds the record interrupted. Optional, see
   * `interrupted`.
   */
  begin(mark: number): void {
    this.i32[MARK] = mark;
    this.i32[EXECUTED] = 0;
    this.i32[BEGUN] = this.next;
  }

  /**
   * hot: the peeked record is taken up: if this thread dies before `advance` or `putOff`, the record counts as the
   * cause.
   */
  takeUp(): void {
    this.i32[TAKEN_UP] = this.next;
  }

  /** The record taken up waits for its turn: if this thread dies meanwhile, the record does not count as the cause. */
  putOff(): void {
    this.i32[TAKEN_UP] = this.position;
  }

  /**
   * For a successor: how many consumers died with the peeked record taken up, the last one included; 0 if the last one
   * was not at it. Counts the last death: once.
   */
  countDeath(): number {
    const { i32, next } = this;
    if (i32[TAKEN_UP] !== next) return 0;
    const deaths = i32[DEATHS_AT] === next ? i32[DEATHS]! + 1 : 1;
    i32[DEATHS_AT] = next;
    i32[DEATHS] = deaths;
    return deaths;
  }

  /** The record begun has been carried out, and only its answer must still leave. @requires begin() */
  executed(): void {
    this.i32[EXECUTED] = 1;
  }

  /**
   * hot: the peeked record is finished (its reply is committed); moves to the next. The memory stays until release().
   */
  advance(): void {
    faultPoint(POINT.ring);
    this.position = this.next;
    this.i32[BEGUN] = this.next;
    this.i32[DONE] = this.next;
  }

  /**
   * hot: gives the memory of all records behind the position back to the producer, and wakes one that waits. Returns
   * true when the producer found the ring full since the last time: ring its doorbell if it does not block in
   * waitForRoom().
   */
  release(): boolean {
    if (this.released === this.position) return false;
    faultPoint(POINT.ring);
    this.released = this.position;
    this.i32[BEGUN] = this.position;
    this.i32[DONE] = this.position;
    Atomics.store(this.i32, HEAD, this.position);
    if (Atomics.load(this.i32, STARVED) === 0) return false;
    Atomics.store(this.i32, STARVED, 0);
    Atomics.notify(this.i32, HEAD);
    return true;
  }

  /** hot: whether published records wait beyond the position; reads one shared word at most. */
  hasWork(): boolean {
    if (this.position !== this.cachedTail) return true;
    this.cachedTail = Atomics.load(this.i32, TAIL);
    return this.position !== this.cachedTail;
  }
}
