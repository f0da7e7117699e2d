/** Writers of payloads and of the forms that only old Redises wrote, for tests: plain and slow. */

import { Crc64 } from '../../../src/shared/crc64.js';

export type Item = string | number | bigint;

export function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

/** A length of the RDB format. */
export function length(n: number): Buffer {
  if (n < 64) return Buffer.from([n]);
  if (n < 16384) return Buffer.from([0x40 | (n >> 8), n & 255]);
  const out = Buffer.alloc(5);
  out[0] = 0x80;
  out.writeUInt32BE(n, 1);
  return out;
}

/** A string of the RDB format, as it is. */
export function str(bytes: Uint8Array | string): Buffer {
  const data = typeof bytes === 'string' ? latin1(bytes) : bytes;
  return Buffer.concat([length(data.length), data]);
}

function uint32(n: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(n);
  return out;
}

export function int64(n: bigint | number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigInt64LE(BigInt(n));
  return out;
}

function ziplistData(item: Item): Buffer {
  if (typeof item === 'string') {
    const bytes = latin1(item);
    const n = bytes.length;
    if (n < 64) return Buffer.concat([Buffer.from([n]), bytes]);
    if (n < 16384) return Buffer.concat([Buffer.from([0x40 | (n >> 8), n & 255]), bytes]);
    const head = Buffer.alloc(5);
    head[0] = 0x80;
    head.writeUInt32BE(n, 1);
    return Buffer.concat([head, bytes]);
  }
  const n = BigInt(item);
  if (n >= 0n && n <= 12n) return Buffer.from([0xf1 + Number(n)]);
  const bytes = int64(n);
  const fits = (bits: bigint) => n >= -(1n << (bits - 1n)) && n < 1n << (bits - 1n);
  if (fits(8n)) return Buffer.concat([Buffer.from([0xfe]), bytes.subarray(0, 1)]);
  if (fits(16n)) return Buffer.concat([Buffer.from([0xc0]), bytes.subarray(0, 2)]);
  if (fits(24n)) return Buffer.concat([Buffer.from([0xf0]), bytes.subarray(0, 3)]);
  if (fits(32n)) return Buffer.concat([Buffer.from([0xd0]), bytes.subarray(0, 4)]);
  return Buffer.concat([Buffer.from([0xe0]), bytes]);
}

/** A ziplist. */
export function ziplist(items: readonly Item[], longPrevious = false): Buffer {
  const parts: Buffer[] = [];
  let at = 10;
  let tail = 10;
  let before = 0;
  for (const item of items) {
    const previous = before < 254 && !longPrevious ? Buffer.from([before]) : Buffer.from([254, ...uint32(before)]);
    const entry = Buffer.concat([previous, ziplistData(item)]);
    parts.push(entry);
    tail = at;
    at += entry.length;
    before = entry.length;
  }
  const count = Buffer.alloc(2);
  count.writeUInt16LE(Math.min(items.length, 65535));
  return Buffer.concat([uint32(at + 1), uint32(tail), count, ...parts, Buffer.from([255])]);
}

/** A zipmap; each value is followed by `free` unused bytes. */
export function zipmap(pairs: readonly (readonly [string, string])[], free = 0): Buffer {
  const size = (n: number) => (n < 254 ? Buffer.from([n]) : Buffer.from([254, ...uint32(n)]));
  const parts = pairs.map(([field, value]) =>
    Buffer.concat([
      size(field.length),
      latin1(field),
      size(value.length),
      Buffer.from([free]),
      latin1(value),
      Buffer.alloc(free, 0x77),
    ]),
  );
  return Buffer.concat([Buffer.from([Math.min(pairs.length, 254)]), ...parts, Buffer.from([255])]);
}

/** An intset of the given width. */
export function intset(width: 2 | 4 | 8, items: readonly (number | bigint)[]): Buffer {
  return Buffer.concat([uint32(width), uint32(items.length), ...items.map((n) => int64(n).subarray(0, width))]);
}

function backlen(size: number): Buffer {
  const n = size <= 127 ? 1 : size < 16383 ? 2 : size < 2097151 ? 3 : 4;
  const out = Buffer.alloc(n);
  for (let i = n - 1, rest = size; i >= 0; i--, rest = Math.floor(rest / 128)) {
    out[i] = i > 0 ? (rest % 128) | 128 : rest;
  }
  return out;
}

/** A listpack entry with exactly these bytes of encoding and data. */
export function rawEntry(bytes: Uint8Array | readonly number[]): Buffer {
  return Buffer.concat([Uint8Array.from(bytes), backlen(bytes.length)]);
}

function listpackEntry(item: Item): Buffer {
  if (typeof item === 'string') {
    const bytes = latin1(item);
    const n = bytes.length;
    if (n < 64) return rawEntry([0x80 | n, ...bytes]);
    if (n < 4096) return rawEntry([0xe0 | (n >> 8), n & 255, ...bytes]);
    return rawEntry(Buffer.concat([Buffer.from([0xf0]), uint32(n), bytes]));
  }
  const n = BigInt(item);
  const bytes = int64(n);
  const fits = (bits: bigint) => n >= -(1n << (bits - 1n)) && n < 1n << (bits - 1n);
  if (n >= 0n && n <= 127n) return rawEntry([Number(n)]);
  if (fits(13n)) return rawEntry([0xc0 | (Number(n >> 8n) & 31), Number(n & 255n)]);
  if (fits(16n)) return rawEntry([0xf1, ...bytes.subarray(0, 2)]);
  if (fits(24n)) return rawEntry([0xf2, ...bytes.subarray(0, 3)]);
  if (fits(32n)) return rawEntry([0xf3, ...bytes.subarray(0, 4)]);
  return rawEntry([0xf4, ...bytes]);
}

/** A listpack; an item that is a buffer is an entry already. */
export function listpack(items: readonly (Item | Buffer)[], count = items.length): Buffer {
  const parts = items.map((item) => (Buffer.isBuffer(item) ? item : listpackEntry(item)));
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(6);
  head.writeUInt32LE(body.length + 7);
  head.writeUInt16LE(Math.min(count, 65535), 4);
  return Buffer.concat([head, body, Buffer.from([255])]);
}

/** A payload with a right footer around a form and a value. */
export function payload(body: Uint8Array | readonly number[], version = 10): Buffer {
  const crc = new Crc64();
  const out = Buffer.alloc(body.length + 10);
  out.set(body);
  out.writeUInt16LE(version, body.length);
  crc.update(out, 0, body.length + 2);
  crc.write(out, body.length + 2);
  return out;
}

/** The payload without its footer. */
export function bodyOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.subarray(0, bytes.length - 10));
}
