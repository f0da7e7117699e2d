import { describe, expect, it } from 'vitest';
import { multibulk, parsePieces, parseWhole } from './commands.js';

const text = (s: string): Uint8Array => Buffer.from(s, 'latin1');

describe('the parser', () => {
  it('finds pipelined multibulk commands', () => {
    const bytes = Buffer.concat([multibulk('SET', 'k', 'v'), multibulk('GET', 'k'), multibulk('PING')]);
    expect(parseWhole(bytes)).toEqual({ commands: [['SET', 'k', 'v'], ['GET', 'k'], ['PING']], error: '', rest: 0 });
  });

  it('reads lengths of one to seven digits and empty arguments', () => {
    for (const n of [0, 1, 9, 10, 99, 100, 999, 1000, 65535, 1_100_000]) {
      const out = parseWhole(multibulk('SET', '', 'x'.repeat(n)));
      expect(out.commands[0]!.map((w) => w.length)).toEqual([3, 0, n]);
    }
  });

  it('reads commands of 9, 10, 64, 65 and 100000 arguments', () => {
    for (const n of [9, 10, 64, 65, 100_000]) {
      const out = parseWhole(multibulk(...Array.from({ length: n }, (_, i) => `a${i}`)));
      expect(out.commands[0]!.length).toBe(n);
      expect(out.commands[0]![n - 1]).toBe(`a${n - 1}`);
    }
  });

  it('keeps binary arguments as they are, NUL and CRLF included', () => {
    expect(parseWhole(multibulk('SET', 'a\r\n\0b', '\0')).commands).toEqual([['SET', 'a\r\n\0b', '\0']]);
  });

  it('skips empty requests: *0, *-1, and empty lines', () => {
    expect(parseWhole(text('*0\r\n*-1\r\n\r\n\n*-10\r\nPING\r\n')).commands).toEqual([['PING']]);
  });

  it('skips all negative counts of 64 bits, and no others (#11)', () => {
    for (const count of ['-2147483648', '-2147483649', '-9223372036854775807', '-9223372036854775808']) {
      expect([count, parseWhole(text(`*${count}\r\nPING\r\n`)).commands]).toEqual([count, [['PING']]]);
    }
    for (const count of ['-9223372036854775809', '-9999999999999999999', '-0', '--1', '-', '9223372036854775808']) {
      expect([count, parseWhole(text(`*${count}\r\nPING\r\n`)).error]).toEqual([
        count,
        'Protocol error: invalid multibulk length',
      ]);
    }
    for (const bytes of ['-9223372036854775808', '9223372036854775807', '9223372036854775808']) {
      expect(parseWhole(text(`*1\r\n$${bytes}\r\n`)).error).toBe('Protocol error: invalid bulk length');
    }
  });

  it('waits for the rest of a command', () => {
    expect(parseWhole(text('*2\r\n$3\r\nGET\r\n$3\r\nke'))).toEqual({ commands: [], error: '', rest: 19 });
  });

  it('does not look at the bytes behind an argument, as Redis does not', () => {
    expect(parseWhole(text('*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n')).commands).toEqual([['PING'], ['PING']]);
  });

  it.each([
    ['*3000000000\r\n', 'invalid multibulk length'],
    ['*x\r\n', 'invalid multibulk length'],
    ['*+1\r\n', 'invalid multibulk length'],
    ['*01\r\n', 'invalid multibulk length'],
    ['*\r\n', 'invalid multibulk length'],
    ['*99999999999999999999999\r\n', 'invalid multibulk length'],
    ['*3\r\n$3\r\nSET\r\n$1\r\nx\r\nfooz\r\n', "expected '$', got 'f'"],
    ['*1\r\n:3\r\n', "expected '$', got ':'"],
    ['*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$-10\r\n', 'invalid bulk length'],
    ['*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$2000000000\r\n', 'invalid bulk length'],
    ['*1\r\n$\r\n', 'invalid bulk length'],
    ['*1\r\n$ 4\r\n', 'invalid bulk length'],
    ['*1\r\n$99999999999999999999\r\n', 'invalid bulk length'],
    ['"unbalanced\r\n', 'unbalanced quotes in request'],
    ['"a"b\r\n', 'unbalanced quotes in request'],
    ["'a'b\r\n", 'unbalanced quotes in request'],
  ])('answers %j with Redis words', (bytes, error) => {
    expect(parseWhole(text(bytes)).error).toBe(`Protocol error: ${error}`);
  });

  it.each([
    ['', 'too big inline request'],
    ['*', 'too big mbulk count string'],
    ['*1\r\n$', 'too big bulk count string'],
  ])('limits lines without an end to 64 KiB after %j', (prefix, error) => {
    const piece = text('1'.repeat(1000));
    const pieces = [text(prefix), ...Array.from({ length: 65 }, () => piece)];
    expect(parsePieces(pieces).error).toBe('');
    expect(parsePieces([...pieces, piece]).error).toBe(`Protocol error: ${error}`);
  });

  it.each(['\0', '*\0', '*1\r\n$\0'])('is not led out of a line by what follows a NUL (%j)', (prefix) => {
    const pieces = [text(prefix), ...Array.from({ length: 70 }, () => text(`${'A'.repeat(1000)}"\r\n`))];
    expect(parsePieces(pieces).error).toMatch(/^Protocol error: too big/);
  });

  it('limits clients that have not authenticated', () => {
    const limited = (s: string): string =>
      parseWhole(text(s), (p) => {
        p.authRequired = true;
      }).error;
    expect(limited('*11\r\n')).toBe('Protocol error: unauthenticated multibulk length');
    expect(limited('*10\r\n')).toBe('');
    expect(limited('*2\r\n$4\r\nAUTH\r\n$16385\r\n')).toBe('Protocol error: unauthenticated bulk length');
    expect(limited('*2\r\n$4\r\nAUTH\r\n$16384\r\n')).toBe('');
  });

  it('obeys proto-max-bulk-len', () => {
    const limited = (n: number): string =>
      parseWhole(multibulk('SET', 'k', 'x'.repeat(n)), (p) => {
        p.bulkBytesMax = 1024 * 1024;
      }).error;
    expect(limited(1024 * 1024)).toBe('');
    expect(limited(1024 * 1024 + 1)).toBe('Protocol error: invalid bulk length');
  });
});

