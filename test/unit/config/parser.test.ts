import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfigText, quoteArgument, splitArguments } from '../../../src/main/config/parser.js';

describe('words of a configuration line', () => {
  it('are split at blanks', () => {
    expect(splitArguments('  save 900\t1  ')).toEqual(['save', '900', '1']);
    expect(splitArguments('')).toEqual([]);
  });

  it('may stand in double quotes with escapes', () => {
    expect(splitArguments('x "a b" "\\x00\\xfF" "\\n\\r\\t\\b\\a\\q\\"\\\\"')).toEqual([
      'x',
      'a b',
      '\x00\xff',
      '\n\r\t\b\x07q"\\',
    ]);
    expect(splitArguments('save ""')).toEqual(['save', '']);
  });

  it('may stand in single quotes, where only the single quote is escaped', () => {
    expect(splitArguments("'a\\'b' 'c\\nd'")).toEqual(["a'b", 'c\\nd']);
  });

  it('go on where a quote opens in the middle', () => {
    expect(splitArguments('a"b c" d')).toEqual(['ab c', 'd']);
  });

  it('are refused when quotes stay open or touch the next word', () => {
    expect(splitArguments('"abc')).toBeNull();
    expect(splitArguments("'abc")).toBeNull();
    expect(splitArguments('"abc"d')).toBeNull();
    expect(splitArguments('"abc\\"')).toBeNull();
  });

  it('come back from quoting whatever bytes they have', () => {
    const word = fc.uint8Array({ maxLength: 20 }).map((bytes) => String.fromCharCode(...bytes));
    fc.assert(
      fc.property(fc.array(word), (words) => {
        expect(splitArguments(words.map(quoteArgument).join(' '))).toEqual(words);
      }),
    );
  });
});

describe('a configuration file', () => {
  it('gives its directives with their lines, without comments and empty lines', () => {
    const statements = parseConfigText('# head\n\n  Port 7000\r\n# x\nsave 1 2\n', 'redis.conf');
    expect(statements).toEqual([
      { name: 'port', args: ['7000'], source: 'redis.conf', line: 3 },
      { name: 'save', args: ['1', '2'], source: 'redis.conf', line: 5 },
    ]);
  });

  it('with unbalanced quotes is refused with file and line', () => {
    expect(() => parseConfigText('port 1\nrequirepass "abc\n', 'my.conf')).toThrowError(
      expect.objectContaining({
        code: 'SHERD_CONFIG_SYNTAX',
        message: expect.stringMatching(/^my\.conf:2: unbalanced/),
      }),
    );
  });
});
