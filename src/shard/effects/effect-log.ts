/**
 * Effects: what a write did, as the deterministic command that Redis would propagate, recorded while the leases are
 * held. The log is one shared buffer for all threads; room is reserved by an atomic add, so there is one total order of
 * writes that agrees with every shard's own order. The journal will be its reader; today tests are (DEBUG EFFECTS).
 *
 *     word 0: bytes reserved    word 1: records lost because the log was full
 *     record: [ bytes of payload | skips << 20 | db ] payload (RESP array of bulk strings), padded to 8
 *
 * Invariants: (1) a record is written under the leases of the keys it names; (2) readers hold all leases, so they see
 * whole records only; (3) nothing is recorded while GATE.effects is not raised; (4) no group is open between two
 * commands.
 */
import { copyBytes } from '../../shared/memory/copy-bytes.js';
import type { Args } from '../../shared/resp/args.js';

/** Bytes of the log; committed by the operating system only when used. */
export const EFFECT_LOG_BYTES = 64 * 1024 * 1024;
const HEAD_BYTES = 16;
const RECORD_BYTES = 8;

/** Bits of `skips`: the receivers that do not get a record (redis.set_repl in scripts). */
export const SKIP_JOURNAL = 1;
export const SKIP_REPLICAS = 2;
const SKIP_ALL = SKIP_JOURNAL | SKIP_REPLICAS;
const SKIPS_SHIFT = 20;

/** One record as a reader gets it. */
export interface EffectRecord {
  readonly db: number;
  readonly skips: number;
  readonly args: readonly Uint8Array[];
}

export class EffectLog {
  private readonly words: Int32Array;
  private readonly u8: Uint8Array;
  private scratch = new Uint8Array(1024);
  private pos = 0;
  /** Records of the open group, whole as they go into the log; null while there are none. */
  private group: Uint8Array[] | null = null;
  /** How many groups are open, one in another. */
  private depth = 0;
  /** The receivers that do not get the effects of commands from now on: a script's wish, 0 outside. */
  skips = 0;

  constructor(sab: SharedArrayBuffer) {
    this.words = new Int32Array(sab);
    this.u8 = new Uint8Array(sab);
  }

  /** Begins a record of `argc` arguments. */
  begin(argc: number): void {
    this.pos = 0;
    this.line(42, argc);
  }

  /** Adds an argument from bytes. */
  bytes(u8: Uint8Array, off: number, len: number): void {
    this.line(36, len);
    this.ensure(len + 2);
    copyBytes(this.scratch, this.pos, u8, off, len);
    this.pos += len;
    this.crlf();
  }

  /** Adds argument i of a command. */
  arg(args: Args, i: number): void {
    this.bytes(args.u8, args.off[i]!, args.len[i]!);
  }

  /** Adds an ASCII text. */
  text(text: string): void {
    this.line(36, text.length);
    this.ensure(text.length + 2);
    for (let i = 0; i < text.length; i++) this.scratch[this.pos++] = text.charCodeAt(i);
    this.crlf();
  }

  /** Adds an integer; one that a double cannot hold exactly stays within the 64 bits that a replay accepts. */
  integer(n: number): void {
    if (Number.isSafeInteger(n)) this.text(String(n));
    else this.text(n >= 2 ** 63 ? '9223372036854775807' : BigInt(n).toString());
  }

  /** Ends the record and puts it into the log. */
  commit(db: number): void {
    if (this.skips !== SKIP_ALL) this.put((this.skips << SKIPS_SHIFT) | db);
  }

  /** As `commit`, for what a script did not do, and may not hide: something has expired. */
  commitForAll(db: number): void {
    this.put(db);
  }

  private put(tag: number): void {
    const bytes = this.pos;
    if (this.depth !== 0) {
      this.group ??= [];
      this.group.push(recordOf(this.scratch, bytes, tag));
      return;
    }
    const total = RECORD_BYTES + ((bytes + 7) & ~7);
    const at = HEAD_BYTES + Atomics.add(this.words, 0, total);
    if (at + total > EFFECT_LOG_BYTES || at < 0) {
      Atomics.sub(this.words, 0, total);
      Atomics.add(this.words, 1, 1);
      return;
    }
    this.words[at >> 2] = bytes;
    this.words[(at >> 2) + 1] = tag;
    copyBytes(this.u8, at + RECORD_BYTES, this.scratch, 0, bytes);
    if (this.scratch.length > 1 << 20) this.scratch = new Uint8Array(1024);
  }

