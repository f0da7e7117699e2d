/** What a library writes, byte by byte, before it becomes a Lua string. Kept between calls while it is small. */

const INITIAL_BYTES = 4096;
const KEPT_BYTES_MAX = 1 << 20;
/** No longer string is made by one call of a library; an interpreter has room for 1.5 GB in all. */
export const STRING_BYTES_MAX = 1 << 30;

export class ByteBuffer {
  u8 = new Uint8Array(INITIAL_BYTES);
  dv = new DataView(this.u8.buffer);
  pos = 0;

  /** Begins anew. */
  reset(): void {
    this.pos = 0;
    if (this.u8.length <= KEPT_BYTES_MAX) return;
    this.u8 = new Uint8Array(INITIAL_BYTES);
    this.dv = new DataView(this.u8.buffer);
  }

  /** Makes room for `n` more bytes; returns where they go, and counts them as written. Errors: too many. */
  take(n: number): number {
    const at = this.pos;
    if (at + n > this.u8.length) {
      if (at + n > STRING_BYTES_MAX) throw new Error('string too long');
      const grown = new Uint8Array(Math.min(Math.max(this.u8.length * 2, at + n), STRING_BYTES_MAX));
      grown.set(this.u8.subarray(0, at));
      this.u8 = grown;
      this.dv = new DataView(grown.buffer);
    }
    this.pos = at + n;
    return at;
  }

  byte(b: number): void {
    const at = this.take(1);
    this.u8[at] = b;
  }

  bytes(src: Uint8Array, off: number, len: number): void {
    const at = this.take(len);
    if (len > 64) this.u8.set(src.subarray(off, off + len), at);
    else for (let i = 0; i < len; i++) this.u8[at + i] = src[off + i]!;
  }

  /** A text, one byte a char. */
  text(text: string): void {
    const at = this.take(text.length);
    for (let i = 0; i < text.length; i++) this.u8[at + i] = text.charCodeAt(i);
  }
}
