/**
 * The end of what DUMP and FUNCTION DUMP return: the version of the format and a checksum.
 *
 *     | ... | version:2 | CRC-64 of all before:8 |     little-endian
 */
import { Crc64 } from '../../shared/crc64.js';
import type { Args } from '../../shared/resp/args.js';
import { CONTROL, type ControlBlock } from '../../shared/sync/control-block.js';
import { RDB_VERSION_MAX } from './rdb-format.js';

export const CRC_BYTES = 8;
/** Bytes of version and checksum. */
export const FOOTER_BYTES = 2 + CRC_BYTES;

const CRC = new Crc64();

/** Whether argument i ends with a version that we know and the checksum of all before it. */
export function soundFooter(control: ControlBlock, args: Args, i: number): boolean {
  const { u8 } = args;
  const off = args.off[i]!;
  const len = args.len[i]!;
  if (len < FOOTER_BYTES) return false;
  const at = off + len - FOOTER_BYTES;
  if ((u8[at]! | (u8[at + 1]! << 8)) > RDB_VERSION_MAX) return false;
  if (control.i32[CONTROL.skipChecksum] !== 0) return true;
  CRC.reset();
  CRC.update(u8, off, len - CRC_BYTES);
  return CRC.equals(u8, off + len - CRC_BYTES);
}
