/** Room for more arguments than these is given up after the command. */
export const ARGS_KEPT_MAX = 1024;

/**
 * The arguments of one command, as places in a buffer: nothing is copied out of the bytes that came from the socket or
 * the ring until a handler stores them.
 *
 * Invariants: (1) `off` and `len` hold at least `argc` entries; (2) the bytes stay unchanged until the handler returns;
 * (3) `dv` views exactly the bytes that `u8` views.
 */
export class Args {
  /** The bytes in which every argument lies. Never a Node `Buffer`: one hidden class for all call sites. */
  u8: Uint8Array;
  /** The same bytes, for unaligned 32-bit access. */
  dv: DataView;
  /** Number of arguments, the command's name included. */
  argc = 0;
  /** Byte offset of argument i in `u8`. */
  off: Int32Array;
  /** Length in bytes of argument i. */
  len: Int32Array;
  /** The command's id when it has been looked up already, else -1 (shard/execute/look-ahead.ts). */
  commandId = -1;
  /** The offset of a key whose hashes stand in `h1` and `h2`, its slot in `slot` (with several shards); or -1. */
  hashedOff = -1;
  slot = 0;
  h1 = 0;
  h2 = 0;

  constructor(capacity = 64) {
    this.u8 = EMPTY;
    this.dv = EMPTY_VIEW;
    this.off = new Int32Array(capacity);
    this.len = new Int32Array(capacity);
  }

  /** Points the arguments at another buffer. */
  setBuffer(u8: Uint8Array, dv: DataView): void {
    this.u8 = u8;
    this.dv = dv;
  }

  /** Forgets the arguments; keeps nothing that is large alive. */
  letGo(): void {
    this.argc = 0;
    this.u8 = EMPTY;
    this.dv = EMPTY_VIEW;
    if (this.off.length <= ARGS_KEPT_MAX) return;
    this.off = new Int32Array(ARGS_KEPT_MAX);
    this.len = new Int32Array(ARGS_KEPT_MAX);
  }

  /** Makes room for `count` arguments; keeps those already there. */
  reserve(count: number): void {
    if (count <= this.off.length) return;
    let capacity = this.off.length;
    while (capacity < count) capacity *= 2;
    const off = new Int32Array(capacity);
    const len = new Int32Array(capacity);
    off.set(this.off);
    len.set(this.len);
    this.off = off;
    this.len = len;
  }

  /** Argument i as a latin-1 string, one char a byte. Cold paths only: it allocates. */
  latin1(i: number): string {
    const start = this.off[i]!;
    return Buffer.from(this.u8.buffer, this.u8.byteOffset + start, this.len[i]!).toString('latin1');
  }

  /** Argument i as a UTF-8 string. Cold paths only. */
  utf8(i: number): string {
    const start = this.off[i]!;
    return Buffer.from(this.u8.buffer, this.u8.byteOffset + start, this.len[i]!).toString('utf8');
  }

  /** Whether argument i equals `word` (lower-case ASCII) without regard to case. Allocates nothing. */
  is(i: number, word: string): boolean {
    const n = word.length;
    if (this.len[i] !== n) return false;
    const u8 = this.u8;
    const start = this.off[i]!;
    for (let k = 0; k < n; k++) {
      let c = u8[start + k]!;
      if (c >= 65 && c <= 90) c += 32;
      if (c !== word.charCodeAt(k)) return false;
    }
    return true;
  }

  /** Bytes of all arguments together. */
  get bytes(): number {
    let total = 0;
    for (let i = 0; i < this.argc; i++) total += this.len[i]!;
    return total;
  }

  /** A private copy of the bytes of argument i. */
  copy(i: number): Uint8Array {
    const start = this.off[i]!;
    return this.u8.slice(start, start + this.len[i]!);
  }

  /** A private copy of all arguments, packed into one fresh buffer (for jobs and queued commands). */
  detach(): Args {
    const out = new Args(Math.max(this.argc, 1));
    const bytes = new Uint8Array(this.bytes);
    let pos = 0;
    for (let i = 0; i < this.argc; i++) {
      const start = this.off[i]!;
      const n = this.len[i]!;
      bytes.set(this.u8.subarray(start, start + n), pos);
      out.off[i] = pos;
      out.len[i] = n;
      pos += n;
    }
    out.argc = this.argc;
    out.setBuffer(bytes, new DataView(bytes.buffer));
    return out;
  }
}

const EMPTY = new Uint8Array(0);
const EMPTY_VIEW = new DataView(EMPTY.buffer);
