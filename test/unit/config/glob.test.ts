import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { globMatch, globMatchText, STARS_MAX } from '../../../src/shared/glob.js';

const matches = (pattern: string, text: string) => globMatchText(pattern, text, false);

/** A slow and obvious matcher: recursion over decoded elements; null stands for a star. */
type Element = null | ((char: string) => boolean);
function naive(elements: Element[], text: string): boolean {
  if (elements.length === 0) return text === '';
  const [first, ...rest] = elements;
  if (first === null) return naive(rest, text) || (text !== '' && naive(elements, text.slice(1)));
  return text !== '' && first!(text[0]!) && naive(rest, text.slice(1));
}

describe('glob patterns', () => {
  it('match what KEYS is asked for in Redis', () => {
    const keys = ['key_x', 'key_y', 'key_z', 'foo_a', 'foo_b', 'foo_c'];
    const found = (pattern: string) => keys.filter((key) => matches(pattern, key));
    expect(found('foo*')).toEqual(['foo_a', 'foo_b', 'foo_c']);
    expect(found('*')).toEqual(keys);
    expect(found('???_[a-y]')).toEqual(['key_x', 'key_y', 'foo_a', 'foo_b', 'foo_c']);
    expect(found('foo_[^ab]')).toEqual(['foo_c']);
    expect(found('foo_[ac]')).toEqual(['foo_a', 'foo_c']);
    expect(found('nothing')).toEqual([]);
  });

  it('take escaped bytes literally', () => {
    expect(matches('a\\*c', 'a*c')).toBe(true);
    expect(matches('a\\*c', 'abc')).toBe(false);
    expect(matches('[\\]]', ']')).toBe(true);
    expect(matches('abc\\', 'abc\\')).toBe(true);
  });

  it('turn a reversed range round and let an unclosed class end with the pattern', () => {
    expect(matches('[z-a]', 'm')).toBe(true);
    expect(matches('[abc', 'b')).toBe(true);
    expect(matches('[abc', 'd')).toBe(false);
    expect(matches('[', 'a')).toBe(false);
    expect(matches('[^', 'a')).toBe(true);
    expect(matches('[]', 'a')).toBe(false);
    expect(matches('[a-', '-')).toBe(true);
  });

  it('do not match the empty text with a star, as Redis does not', () => {
    expect(matches('*', '')).toBe(false);
    expect(matches('', '')).toBe(true);
    expect(matches('', 'a')).toBe(false);
    expect(matches('a*', 'a')).toBe(true);
    expect(matches('a**', 'a')).toBe(true);
  });

  it('ignore the case of letters when asked to', () => {
    expect(globMatchText('MaX*', 'maxmemory', true)).toBe(true);
    expect(globMatchText('MaX*', 'maxmemory', false)).toBe(false);
    expect(globMatchText('[A-C]x', 'bX', true)).toBe(true);
  });

  it('work on any bytes, at any offset of a larger buffer, and never look beyond', () => {
    const buffer = Uint8Array.of(0x2a, 0xff, 0x00, 0x5b, 0x2a, 0xff, 0x00, 0x2a);
    expect(globMatch(buffer, 1, 2, buffer, 5, 2, false)).toBe(true);
    expect(globMatch(buffer, 1, 1, buffer, 5, 1, false)).toBe(true);
    expect(globMatch(buffer, 3, 1, buffer, 0, 1, false)).toBe(false);
  });

  it('answer abusive patterns at once', () => {
    expect(matches('a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b', 'a'.repeat(40))).toBe(false);
    expect(matches('*?'.repeat(50_000), 'a'.repeat(50_000))).toBe(false);
    expect(matches(`${'a*'.repeat(STARS_MAX)}b`, `${'a'.repeat(STARS_MAX)}b`)).toBe(true);
    expect(matches(`${'a*'.repeat(STARS_MAX + 1)}b`, `${'a'.repeat(STARS_MAX + 1)}b`)).toBe(false);
  });

  it('agree with a plain recursive matcher on random patterns', () => {
    const element = fc.constantFrom<[string, Element]>(
      ['*', null],
      ['?', () => true],
      ['a', (c) => c === 'a'],
      ['\\b', (c) => c === 'b'],
      ['[ab]', (c) => c === 'a' || c === 'b'],
      ['[^a]', (c) => c !== 'a'],
      ['[b-c]', (c) => c === 'b' || c === 'c'],
    );
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(fc.array(element, { maxLength: 7 }), text, (elements, t) => {
        const pattern = elements.map((e) => e[0]).join('');
        expect(matches(pattern, t)).toBe(
          naive(
            elements.map((e) => e[1]),
            t,
          ),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('#11: need no more steps than pattern and text are long, nearly', () => {
    const text = 'a'.repeat(200_000);
    expect(matches(`*${'a'.repeat(50_000)}b`, text)).toBe(false);
    expect(matches(`*${'a'.repeat(50_000)}b*`, text)).toBe(false);
    expect(matches(`*${'a'.repeat(50_000)}*`, text)).toBe(true);
    expect(globMatchText(`*${'a'.repeat(50_000)}B*`, `${text}b${text}`, true)).toBe(true);
    expect(matches(`*${'a?'.repeat(2000)}[bc]*`, text)).toBe(false);
    expect(matches(`*${'a?'.repeat(2000)}[bc]*`, `${text}c${text}`)).toBe(true);
  });

  it('#11: agree with a table of all places, also where the search is prepared', () => {
    const element = fc.constantFrom<[string, Element]>(
      ['*', null],
      ['?', () => true],
      ['a', (c) => c === 'a'],
      ['a', (c) => c === 'a'],
      ['a', (c) => c === 'a'],
      ['\\b', (c) => c === 'b'],
      ['[ab]', (c) => c === 'a' || c === 'b'],
    );
    const text = fc.string({ unit: fc.constantFrom(...'aaaaaaaaaaaaaaaab'), minLength: 200, maxLength: 600 });
    const literal = fc.constantFrom(...'aaaaaaaaaaaaaaaab').map((a): [string, Element] => [a, (c) => c === a]);
    const segment = fc.array(literal, { minLength: 30, maxLength: 60 });
    const elements = fc.oneof(
      fc.array(element, { maxLength: 80 }),
      fc
        .tuple(segment, segment)
        .map(([a, b]): [string, Element][] => [['*', null], ...a, ['*', null], ...b, ['*', null]]),
    );
    fc.assert(
      fc.property(elements, text, (parts, t) => {
        const pattern = parts.map((part) => part[0]).join('');
        const tests = parts.map((part) => part[1]);
        expect(matches(pattern, t)).toBe(byTable(tests, t));
      }),
      { numRuns: 500 },
    );
  });
});

/** Which prefixes of the text the elements so far match, element by element. */
function byTable(elements: readonly Element[], text: string): boolean {
  let reached = Array.from({ length: text.length + 1 }, (_, t) => t === 0);
  for (const element of elements) {
    const next = reached.map(() => false);
    for (let t = 0; t <= text.length; t++) {
      if (element === null) next[t] = reached[t]! || (t > 0 && next[t - 1]!);
      else if (t > 0) next[t] = reached[t - 1]! && element(text[t - 1]!);
    }
    reached = next;
  }
  return reached[text.length]!;
}
