/** What the keyspace must know of a string: its bytes, freeing, copying, and its cells for fsck. */

import type { Arena } from '../../../shared/memory/arena.js';
import { bytesOf, wordIndex, wordsOf } from '../../../shared/memory/cell.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { mixDigest } from '../../entry/digest-mix.js';
import {
  copyRegionWords,
  ENC_BLOB,
  ENC_EMBED,
  ENC_INT,
  entryEncoding,
  SHORT_VALUE_MAX,
  valueWord,
  valueWordOffset,
} from '../../entry/entry.js';
import { blobCellBytes, blobCopy, blobFree, blobFrom } from '../../structures/blob.js';
import { visitBlob } from '../../structures/element.js';
import type { Visit } from '../../structures/garbage.js';
import { stringToBytes } from './string-value.js';

/** Bytes of the value region of the entry. @requires lease */
export function stringRegionBytes(arena: Arena, e: Ptr): number {
  const i32 = wordsOf(arena, e);
  const w = wordIndex(e);
  const head = i32[w]!;
  switch ((head >>> 4) & 15) {
    case ENC_INT:
      return 8;
    case ENC_BLOB:
      return 8;
    case ENC_EMBED: {
      const short = i32[w + 1]! & 255;
      return short <= SHORT_VALUE_MAX ? short : 4 + i32[w + valueWordOffset(head)]!;
    }
    default:
      throw new Error(`string of unknown encoding ${(head >>> 4) & 15}`);
  }
}

/** Bytes of the cells that the value has outside the entry. @requires lease */
export function stringCellBytes(arena: Arena, e: Ptr): number {
  if (entryEncoding(arena, e) !== ENC_BLOB) return 0;
  const i32 = wordsOf(arena, e);
  const vw = valueWord(arena, e);
  return blobCellBytes(arena, i32[vw]! as Ptr, i32[vw + 1]!);
}

/** Frees what the value has outside the entry. @requires lease */
export function stringFree(arena: Arena, e: Ptr): void {
  if (entryEncoding(arena, e) !== ENC_BLOB) return;
  const i32 = wordsOf(arena, e);
  const vw = valueWord(arena, e);
  blobFree(arena, i32[vw]! as Ptr, i32[vw + 1]!);
}

/** Gives `copy`, an entry of the same type and encoding in `to`, a copy of the value. Throws ArenaFullError. */
export function stringCopy(from: Arena, e: Ptr, to: Arena, copy: Ptr): void {
  if (entryEncoding(from, e) !== ENC_BLOB) {
    copyRegionWords(from, e, to, copy, stringRegionBytes(from, e));
    return;
  }
  const f32 = wordsOf(from, e);
  const source = valueWord(from, e);
  const length = f32[source + 1]!;
  setBlobRegion(to, copy, blobCopy(from, f32[source]! as Ptr, length, to), length);
}

/** Gives `copy`, an entry of encoding ENC_BLOB in `to`, a copy of an embedded string. Throws ArenaFullError. */
export function embeddedToBlob(from: Arena, e: Ptr, to: Arena, copy: Ptr): void {
  const i32 = wordsOf(from, e);
  const short = i32[wordIndex(e) + 1]! & 255;
  let source = valueWord(from, e);
  const length = short <= SHORT_VALUE_MAX ? short : i32[source++]!;
  setBlobRegion(to, copy, blobFrom(to, bytesOf(from, e), source * 4, length), length);
}

function setBlobRegion(arena: Arena, e: Ptr, dir: Ptr, length: number): void {
  const i32 = wordsOf(arena, e);
  const vw = valueWord(arena, e);
  i32[vw] = dir;
  i32[vw + 1] = length;
}

/** Calls `visit` once for each cell that the value has outside the entry. */
export function stringVisit(arena: Arena, e: Ptr, visit: Visit): void {
  if (entryEncoding(arena, e) !== ENC_BLOB) return;
  const i32 = wordsOf(arena, e);
  const vw = valueWord(arena, e);
  visitBlob(arena, i32[vw]! as Ptr, i32[vw + 1]!, visit);
}

/** Mixes the bytes into a digest as Redis's DEBUG DIGEST does. */
export function stringDigest(arena: Arena, e: Ptr, digest: Uint8Array): void {
  mixDigest(digest, stringToBytes(arena, e));
}
