/** How many bytes a value would take in an RDB file without compression, for DEBUG OBJECT. Cold. */
import type { Arena } from '../../shared/memory/arena.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import { int64, int64Number } from '../../shared/numbers/int64.js';
import { stringInt64, stringLength } from '../types/string-value.js';
import { entryType, TYPE_STRING } from './entry.js';

/** A string is written as a number if it has at most so many characters. */
const NUMBER_CHARS_MAX = 11;

/** Bytes of the value of an entry in an RDB file; each type adds its case. @requires lease */
export function serializedLength(arena: Arena, e: Ptr): number {
  if (entryType(arena, e) !== TYPE_STRING) throw new Error(`serialized length of unknown type ${entryType(arena, e)}`);
  const length = stringLength(arena, e);
  if (length <= NUMBER_CHARS_MAX && stringInt64(arena, e)) {
    const n = int64Number(int64.hi, int64.lo);
    if (n >= -128 && n <= 127) return 2;
    if (n >= -32768 && n <= 32767) return 3;
    if (n >= -(2 ** 31) && n < 2 ** 31) return 5;
  }
  if (length < 64) return 1 + length;
  return length < 16384 ? 2 + length : 5 + length;
}
