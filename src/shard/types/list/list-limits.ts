/**
 * How big lists and their nodes may grow: list-max-listpack-size as Redis reads it. Negative values are classes of
 * bytes (-1: 4 KiB, ... -5: 64 KiB), others a number of entries, with 8 KiB as a bound that keeps work in a node
 * short.
 *
 * `listLimits` is one object a thread, refreshed by each command that may need it (`useListLimits`): two loads and
 * compares while nothing changed.
 */
import { CELL_BYTES_MAX } from '../../../shared/memory/ptr.js';
import { CONTROL, CONTROL_F64, type ControlBlock } from '../../../shared/sync/control-block.js';

/** Bytes of a node's cell before its entries. */
export const NODE_HEAD_BYTES = 16;
/** Most bytes of entries in one node. */
export const NODE_ROOM_MAX = CELL_BYTES_MAX - NODE_HEAD_BYTES;
/** Bytes of a listpack beside its entries, which Redis counts when it compares with a limit. */
export const LISTPACK_HEAD_BYTES = 7;
/** Elements up to this length are kept packed even if a node is meant to be smaller. */
const PACKED_ELEMENT_MAX = 8192;
/** Bytes of a node whose size is given as a number of entries. */
const SAFE_BYTES = 8192;
const SIZES = [4096, 8192, 16384, 32768, 65536];
/** What Redis sets when the threshold is given as 0. */
const DEFAULT_THRESHOLD = 2 ** 30;

class ListLimits {
  /** list-max-listpack-size. */
  fill = 0;
  /** Most bytes of a listpack, its own seven included; Infinity when entries are counted. */
  bytesMax = 0;
  /** Most entries; Infinity when bytes are counted. */
  countMax = 0;
  /** Most bytes of a listpack, whichever way it is limited. */
  safeBytesMax = 0;
  /** Most bytes of entries in a node of several. */
  nodeRoom = 0;
  /** Elements of so many bytes get a plain node. */
  threshold = DEFAULT_THRESHOLD;
  thresholdWord = 0;
}

export const listLimits = new ListLimits();
setFill(-2);

function setFill(fill: number): void {
  const limits = listLimits;
  limits.fill = fill;
  limits.bytesMax = fill < 0 ? SIZES[Math.min(-fill, SIZES.length) - 1]! : Number.POSITIVE_INFINITY;
  limits.countMax = fill < 0 ? Number.POSITIVE_INFINITY : Math.max(fill, 1);
  limits.safeBytesMax = fill < 0 ? limits.bytesMax : SAFE_BYTES;
  limits.nodeRoom = limits.safeBytesMax - NODE_HEAD_BYTES;
}

/** Takes over what the directives say now. */
// hot: every command that changes a list
export function useListLimits(control: ControlBlock): void {
  const fill = control.f64[CONTROL_F64.listMaxListpackSize]!;
  if (fill !== listLimits.fill) setFill(fill);
  const word = control.i32[CONTROL.packedThreshold]!;
  if (word === listLimits.thresholdWord) return;
  listLimits.thresholdWord = word;
  listLimits.threshold = word === 0 ? DEFAULT_THRESHOLD : word >>> 0;
}

/** Whether a listpack of `bytes` in all (its own seven included) and `count` entries is beyond the limits. */
export function exceedsLimits(bytes: number, count: number): boolean {
  return bytes > listLimits.safeBytesMax || count > listLimits.countMax;
}

/**
 * Whether an element of `len` bytes that would take `bytes` as an entry gets a node of its own, its bytes in a blob.
 */
export function isPlain(len: number, bytes: number): boolean {
  return len >= listLimits.threshold || (bytes > listLimits.nodeRoom && len > PACKED_ELEMENT_MAX);
}
