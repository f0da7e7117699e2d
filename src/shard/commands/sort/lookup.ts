/**
 * The values that SORT's patterns lead to: the string in a key that is made from an element, or a field of the hash
 * there. The keys may be on any shard; the command holds all leases (`everyShard`).
 *
 * Invariants: (1) what `lookup...` found in `weight` or writes is read before the next lookup; (2) a lookup changes
 * nothing but the statistics and access clocks of keys, and takes away expired ones.
 */
import { copyBytes } from '../../../shared/memory/copy-bytes.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { int64, int64Number } from '../../../shared/numbers/int64.js';
import { parseDouble, parsed } from '../../../shared/numbers/strtod.js';
import { Args } from '../../../shared/resp/args.js';
import type { ExecContext } from '../../context/context.js';
import { entryType, TYPE_HASH } from '../../entry/entry.js';
import type { MemberList } from '../../structures/member-list.js';
import { findField, foundAtMs, hasTimes, readFound, STAYS, text } from '../../types/hash/hash-value.js';
import { isString, readString, stringInt64, stringLength } from '../../types/string/string-value.js';
import { PATTERN_FIELD, PATTERN_NOTHING, PATTERN_SELF, type SortPattern } from './options.js';

const BUFFER_MIN = 256;
const BUFFER_KEPT = 64 * 1024;

const KEY = new Args(1);
let keyBytes = new Uint8Array(0);
let valueBytes = new Uint8Array(0);
let valueView = new DataView(valueBytes.buffer);

/** The value of the last lookup that found one: `len` bytes at `off` of `u8`, which `dv` views. */
class Value {
  u8: Uint8Array = valueBytes;
  dv: DataView = valueView;
  off = 0;
  len = 0;
}

export const looked = new Value();

/** Looks up the key that the pattern makes of string i of the list. */
function lookupKey(ctx: ExecContext, args: Args, pattern: SortPattern, list: MemberList, i: number): Ptr {
  const len = list.len[i]!;
  const { prefixLen, postfixLen } = pattern;
  const bytes = prefixLen + len + postfixLen;
  if (keyBytes.length < bytes || keyBytes.length === 0) {
    keyBytes = new Uint8Array(Math.max(BUFFER_MIN, bytes * 2));
    KEY.setBuffer(keyBytes, new DataView(keyBytes.buffer));
    KEY.argc = 1;
    KEY.off[0] = 0;
  }
  copyBytes(keyBytes, 0, args.u8, pattern.prefixOff, prefixLen);
  copyBytes(keyBytes, prefixLen, list.u8s[list.view[i]!]!, list.off[i]!, len);
  copyBytes(keyBytes, prefixLen + len, args.u8, pattern.postfixOff, postfixLen);
  KEY.len[0] = bytes;
  return ctx.lookupRead(KEY, 0);
}

/** The entry that has the value of the pattern for string i: a string, or a hash with its field found. 0: none. */
function lookupEntry(ctx: ExecContext, args: Args, pattern: SortPattern, list: MemberList, i: number): Ptr {
  const e = lookupKey(ctx, args, pattern, list, i);
  if (e === NULL) return NULL;
  const arena = ctx.arena;
  if (pattern.kind !== PATTERN_FIELD) return isString(arena, e) ? e : NULL;
  if (entryType(arena, e) !== TYPE_HASH) return NULL;
  if (!findField(arena, e, args.u8, args.dv, pattern.fieldOff, pattern.fieldLen)) return NULL;
  if (hasTimes(arena, e)) {
    const at = foundAtMs(arena, e);
    if (at !== STAYS && at < ctx.overMs) return NULL;
  }
  return e;
}

/** Whether the pattern has a value for string i of the list, which is in `looked` then. */
export function lookUp(ctx: ExecContext, args: Args, pattern: SortPattern, list: MemberList, i: number): boolean {
  if (pattern.kind === PATTERN_NOTHING) return false;
  if (pattern.kind === PATTERN_SELF) {
    const view = list.view[i]!;
    looked.u8 = list.u8s[view]!;
    looked.dv = list.dvs[view]!;
    looked.off = list.off[i]!;
    looked.len = list.len[i]!;
    return true;
  }
  const e = lookupEntry(ctx, args, pattern, list, i);
  if (e === NULL) return false;
  const arena = ctx.arena;
  if (pattern.kind === PATTERN_FIELD) {
    readFound(arena, e);
    setLooked(text.u8, text.off, text.len);
    return true;
  }
  const len = stringLength(arena, e);
  ensureValue(len);
  readString(arena, e, 0, valueBytes, 0, len);
  looked.u8 = valueBytes;
  looked.dv = valueView;
  looked.off = 0;
  looked.len = len;
  return true;
}

function setLooked(u8: Uint8Array, off: number, len: number): void {
  ensureValue(len);
  copyBytes(valueBytes, 0, u8, off, len);
  looked.u8 = valueBytes;
  looked.dv = valueView;
  looked.off = 0;
  looked.len = len;
}

function ensureValue(len: number): void {
  if (len <= valueBytes.length) return;
  valueBytes = new Uint8Array(Math.max(BUFFER_MIN, len));
  valueView = new DataView(valueBytes.buffer);
}

/** The number that the pattern gives string i as its weight: 0 when there is no value, NaN when it is no number. */
export function lookUpNumber(ctx: ExecContext, args: Args, pattern: SortPattern, list: MemberList, i: number): number {
  const e = lookupEntry(ctx, args, pattern, list, i);
  if (e === NULL) return 0;
  const arena = ctx.arena;
  if (pattern.kind === PATTERN_FIELD) {
    readFound(arena, e);
    return parseDouble(text.u8, text.off, text.len) ? parsed.value : Number.NaN;
  }
  if (stringInt64(arena, e)) return int64Number(int64.hi, int64.lo);
  const len = stringLength(arena, e);
  ensureValue(len);
  readString(arena, e, 0, valueBytes, 0, len);
  return parseDouble(valueBytes, 0, len) ? parsed.value : Number.NaN;
}

/** Gives big buffers back. At the end of every command. */
export function forgetLookups(): void {
  if (keyBytes.length > BUFFER_KEPT) keyBytes = new Uint8Array(0);
  if (valueBytes.length > BUFFER_KEPT) {
    valueBytes = new Uint8Array(0);
    valueView = new DataView(valueBytes.buffer);
    looked.u8 = valueBytes;
    looked.dv = valueView;
  }
}
