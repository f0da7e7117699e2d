/**
 * Redis's glob patterns on bytes: `*`, `?`, `[abc]`, `[^a]`, `[a-z]`, `\x`. For KEYS, SCAN MATCH, PSUBSCRIBE, CONFIG
 * GET.
 *
 * Any thread; pure functions over the caller's bytes; nothing is allocated.
 *
 * Invariants
 * (1) Every element but `*` takes exactly one byte. So the elements between two stars (a piece) have a fixed length.
 *     The first place of a piece in the text is as good as any later place. The piece behind the last star can only
 *     stand at the end of the text.
 * (2) A place is searched for step by step as long as that costs little. If the search would cost pattern length times
 *     text length (`*aaaaaaab*` in a text of a's), it goes on with the method of Knuth, Morris and Pratt, which takes
 *     pattern length plus text length steps. If the piece has `?` or classes, the search goes on with Shift-And
 *     (Baeza-Yates and Gonnet), which does 32 elements in one step. No stack is used.
 * (3) A pattern with more than `STARS_MAX` separate stars never matches, as in Redis 7.2. A star at the end of the
 *     pattern is not counted.
 * (4) Oddities that clients can see are kept: `*` does not match the empty text, an unclosed `[` ends with the pattern,
 *     an escaped byte in `[...]` is compared exactly even when case is ignored, a reversed range is turned round.
 */

/** Redis gives up when stars nest deeper than this. */
export const STARS_MAX = 1000;

/** So many steps, and some for each byte of the text, are made before a search that must be prepared. */
const EASY_STEPS = 256;

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

/** The bytes of literal elements, and what Knuth, Morris and Pratt call the failure function. */
let literals = new Uint8Array(256);
let failure = new Int32Array(256);
/** Larger ones are not kept. */
const ELEMENTS_KEPT = 4096;

/** Where `elements` elements from `p` on stand first in text[from, tEnd): the place behind them, or -1. */
function search(
  pattern: Uint8Array,
  p: number,
  pEnd: number,
  elements: number,
  text: Uint8Array,
  from: number,
  tEnd: number,
  nocase: boolean,
): number {
  if (literals.length < elements || literals.length > ELEMENTS_KEPT) {
    const room = Math.max(elements, 256);
    literals = new Uint8Array(room);
    failure = new Int32Array(room);
  }
  for (let i = 0, q = p; i < elements; i++) {
    let b = pattern[q]!;
    if (b === QUESTION || b === OPEN) return searchSets(pattern, p, pEnd, elements, text, from, tEnd, nocase);
    if (b === BACKSLASH && pEnd - q >= 2) b = pattern[++q]!;
    q++;
    literals[i] = nocase ? lower(b) : b;
  }
  failure[0] = 0;
  for (let i = 1, k = 0; i < elements; i++) {
    while (k > 0 && literals[i] !== literals[k]) k = failure[k - 1]!;
    if (literals[i] === literals[k]) k++;
    failure[i] = k;
  }
  for (let t = from, k = 0; t < tEnd; t++) {
    const byte = nocase ? lower(text[t]!) : text[t]!;
    while (k > 0 && byte !== literals[k]) k = failure[k - 1]!;
    if (byte === literals[k]) k++;
    if (k === elements) return t + 1;
  }
  return -1;
}

/** As `search`, whatever the elements are: bit i of a byte's words says whether element i takes that byte. */
function searchSets(
  pattern: Uint8Array,
  p: number,
  pEnd: number,
  elements: number,
  text: Uint8Array,
  from: number,
  tEnd: number,
  nocase: boolean,
): number {
  const words = (elements + 31) >>> 5;
  const takes = new Int32Array(256 * words);
  for (let i = 0, q = p; i < elements; i++) {
    for (let byte = 0; byte < 256; byte++) {
      if (matchElement(pattern, q, pEnd, byte, nocase)) takes[byte * words + (i >>> 5)]! |= 1 << (i & 31);
    }
    q = elementEnd;
  }
  // Bit i of the state: the elements up to i have taken the bytes up to this one.
  const state = new Int32Array(words);
  const last = 1 << ((elements - 1) & 31);
  for (let t = from; t < tEnd; t++) {
    const row = text[t]! * words;
    let carry = 1;
    for (let w = 0; w < words; w++) {
      const before = state[w]!;
      state[w] = ((before << 1) | carry) & takes[row + w]!;
      carry = before >>> 31;
    }
    if ((state[words - 1]! & last) !== 0) return t + 1;
  }
  return -1;
}

/** Whether the elements from `p` on, `elements` of them, take the bytes from `t` on; `matched`: how many did. */
function matchHere(
  pattern: Uint8Array,
  p: number,
  pEnd: number,
  elements: number,
  text: Uint8Array,
  t: number,
  nocase: boolean,
): boolean {
  let i = 0;
  while (i < elements && matchElement(pattern, p, pEnd, text[t + i]!, nocase)) {
    p = elementEnd;
    i++;
  }
  matched = i;
  return i === elements;
}
let matched = 0;

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
  while (t < tEnd && p < pEnd && pattern[p] !== STAR) {
    if (!matchElement(pattern, p, pEnd, text[t]!, nocase)) return false;
    p = elementEnd;
    t++;
  }
  let stars = 0;
  let stepsLeft = EASY_STEPS + 4 * tLen;
  while (t < tEnd) {
    // Here is a star, or the end of the pattern.
    if (p === pEnd) return false;
    while (p < pEnd && pattern[p] === STAR) p++;
    if (p === pEnd) return true;
    if (++stars > STARS_MAX) return false;
    let end = p;
    let elements = 0;
    while (end < pEnd && pattern[end] !== STAR) {
      matchElement(pattern, end, pEnd, 0, false);
      end = elementEnd;
      elements++;
    }
    const lastStart = tEnd - elements;
    if (lastStart < t) return false;
    if (end === pEnd) return matchHere(pattern, p, pEnd, elements, text, lastStart, nocase);
    const first = pattern[p]!;
    const isPlain = !nocase && first !== QUESTION && first !== OPEN && first !== BACKSLASH;
    for (;;) {
      if (isPlain) while (t <= lastStart && text[t] !== first) t++;
      if (t > lastStart) return false;
      if (matchHere(pattern, p, pEnd, elements, text, t, nocase)) {
        t += elements;
        break;
      }
      t++;
      stepsLeft -= matched;
      if (stepsLeft < 0) {
        t = search(pattern, p, pEnd, elements, text, t, tEnd, nocase);
        if (t < 0) return false;
        break;
      }
    }
    p = end;
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