describe('inline commands', () => {
  it.each<[string, string[]]>([
    ['PING\r\n', ['PING']],
    ['  SET\tk   v \n', ['SET', 'k', 'v']],
    ['SET k "a b\\n\\x41\\"\\q"\r\n', ['SET', 'k', 'a b\nA"q']],
    ["SET k 'a \\'b\\' \\n'\r\n", ['SET', 'k', "a 'b' \\n"]],
    ['SET k ""\r\n', ['SET', 'k', '']],
    ['SET k foo"bar"\r\n', ['SET', 'k', 'foobar']],
    ['SET k "\\xZZ"\r\n', ['SET', 'k', 'xZZ']],
    ['SET k v\\n\r\n', ['SET', 'k', 'v\\n']],
  ])('are split like Redis does: %j', (line, expected) => {
    expect(parseWhole(text(line)).commands).toEqual([expected]);
  });

  it('mix with multibulk commands', () => {
    const bytes = Buffer.concat([text('PING\r\n'), multibulk('GET', 'a'), text('ECHO "x y"\n')]);
    expect(parseWhole(bytes).commands).toEqual([['PING'], ['GET', 'a'], ['ECHO', 'x y']]);
  });

  it('are limited to 64 KiB without a line end', () => {
    expect(parseWhole(text('x'.repeat(65537))).error).toBe('Protocol error: too big inline request');
    expect(parseWhole(text('x'.repeat(65536))).error).toBe('');
    // How the bytes arrive makes no difference (#11).
    expect(parseWhole(text(`${'x'.repeat(65537)}\r\n`)).error).toBe('Protocol error: too big inline request');
    expect(parseWhole(text(`*${'1'.repeat(65537)}\r\n`)).error).toBe('Protocol error: too big mbulk count string');
  });
});
