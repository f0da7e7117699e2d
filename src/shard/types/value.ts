/**
 * What the keyspace must know of a value of any type: how many bytes it has inside the entry, and how to free what it
 * has outside. Each type adds its cases here; fsck has the matching walk (keyspace/fsck.ts).
 */
import type { Arena } from '../../shared/memory/arena.js';
import { type Ptr, SEGMENT_SHIFT, UNIT_MASK } from '../../shared/memory/ptr.js';
import {
  ENC_BLOB,
  ENC_EMBED,
  ENC_INT,
  entryType,
  TYPE_HASH,
  TYPE_LIST,
  TYPE_SET,
  TYPE_STREAM,
  TYPE_STRING,
  TYPE_ZSET,
  valueWordOffset,
} from '../entry/entry.js';
import { ROOT_REGION_BYTES } from '../entry/root.js';
import { BLOCK_BYTES, blobCellBytes, blobCopy, blobFree } from '../structures/blob.js';
import { hashCellBytes, hashCopy, hashEncodingName, hashFree, hashLength, hashVisit } from './hash/hash-cells.js';
import { listCellBytes, listCopy, listEncodingName, listFree, listLength, listVisit } from './list/list-cells.js';
import { setCellBytes, setCopy, setEncodingName, setFree, setLength, setVisit } from './set/set-cells.js';
import {
  streamCellBytes,
  streamCopy,
  streamEncodingName,
  streamFree,
  streamLength,
  streamVisit,
} from './stream/stream-cells.js';
import { stringEncodingName, stringLength } from './string/string-value.js';
import { zsetCellBytes, zsetCopy, zsetEncodingName, zsetFree, zsetLength, zsetVisit } from './zset/zset-cells.js';

/** Bytes of the value region of an entry. @requires lease */
export function valueBytes(arena: Arena, e: Ptr): number {
  const i32 = arena.i32[e >>> SEGMENT_SHIFT]!;
  const w = (e & UNIT_MASK) << 1;
  const head = i32[w]!;
  if ((head & 15) !== TYPE_STRING) return ROOT_REGION_BYTES;
  switch ((head >>> 4) & 15) {
    case ENC_INT:
      return 8;
    case ENC_BLOB:
      return 8;
    case ENC_EMBED: {
      const short = i32[w + 1]! & 255;
      return short < 255 ? short : 4 + i32[w + valueWordOffset(head)]!;
    }
    default:
      throw new Error(`string of unknown encoding ${(head >>> 4) & 15}`);
  }
}

/** Bytes of the cells that an entry's value has outside the entry. @requires lease */
export function valueCellBytes(arena: Arena, e: Ptr): number {
  const i32 = arena.i32[e >>> SEGMENT_SHIFT]!;
  const w = (e & UNIT_MASK) << 1;
  const head = i32[w]!;
  switch (head & 15) {
    case TYPE_STRING:
      break;
    case TYPE_LIST:
      return listCellBytes(arena, e);
    case TYPE_SET:
      return setCellBytes(arena, e);
    case TYPE_ZSET:
      return zsetCellBytes(arena, e);
    case TYPE_HASH:
      return hashCellBytes(arena, e);
    case TYPE_STREAM:
      return streamCellBytes(arena, e);
    default:
      throw new Error(`value of unknown type ${head & 15}`);
  }
  if ((head & 0xff) !== (TYPE_STRING | (ENC_BLOB << 4))) return 0;
  const vw = w + valueWordOffset(head);
  return blobCellBytes(arena, i32[vw]! as Ptr, i32[vw + 1]!);
}

/** Frees what an entry's value has outside the entry. @requires lease */
export function freeValue(arena: Arena, e: Ptr): void {
  const i32 = arena.i32[e >>> SEGMENT_SHIFT]!;
  const w = (e & UNIT_MASK) << 1;
  const head = i32[w]!;
  if ((head & 15) !== TYPE_STRING) {
    freeTyped(arena, e, head & 15);
    return;
  }
  if ((head & 0xff) === (TYPE_STRING | (ENC_BLOB << 4))) {
    const vw = w + valueWordOffset(head);
    blobFree(arena, i32[vw]! as Ptr, i32[vw + 1]!);
  }
}

function freeTyped(arena: Arena, e: Ptr, type: number): void {
  switch (type) {
    case TYPE_LIST:
      listFree(arena, e);
      break;
    case TYPE_SET:
      setFree(arena, e);
      break;
    case TYPE_ZSET:
      zsetFree(arena, e);
      break;
    case TYPE_HASH:
      hashFree(arena, e);
      break;
    case TYPE_STREAM:
      streamFree(arena, e);
      break;
    default:
      throw new Error(`value of unknown type ${type}`);
  }
}

/**
 * Fills the value region of `copy`, an entry of the same type and encoding in `to`, with a copy of the value of `e`
 * that shares nothing with it. @requires leases of both arenas; `copy` was made with room for `valueBytes(from, e)`.
 * Throws ArenaFullError.
 */
