import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as replies from '../../../src/shared/errors/replies.js';
import { doubleText } from '../../../src/shared/resp/double-text.js';
import { Reply } from '../../../src/shared/resp/reply.js';

function written(reply: Reply): string {
  return Buffer.concat(reply.takeChunks()).toString('latin1');
}

function both(write: (reply: Reply) => void): [string, string] {
  return ([2, 3] as const).map((proto) => {
    const reply = new Reply(64);
    reply.proto = proto;
    write(reply);
    return written(reply);
  }) as [string, string];
}

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

describe('the reply writer', () => {
  it.each<[string, (r: Reply) => void, string, string]>([
    ['ok', (r) => r.ok(), '+OK\r\n', '+OK\r\n'],
    ['pong', (r) => r.pong(), '+PONG\r\n', '+PONG\r\n'],
    ['queued', (r) => r.queued(), '+QUEUED\r\n', '+QUEUED\r\n'],
    ['simple', (r) => r.simple('string'), '+string\r\n', '+string\r\n'],
    ['error', (r) => r.error(replies.SYNTAX), '-ERR syntax error\r\n', '-ERR syntax error\r\n'],
    ['errorText', (r) => r.errorText('ERR a\r\nb'), '-ERR a  b\r\n', '-ERR a  b\r\n'],
    [
      'wrongArity',
      (r) => r.wrongArity('get'),
      "-ERR wrong number of arguments for 'get' command\r\n",
      "-ERR wrong number of arguments for 'get' command\r\n",
    ],
    ['nil', (r) => r.nil(), '$-1\r\n', '_\r\n'],
    ['nullArray', (r) => r.nullArray(), '*-1\r\n', '_\r\n'],
    ['array', (r) => r.array(3), '*3\r\n', '*3\r\n'],
    ['array of many', (r) => r.array(12345), '*12345\r\n', '*12345\r\n'],
    ['map', (r) => r.map(7), '*14\r\n', '%7\r\n'],
    ['set', (r) => r.set(2), '*2\r\n', '~2\r\n'],
    ['push', (r) => r.push(3), '*3\r\n', '>3\r\n'],
    ['true', (r) => r.bool(true), ':1\r\n', '#t\r\n'],
    ['false', (r) => r.bool(false), ':0\r\n', '#f\r\n'],
    ['bulk', (r) => r.bulk(bytes('xhello'), 1, 5), '$5\r\nhello\r\n', '$5\r\nhello\r\n'],
    ['empty bulk', (r) => r.bulk(bytes(''), 0, 0), '$0\r\n\r\n', '$0\r\n\r\n'],
    ['bulkText', (r) => r.bulkText('é'), '$2\r\n\xc3\xa9\r\n', '$2\r\n\xc3\xa9\r\n'],
    ['bulkLatin1', (r) => r.bulkLatin1('\xff'), '$1\r\n\xff\r\n', '$1\r\n\xff\r\n'],
    ['double', (r) => r.double(3.25), '$4\r\n3.25\r\n', ',3.25\r\n'],
    [
      'bigNumber',
      (r) => r.bigNumber('-123456789012345678901'),
      '$22\r\n-123456789012345678901\r\n',
      '(-123456789012345678901\r\n',
    ],
    ['verbatim', (r) => r.verbatim('txt', 'hi'), '$2\r\nhi\r\n', '=6\r\ntxt:hi\r\n'],
  ])('writes %s in both protocols', (_, write, resp2, resp3) => {
    expect(both(write)).toEqual([resp2, resp3]);
  });

  it('writes integers of all sizes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -20000, max: 20000 })), (n) => {
        const [int, bulk] = [both((r) => r.int(n))[0], both((r) => r.bulkInt(n))[0]];
        expect(int).toBe(`:${n}\r\n`);
        expect(bulk).toBe(`$${String(n).length}\r\n${n}\r\n`);
      }),
    );
  });

  it('writes 64-bit integers from two halves', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (n) => {
        const hi = Number(BigInt.asIntN(32, n >> 32n));
        const lo = Number(BigInt.asIntN(32, n));
        expect(both((r) => r.int64(hi, lo))[0]).toBe(`:${n}\r\n`);
        expect(both((r) => r.bulkInt64(hi, lo))[0]).toBe(`$${String(n).length}\r\n${n}\r\n`);
      }),
    );
  });

  it('grows, and keeps what it has written, for any mix of sizes', () => {
    const size = fc.oneof(fc.nat(40), fc.nat(70_000), fc.constantFrom(65_535, 65_536, 65_537, 300_000));
    fc.assert(
      fc.property(fc.array(size, { maxLength: 30 }), (sizes) => {
        const source = new Uint8Array(300_000).map((_, i) => 97 + (i % 26));
        const reply = new Reply(64);
        let expected = '';
        const text = Buffer.from(source).toString('latin1');
        sizes.forEach((n, i) => {
          if (i % 3 === 0) {
            const at = reply.bulkBegin(n);
            reply.u8.set(source.subarray(0, n), at);
            reply.bulkEnd();
          } else reply.bulk(source, 0, n);
          reply.int(i);
          expected += `$${n}\r\n${text.slice(0, n)}\r\n:${i}\r\n`;
        });
        expect(reply.byteLength).toBe(expected.length);
        expect(written(reply) === expected).toBe(true);
        expect(reply.byteLength).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('does not copy what is large a second time: a big value lies in a chunk of its own', () => {
    const reply = new Reply();
    reply.ok();
    const big = new Uint8Array(1 << 20).fill(65);
    reply.bulk(big, 0, big.length);
    reply.ok();
    const chunks = reply.takeChunks();
    expect(chunks.map((c) => c.length)).toEqual([5 + 10, big.length + 2, 5]);
  });

  it('closes deferred headers, nested ones and those in earlier chunks too', () => {
    const reply = new Reply(64);
    reply.proto = 3;
    const outer = reply.deferredArray();
    let expected = '';
    for (let i = 0; i < 3; i++) {
      const inner = reply.deferredArray();
      reply.bulkText(`k${i}`);
      const size = i === 1 ? 100_000 : 5;
      reply.bulk(new Uint8Array(size).fill(66), 0, size);
      reply.setDeferred(inner, 1, 'map');
      expected += `%1\r\n$2\r\nk${i}\r\n$${size}\r\n${'B'.repeat(size)}\r\n`;
    }
    reply.setDeferred(outer, 3);
    reply.ok();
    expect(written(reply) === `*3\r\n${expected}+OK\r\n`).toBe(true);
  });

  it('can take back a half-written reply', () => {
    const reply = new Reply(64);
    reply.ok();
    const mark = reply.mark();
    reply.bulk(new Uint8Array(100_000), 0, 100_000);
    reply.bulk(new Uint8Array(100_000), 0, 100_000);
    reply.truncate(mark);
    reply.error(replies.INTERNAL);
    expect(written(reply)).toBe('+OK\r\n-ERR internal error\r\n');
    reply.ok();
    const inside = reply.mark();
    reply.pong();
    reply.truncate(inside);
    expect(written(reply)).toBe('+OK\r\n');
  });

  it('counts errors and knows the last', () => {
    const reply = new Reply();
    reply.error(replies.WRONGTYPE);
    expect(reply.errors).toBe(1);
    expect(reply.lastError).toBe(replies.WRONGTYPE);
    reply.reset();
    expect(reply.errors).toBe(0);
  });
});

describe('doubles', () => {
  it.each<[number, string]>([
    [0, '0'],
    [-0, '-0'],
    [1, '1'],
    [-1, '-1'],
    [3, '3'],
    [1.5, '1.5'],
    [0.1, '0.1'],
    [-2.3, '-2.3'],
    [1e15, '1000000000000000'],
    [1e18, '1000000000000000000'],
    [2 ** 53 + 2, '9007199254740994'],
    [2 ** 62, '4611686018427387904'],
    [1e19, '1e+19'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [5e-324, '5e-324'],
    [1e-5, '0.00001'],
    [1e-7, '1e-7'],
    [1.5e-7, '1.5e-7'],
    [0.000123, '0.000123'],
    [123456.789, '123456.789'],
    [1e100, '1e+100'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
    [Number.NaN, 'nan'],
  ])('%d is written %s', (x, text) => {
    expect(doubleText(x)).toBe(text);
  });

  it('read back as the same number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
        expect(Object.is(Number(doubleText(x)), x)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
