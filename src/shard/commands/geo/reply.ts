/** How the GEO commands write distances and coordinates. */
import { fixedText } from '../../../shared/numbers/format-g.js';
import type { Reply } from '../../../shared/resp/reply.js';

const FRACTION_DIGITS = 17;
const SCALE = 10_000;
/** What Redis makes of a distance that is no number. */
const NO_DISTANCE = '-922337203685477.5808';
const ZERO = 48;
const POINT = 46;
const TEXT = new Uint8Array(32);
const TEXT_END = TEXT.length;

/** `x` to the nearest integer, halves to even. */
function nearest(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/** Writes a distance, not negative, with four digits behind the point, as a bulk string. */
// hot: GEODIST, WITHDIST
export function replyDistance(reply: Reply, x: number): void {
  let left = nearest(x * SCALE);
  if (!(left <= Number.MAX_SAFE_INTEGER)) {
    reply.bulkLatin1(NO_DISTANCE);
    return;
  }
  let at = TEXT_END;
  for (let i = 0; i < 4; i++) {
    const next = Math.floor(left / 10);
    TEXT[--at] = ZERO + left - next * 10;
    left = next;
  }
  TEXT[--at] = POINT;
  do {
    const next = Math.floor(left / 10);
    TEXT[--at] = ZERO + left - next * 10;
    left = next;
  } while (left > 0);
  reply.bulk(TEXT, at, TEXT_END - at);
}

/** A coordinate with up to 17 digits behind the point, as C's long doubles are printed. */
function coordinateText(x: number): string {
  const text = fixedText(x, FRACTION_DIGITS);
  let end = text.length;
  while (text.charCodeAt(end - 1) === ZERO) end--;
  if (text.charCodeAt(end - 1) === POINT) end--;
  return end === 2 && text.charCodeAt(1) === ZERO && x <= 0 ? '0' : text.slice(0, end);
}

function replyCoordinate(reply: Reply, x: number): void {
  const text = coordinateText(x);
  if (reply.proto === 2) {
    reply.bulkLatin1(text);
    return;
  }
  const n = text.length;
  reply.ensure(n + 4);
  const { u8 } = reply;
  let at = reply.pos;
  u8[at++] = 44;
  for (let i = 0; i < n; i++) u8[at++] = text.charCodeAt(i);
  u8[at++] = 13;
  u8[at++] = 10;
  reply.pos = at;
}

/** Writes longitude and latitude. */
export function replyPosition(reply: Reply, lon: number, lat: number): void {
  reply.array(2);
  replyCoordinate(reply, lon);
  replyCoordinate(reply, lat);
}
