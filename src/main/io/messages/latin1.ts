/** Bytes as strings of one char a byte, for keys of registries, without a view in between. */

type Slice = (this: Uint8Array, start: number, end: number) => string;
const slice = (Buffer.prototype as unknown as { latin1Slice: Slice }).latin1Slice;

/** The string of `u8[off, off + len)`. */
export function latin1(u8: Uint8Array, off: number, len: number): string {
  return len === 0 ? '' : slice.call(u8, off, off + len);
}
