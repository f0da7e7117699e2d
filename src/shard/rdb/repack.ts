/**
 * Packed structures from outside as listpacks that may be kept as they are: each entry in the form in which it would be
 * written here, all of them in one cell. Ziplists, and listpacks that are sound but not canonical, are written anew.
 *
 * Invariant: what `asListpack` returns holds until its next call, or as long as the input.
 */
import { CELL_BYTES_MAX } from '../../shared/memory/ptr.js';
import { LP_HEAD_BYTES } from '../structures/listpack.js';
import { LP_END, lpEntryBytes, lpWrite } from '../structures/listpack-entry.js';
import type { ForeignEntries } from './foreign-entries.js';
import { ForeignListpack } from './foreign-listpack.js';
import { BAD_DATA, Text } from './rdb-reader.js';

const COUNT_UNKNOWN = 65535;

const REPACKED = new Text();
REPACKED.u8 = new Uint8Array(CELL_BYTES_MAX);
REPACKED.dv = new DataView(REPACKED.u8.buffer);

/**
 * The entries as a canonical listpack, null when that does not fit into a cell. `entries` was opened with `input` and
 * stands before its first entry, also afterwards.
 */
export function asListpack(entries: ForeignEntries, input: Text): Text | null {
  if (entries instanceof ForeignListpack && entries.canonical) return input.len <= CELL_BYTES_MAX ? input : null;
  const fits = write(entries);
  if (!entries.open(input.u8, input.dv, input.off, input.len)) throw BAD_DATA;
  return fits ? REPACKED : null;
}

function write(entries: ForeignEntries): boolean {
  const { u8, dv } = REPACKED;
  const { text } = entries;
  let at = LP_HEAD_BYTES;
  while (entries.next()) {
    const size = lpEntryBytes(text.u8, text.off, text.len);
    if (at + size >= CELL_BYTES_MAX) return false;
    at = lpWrite(u8, at, text.u8, text.off, text.len);
  }
  u8[at++] = LP_END;
  dv.setUint32(0, at, true);
  dv.setUint16(4, Math.min(entries.count, COUNT_UNKNOWN), true);
  REPACKED.len = at;
  return true;
}
