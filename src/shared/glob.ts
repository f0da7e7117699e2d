/**
 * Redis's glob patterns on bytes: `*`, `?`, `[abc]`, `[^a]`, `[a-z]`, `\x`. For KEYS, SCAN MATCH, PSUBSCRIBE, CONFIG
 * GET.
 *
 * Any thread; pure functions over the caller's bytes; nothing is allocated.
 *
 * Invariants
 * (1) Every element but `*` takes exactly one byte, so a mismatch after a star can only be mended by letting *that*
 * star
 *     take one byte more; earlier stars need no second try. One saved position replaces Redis's recursion.
 * (2) So the steps are bounded by pattern length times text length, whatever the pattern, and no stack is used.
 * (3) A pattern with more than `STARS_MAX` separate stars (a last one not counted) never matches, as in Redis 7.2.
 * (4) Oddities that clients can see are kept: `*` does not match the empty text, an unclosed `[` ends with the pattern,
 *     an escaped byte in `[...]` is compared exactly even when case is ignored, a reversed range is turned round.
 */

/** Redis gives up when stars nest deeper than this. */
export const STARS_MAX = 1000;

const STAR = 0x2a;
const QUESTION = 0x3f;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const CARET = 0x5e;
const DASH = 0x2d;
const BACKSLASH = 0x5c;

/** Where the element that `matchElement` looked at ends; -1 when it did not match. */
let elementEnd = 0;

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte;
}

/** Matches the class that starts behind `[` at `p`; sets `elementEnd`. */
function matchClass(pattern: Uint8Array, p: number, pEnd: number, byte: number, nocase: boolean): boolean {
  const c = nocase ? lower(byte) : byte;
  let negate = false;
  if (p < pEnd && pattern[p] === CARET) {
    negate = true;
    p++;
  }
  let found = false;
  for (; p < pEnd; p++) {
    const b = pattern[p]!;
    if (b === BACKSLASH && pEnd - p >= 2) {
      p++;
      if (pattern[p] === byte) found = true;
    } else if (b === CLOSE) {
      break;
    } else if (pEnd - p >= 3 && pattern[p + 1] === DASH) {
      let first = b;
      let last = pattern[p + 2]!;
      if (first > last) {
        const swap = first;
        first = last;
        last = swap;
      }
      if (nocase) {
        first = lower(first);
        last = lower(last);
      }
      if (c >= first && c <= last) found = true;
      p += 2;
    } else if ((nocase ? lower(b) : b) === c) {
      found = true;
    }
  }
  elementEnd = p < pEnd ? p + 1 : pEnd;
  return found !== negate;
}

/** Matches the one element (not a star) at `p` against `byte`; sets `elementEnd`. */
function matchElement(pattern: Uint8Array, p: number, pEnd: number, byte: number, nocase: boolean): boolean {
  let b = pattern[p]!;
  if (b === QUESTION) {
    elementEnd = p + 1;
    return true;
  }
  if (b === OPEN) return matchClass(pattern, p + 1, pEnd, byte, nocase);
  if (b === BACKSLASH && pEnd - p >= 2) b = pattern[++p]!;
  elementEnd = p + 1;
  return nocase ? lower(b) === lower(byte) : b === byte;
}

/**
 * Says whether the whole text matches the whole pattern, with Redis 7.2's semantics.
 *
 * @param pStart offset of the pattern in bytes, `pLen` its length
 * @param tStart offset of the text in bytes, `tLen` its length
 * @param nocase ignore the case of ASCII letters
 */
// hot: KEYS and SCAN MATCH call it for every key
export function globMatch(
  pattern: Uint8Array,
  pStart: number,
  pLen: number,
  text: Uint8Array,
  tStart: number,
  tLen: number,
  nocase: boolean,
): boolean {
  const pEnd = pStart + pLen;
  const tEnd = tStart + tLen;
  let p = pStart;
  let t = tStart;
  if (t === tEnd) return p === pEnd;
  let stars = 0;
  let afterStar = -1;
  let starText = 0;
  while (t < tEnd) {
    if (p < pEnd && pattern[p] === STAR) {
      while (p < pEnd && pattern[p] === STAR) p++;
      if (p === pEnd) return true;
      if (++stars > STARS_MAX) return false;
      afterStar = p;
      starText = t;
    } else if (p < pEnd && matchElement(pattern, p, pEnd, text[t]!, nocase)) {
      p = elementEnd;
      t++;
    } else {
      if (afterStar < 0) return false;
      p = afterStar;
      t = ++starText;
    }
  }
  while (p < pEnd && pattern[p] === STAR) p++;
  return p === pEnd;
}

/**
 * The same for strings of one char per byte (names, patterns from the control plane).
 *
 * @requires chars of both strings to be below 256
 */
export function globMatchText(pattern: string, text: string, nocase: boolean): boolean {
  const p = Uint8Array.from(pattern, (c) => c.charCodeAt(0));
  const t = Uint8Array.from(text, (c) => c.charCodeAt(0));
  return globMatch(p, 0, p.length, t, 0, t.length, nocase);
}
