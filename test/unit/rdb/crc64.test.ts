import { describe, expect, test } from 'vitest';
import { Crc64 } from '../../../src/shared/crc64.js';
import { SeededRandom } from '../../harness/random.js';

const MASK = (1n << 64n) - 1n;

/** The definition, bit by bit. */
function plainCrc(bytes: Uint8Array): bigint {
  let crc = 0n;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1n) === 1n ? (crc >> 1n) ^ 0x95ac9329ac4bc9b5n : crc >> 1n;
  }
  return crc & MASK;
}

function value(crc: Crc64): bigint {
  return (BigInt(crc.hi >>> 0) << 32n) | BigInt(crc.lo >>> 0);
}

describe('CRC-64', () => {
  test('gives the known value of "123456789"', () => {
    const crc = new Crc64();
    crc.update(Buffer.from('123456789'), 0, 9);
    expect(value(crc)).toBe(0xe9c6d914c4b8d9can);
    const bytes = new Uint8Array(10);
    crc.write(bytes, 1);
    expect(Buffer.from(bytes.subarray(1, 9)).toString('hex')).toBe('cad9b8c414d9c6e9');
    expect(crc.equals(bytes, 1)).toBe(true);
    expect(crc.equals(bytes, 0)).toBe(false);
  });

  test('agrees with the definition for every length and alignment, in any number of pieces', () => {
    const random = new SeededRandom(64);
    const bytes = Uint8Array.from({ length: 200 }, () => random.below(256));
    for (let off = 0; off < 9; off++) {
      for (let len = 0; len < 80; len++) {
        const crc = new Crc64();
        const cut = random.below(len + 1);
        crc.update(bytes, off, cut);
        crc.update(bytes, off + cut, len - cut);
        expect(value(crc)).toBe(plainCrc(bytes.subarray(off, off + len)));
      }
    }
  });
});