  /**
   * Begins a group: the commands recorded until `endGroup` go into the log as one. An inner group joins the outer.
   * Whether effects are wanted may change within a group (DEBUG EFFECTS in MULTI): it is begun and ended in any case.
   */
  beginGroup(): void {
    this.depth++;
  }

  /** Ends the group: nothing, one command, or several between MULTI and EXEC, in one piece. Call it in a `finally`. */
  endGroup(): void {
    if (this.depth === 0 || --this.depth > 0 || this.group === null) return;
    this.flushGroup();
  }

  /** Ends whatever group an exception has left open: what was recorded has happened. Nothing is skipped any more. */
  endAll(): void {
    this.depth = 0;
    this.skips = 0;
    if (this.group !== null) this.flushGroup();
  }

  private flushGroup(): void {
    const records = this.group!;
    this.group = null;
    if (records.length > 1) {
      const db = new DataView(records[0]!.buffer).getInt32(4, true) & 0xffff;
      records.unshift(this.single('MULTI', db));
      records.push(this.single('EXEC', db));
    }
    let total = 0;
    for (const record of records) total += record.length;
    const at = HEAD_BYTES + Atomics.add(this.words, 0, total);
    if (at + total > EFFECT_LOG_BYTES || at < 0) {
      Atomics.sub(this.words, 0, total);
      Atomics.add(this.words, 1, records.length);
      return;
    }
    let pos = at;
    for (const record of records) {
      this.u8.set(record, pos);
      pos += record.length;
    }
  }

  private single(name: string, db: number): Uint8Array {
    this.begin(1);
    this.text(name);
    return recordOf(this.scratch, this.pos, db);
  }

  /** Takes all records out. Cold: allocates. @requires all leases. Throws when records were lost. */
  take(): EffectRecord[] {
    if (this.words[1] !== 0) throw new Error(`effect log full: ${this.words[1]} records lost`);
    const end = HEAD_BYTES + this.words[0]!;
    const records: EffectRecord[] = [];
    for (let at = HEAD_BYTES; at < end; ) {
      const bytes = this.words[at >> 2]!;
      const tag = this.words[(at >> 2) + 1]!;
      const skips = tag >>> SKIPS_SHIFT;
      records.push({ db: tag & 0xffff, skips, args: this.parse(at + RECORD_BYTES) });
      at += RECORD_BYTES + ((bytes + 7) & ~7);
    }
    this.clear();
    return records;
  }

  /** Forgets everything. @requires all leases */
  clear(): void {
    this.words[0] = 0;
    this.words[1] = 0;
  }

  private parse(at: number): Uint8Array[] {
    let pos = at;
    const number = (): number => {
      let n = 0;
      pos++;
      while (this.u8[pos] !== 13) n = n * 10 + this.u8[pos++]! - 48;
      pos += 2;
      return n;
    };
    const argc = number();
    const args: Uint8Array[] = [];
    for (let i = 0; i < argc; i++) {
      const len = number();
      args.push(this.u8.slice(pos, pos + len));
      pos += len + 2;
    }
    return args;
  }

  private line(mark: number, n: number): void {
    this.ensure(24);
    this.scratch[this.pos++] = mark;
    let digits = 1;
    for (let m = n; m >= 10; m = (m / 10) | 0) digits++;
    for (let i = this.pos + digits - 1; i >= this.pos; i--) {
      this.scratch[i] = 48 + (n % 10);
      n = (n / 10) | 0;
    }
    this.pos += digits;
    this.crlf();
  }

  private crlf(): void {
    this.ensure(2);
    this.scratch[this.pos++] = 13;
    this.scratch[this.pos++] = 10;
  }

  private ensure(bytes: number): void {
    if (this.pos + bytes <= this.scratch.length) return;
    let size = this.scratch.length * 2;
    while (size < this.pos + bytes) size *= 2;
    const grown = new Uint8Array(size);
    grown.set(this.scratch.subarray(0, this.pos));
    this.scratch = grown;
  }
}

/** A whole record as it stands in the log. */
function recordOf(scratch: Uint8Array, bytes: number, tag: number): Uint8Array {
  const record = new Uint8Array(RECORD_BYTES + ((bytes + 7) & ~7));
  const view = new DataView(record.buffer);
  view.setInt32(0, bytes, true);
  view.setInt32(4, tag, true);
  record.set(scratch.subarray(0, bytes), RECORD_BYTES);
  return record;
}
