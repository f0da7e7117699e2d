/**
 * Entries of a packed structure that came from outside, one after the other: the common shape of the readers of
 * listpacks, ziplists, zipmaps and intsets, so that a codec does not care which of them it reads.
 *
 * `open` checks the whole structure first; only then may `next` be called, which trusts it. Any thread.
 *
 * Invariants: (1) whatever the bytes are, nothing outside of them is read; (2) after `next` returned true the entry is
 * in `text` as bytes, valid until the next call; (3) readers do not move the bytes they read.
 */
import { INT64_CHARS_MAX, writeInt64 } from '../../shared/numbers/int64.js';
import { Text } from './rdb-reader.js';

export abstract class ForeignEntries {
  /** The present entry as bytes. */
  readonly text = new Text();
  /** Number of entries; exact after `open`. */
  count = 0;
  protected u8: Uint8Array = new Uint8Array(0);
  protected dv: DataView = this.text.dv;
  /** Where the next entry begins. */
  protected at = 0;
  private readonly digits = new Uint8Array(INT64_CHARS_MAX + 4);
  private readonly digitsView = new DataView(this.digits.buffer);

  /** Takes the `len` bytes at `off`; false when they are no sound structure. Begins before the first entry. */
  open(u8: Uint8Array, dv: DataView, off: number, len: number): boolean {
    this.u8 = u8;
    this.dv = dv;
    this.count = 0;
    return this.check(off, len);
  }

  /** Checks everything, counts the entries and sets `at` to the first. */
  protected abstract check(off: number, len: number): boolean;

  /** Reads the next entry into `text`; false at the end. */
  abstract next(): boolean;

  protected setBytes(off: number, len: number): void {
    const { text } = this;
    text.u8 = this.u8;
    text.dv = this.dv;
    text.off = off;
    text.len = len;
  }

  protected setInt(hi: number, lo: number): void {
    const { text } = this;
    text.u8 = this.digits;
    text.dv = this.digitsView;
    text.off = 0;
    text.len = writeInt64(this.digits, 0, hi, lo);
  }
}

/** An entry that is saved from the next one, which may be printed where this one was. */
export class KeptText extends Text {
  private readonly digits = new Uint8Array(INT64_CHARS_MAX + 4);
  private readonly digitsView = new DataView(this.digits.buffer);

  keep(text: Text): void {
    const { u8, off, len } = text;
    this.u8 = u8;
    this.dv = text.dv;
    this.off = off;
    this.len = len;
    if (len > INT64_CHARS_MAX) return;
    for (let i = 0; i < len; i++) this.digits[i] = u8[off + i]!;
    this.u8 = this.digits;
    this.dv = this.digitsView;
    this.off = 0;
  }
}
