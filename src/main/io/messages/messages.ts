/**
 * Messages as clients get them. RESP2 and RESP3 differ in the first byte only, so one is made from the other.
 *
 *     *3 message channel payload     *4 pmessage pattern channel payload     *3 smessage channel payload
 */
import { copyBytes } from '../../../shared/memory/copy-bytes.js';

const CR = 13;
const LF = 10;
const DOLLAR = 36;
const ARRAY = 42;
const PUSH = 62;

const MESSAGE = ascii('*3\r\n$7\r\nmessage\r\n');
const SMESSAGE = ascii('*3\r\n$8\r\nsmessage\r\n');
const PMESSAGE = ascii('*4\r\n$8\r\npmessage\r\n');

let out: Uint8Array = new Uint8Array(0);
let pos = 0;

/** A message of a channel, or of a shard channel, for RESP2. */
// hot: once per message
export function channelMessage(
  isShard: boolean,
  u8: Uint8Array,
  off: number,
  len: number,
  m: Uint8Array,
  mOff: number,
  mLen: number,
): Uint8Array {
  begin(isShard ? SMESSAGE : MESSAGE, bulkBytes(len) + bulkBytes(mLen));
  bulk(u8, off, len);
  bulk(m, mOff, mLen);
  return out;
}

/** A message that came through a pattern, for RESP2. */
export function patternMessage(
  pattern: Uint8Array,
  u8: Uint8Array,
  off: number,
  len: number,
  m: Uint8Array,
  mOff: number,
  mLen: number,
): Uint8Array {
  begin(PMESSAGE, bulkBytes(pattern.length) + bulkBytes(len) + bulkBytes(mLen));
  bulk(pattern, 0, pattern.length);
  bulk(u8, off, len);
  bulk(m, mOff, mLen);
  return out;
}

/** The same message for RESP3. */
export function asPush(message: Uint8Array): Uint8Array {
  const copy = message.slice();
  copy[0] = PUSH;
  return copy;
}

function begin(head: Uint8Array, bytes: number): void {
  out = new Uint8Array(head.length + bytes);
  out.set(head);
  out[0] = ARRAY;
  pos = head.length;
}

function bulkBytes(len: number): number {
  return 5 + digitsOf(len) + len;
}

function digitsOf(n: number): number {
  let digits = 1;
  for (let m = n; m >= 10; m = Math.floor(m / 10)) digits++;
  return digits;
}

function bulk(u8: Uint8Array, off: number, len: number): void {
  out[pos++] = DOLLAR;
  const digits = digitsOf(len);
  let n = len;
  for (let i = pos + digits - 1; i >= pos; i--) {
    const next = Math.floor(n / 10);
    out[i] = 48 + n - next * 10;
    n = next;
  }
  pos += digits;
  out[pos++] = CR;
  out[pos++] = LF;
  copyBytes(out, pos, u8, off, len);
  pos += len;
  out[pos++] = CR;
  out[pos++] = LF;
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}