export function copyValue(from: Arena, e: Ptr, to: Arena, copy: Ptr): void {
  switch (entryType(from, e)) {
    case TYPE_STRING:
      copyString(from, e, to, copy);
      break;
    case TYPE_LIST:
      listCopy(from, e, to, copy);
      break;
    case TYPE_SET:
      setCopy(from, e, to, copy);
      break;
    case TYPE_ZSET:
      zsetCopy(from, e, to, copy);
      break;
    case TYPE_HASH:
      hashCopy(from, e, to, copy);
      break;
    case TYPE_STREAM:
      streamCopy(from, e, to, copy);
      break;
    default:
      throw new Error(`value of unknown type ${entryType(from, e)}`);
  }
}

function copyString(from: Arena, e: Ptr, to: Arena, copy: Ptr): void {
  const f32 = from.i32[e >>> SEGMENT_SHIFT]!;
  const fw = (e & UNIT_MASK) << 1;
  if ((f32[fw]! & 0xff) === (TYPE_STRING | (ENC_BLOB << 4))) {
    const value = fw + valueWordOffset(f32[fw]!);
    const length = f32[value + 1]!;
    const dir = blobCopy(from, f32[value]! as Ptr, length, to);
    const t32 = to.i32[copy >>> SEGMENT_SHIFT]!;
    const tw = (copy & UNIT_MASK) << 1;
    const target = tw + valueWordOffset(t32[tw]!);
    t32[target] = dir;
    t32[target + 1] = length;
    return;
  }
  copyValueRegion(from, e, to, copy);
}

/**
 * Copies the value region word for word: what lies outside the entry is shared afterwards, so within one arena this
 * moves a value. Requires as `copyValue`.
 */
export function copyValueRegion(from: Arena, e: Ptr, to: Arena, copy: Ptr): void {
  const f32 = from.i32[e >>> SEGMENT_SHIFT]!;
  const t32 = to.i32[copy >>> SEGMENT_SHIFT]!;
  const fw = (e & UNIT_MASK) << 1;
  const tw = (copy & UNIT_MASK) << 1;
  const source = fw + valueWordOffset(f32[fw]!);
  const target = tw + valueWordOffset(t32[tw]!);
  const words = (valueBytes(from, e) + 3) >> 2;
  t32[tw + 1] = (t32[tw + 1]! & ~0xff) | (f32[fw + 1]! & 0xff);
  for (let i = 0; i < words; i++) t32[target + i] = f32[source + i]!;
}

/** Calls `visit` for each cell that an entry's value has outside the entry, for fsck. Each type adds its case. */
export function visitValueCells(arena: Arena, e: Ptr, visit: (ptr: Ptr, what: string) => void): void {
  const i32 = arena.i32[e >>> SEGMENT_SHIFT]!;
  const w = (e & UNIT_MASK) << 1;
  const head = i32[w]!;
  switch (head & 15) {
    case TYPE_STRING:
      break;
    case TYPE_LIST:
      listVisit(arena, e, visit);
      return;
    case TYPE_SET:
      setVisit(arena, e, visit);
      return;
    case TYPE_ZSET:
      zsetVisit(arena, e, visit);
      return;
    case TYPE_HASH:
      hashVisit(arena, e, visit);
      return;
    case TYPE_STREAM:
      streamVisit(arena, e, visit);
      return;
    default:
      throw new Error(`value of unknown type ${head & 15}`);
  }
  if ((head & 0xff) !== (TYPE_STRING | (ENC_BLOB << 4))) return;
  const vw = w + valueWordOffset(head);
  const dir = i32[vw]! as Ptr;
  visit(dir, 'value directory');
  const blocks = Math.ceil(i32[vw + 1]! / BLOCK_BYTES);
  for (let i = 0; i < blocks; i++) {
    const block = arena.i32[dir >>> SEGMENT_SHIFT]![((dir & UNIT_MASK) << 1) + i]! as Ptr;
    if (block !== 0) visit(block, 'value block');
  }
}

/** The encoding of an entry's value as OBJECT ENCODING names it. @requires lease */
export function valueEncodingName(arena: Arena, e: Ptr): string {
  switch (entryType(arena, e)) {
    case TYPE_LIST:
      return listEncodingName(arena, e);
    case TYPE_SET:
      return setEncodingName(arena, e);
    case TYPE_ZSET:
      return zsetEncodingName(arena, e);
    case TYPE_HASH:
      return hashEncodingName(arena, e);
    case TYPE_STREAM:
      return streamEncodingName(arena, e);
    default:
      return stringEncodingName(arena, e);
  }
}

/** Number of elements of a value, of bytes if it is a string. @requires lease */
export function valueLength(arena: Arena, e: Ptr): number {
  switch (entryType(arena, e)) {
    case TYPE_LIST:
      return listLength(arena, e);
    case TYPE_SET:
      return setLength(arena, e);
    case TYPE_ZSET:
      return zsetLength(arena, e);
    case TYPE_HASH:
      return hashLength(arena, e);
    case TYPE_STREAM:
      return streamLength(arena, e);
    default:
      return stringLength(arena, e);
  }
}
