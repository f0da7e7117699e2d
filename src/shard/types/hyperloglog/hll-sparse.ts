/**
 * Sparse registers of a HyperLogLog: runs of equal ones, in order, which must add up to all registers.
 *
 *     ZERO    00llllll              l + 1 registers are 0
 *     XZERO   01llllll llllllll     the same, up to 16384
 *     VAL     1vvvvvll              l + 1 registers are v + 1
 *
 * A register is raised by splitting the run that holds it in up to three and then joining neighbours of one value.
 * Which neighbours are looked at, and when a table counts as too long, is as in Redis, so that the bytes come out
 * equal.
 *
 * Reading functions take any bytes (`at` to `end`). Several changes at once are made in a `SparseTable`, a copy outside
 * of the arena: whatever fails on the way, the key has what it had. A single one may be made in place.
 *
 * Invariants: (1) a table that is corrupt may be changed where it is sound and is refused where it is not, never read
 * or written beyond its end; (2) values are 1 to 32, so a longer run of zeros in a hash needs the dense form.
 */
import { invariant } from '../../../shared/errors/invariant.js';
import { copyBytes, moveUp } from '../../../shared/memory/copy-bytes.js';
import { histogram } from './hll-estimate.js';
import { REGISTERS } from './hll-hash.js';
import { HEADER_BYTES, SPARSE, writeHeader } from './hll-layout.js';

const XZERO = 0x40;
const VAL = 0x80;
const KIND_MASK = 0xc0;
const ZERO_MAX = 64;
const VAL_MAX = 32;
const VAL_RUN_MAX = 4;
/** Runs that are looked at, from the one before the change on, for neighbours to join. */
const JOIN_RUNS = 5;

/** What `SparseTable.raise` did. */
export const RAISED = 1;
/** The register was as high. */
export const NOT_RAISED = 0;
/** The table is corrupt. */
export const CORRUPT = -1;
/** Only the dense form can hold it; nothing has changed. */
export const TOO_DENSE = 2;

/** Strings longer than this are never sound. */
export const SPARSE_BYTES_MAX: number = 64 * 1024;

// ---- reading

/** Registers of the XZERO run at `p`. */
function xzeroRun(u8: Uint8Array, p: number, end: number): number {
  return (((u8[p]! & 0x3f) << 8) | (p + 1 < end ? u8[p + 1]! : 0)) + 1;
}

/** Fills `histogram`; false when the runs do not add up. */
export function sparseHistogram(u8: Uint8Array, at: number, end: number): boolean {
  const counts = histogram;
  counts.fill(0);
  let total = 0;
  for (let p = at; p < end; p++) {
    const op = u8[p]!;
    let run: number;
    if ((op & VAL) !== 0) {
      run = (op & 3) + 1;
      counts[((op >>> 2) & 31) + 1]! += run;
    } else if ((op & XZERO) === 0) {
      run = op + 1;
      counts[0]! += run;
    } else {
      run = xzeroRun(u8, p, end);
      counts[0]! += run;
      p++;
    }
    total += run;
  }
  return total === REGISTERS;
}

/** Raises each of `registers` to what the runs have; false when they do not add up. */
export function sparseMax(u8: Uint8Array, at: number, end: number, registers: Uint8Array): boolean {
  let i = 0;
  for (let p = at; p < end; p++) {
    const op = u8[p]!;
    if ((op & VAL) !== 0) {
      const value = ((op >>> 2) & 31) + 1;
      const stop = i + (op & 3) + 1;
      if (stop > REGISTERS) return false;
      for (; i < stop; i++) if (value > registers[i]!) registers[i] = value;
    } else if ((op & XZERO) === 0) i += op + 1;
    else i += xzeroRun(u8, p++, end);
  }
  return i === REGISTERS;
}

/** The runs as PFDEBUG DECODE shows them: `z:5 Z:300 v:3,1`. */
export function sparseText(u8: Uint8Array, at: number, end: number): string {
  const runs: string[] = [];
  for (let p = at; p < end; p++) {
    const op = u8[p]!;
    if ((op & VAL) !== 0) runs.push(`v:${((op >>> 2) & 31) + 1},${(op & 3) + 1}`);
    else if ((op & XZERO) === 0) runs.push(`z:${op + 1}`);
    else runs.push(`Z:${xzeroRun(u8, p++, end)}`);
  }
  return runs.join(' ');
}

// ---- changing

/**
 * Where a register was found by `seek`. Positions count from the beginning of the string, header and all, so they hold
 * in a copy too.
 */
class Place {
  /** The run, its bytes, its first register and how many it has; at 0 when the runs end before the register. */
  at = 0;
  bytes = 0;
  first = 0;
  run = 0;
  /** The value of its registers. */
  value = 0;
  /** The run before it, 0 for none, and the first register of that. */
  previous = 0;
  previousFirst = 0;
}

/** What the last `seek` found. */
export const place = new Place();

/**
 * Looks for register `index` in the string at `base` of `u8`, `length` bytes long, from the run at `from` on, whose
 * first register is `first`. Fills `place`.
 */
// hot: PFADD of a key with few elements
export function seek(u8: Uint8Array, base: number, length: number, index: number, from: number, first: number): void {
  const end = base + length;
  let p = base + from;
  let before = 0;
  let beforeFirst = 0;
  let next = first;
  let op = 0;
  // Values and zeros take turns, mostly, but how long the zeros are cannot be foretold: no branch for that.
  while (p < end) {
    op = u8[p]!;
    let bytes = 1;
    if (op >= VAL) next = first + (op & 3) + 1;
    else {
      const long = op >>> 6;
      next = first + (((op & 0x3f) << (long << 3)) | (u8[p + 1]! & -long)) + 1;
      bytes += long;
    }
    if (index < next) break;
    before = p;
    beforeFirst = first;
    first = next;
    p += bytes;
  }
  const isLong = (op & KIND_MASK) === XZERO;
  // A long run that is cut off by the end counts as if a zero came behind.
  if (isLong && p + 1 === end) next = first + ((op & 0x3f) << 8) + 1;
  const found = place;
  found.at = p < end && index < next ? p - base : 0;
  found.bytes = isLong ? 2 : 1;
  found.first = first;
  found.run = next - first;
  found.value = op >= VAL ? ((op >>> 2) & 31) + 1 : 0;
  found.previous = before === 0 ? 0 : before - base;
  found.previousFirst = beforeFirst;
}

export class SparseTable {
  /** The whole string, header and all, in `u8[0, length)`. */
  readonly u8: Uint8Array = new Uint8Array(SPARSE_BYTES_MAX + 8);
  readonly dv: DataView = new DataView(this.u8.buffer);
  length = 0;

  /** Takes a copy of a string. @requires length <= SPARSE_BYTES_MAX */
  load(u8: Uint8Array, at: number, length: number): void {
    invariant(length <= SPARSE_BYTES_MAX, 'length <= SPARSE_BYTES_MAX');
    copyBytes(this.u8, 0, u8, at, length);
    this.length = length;
  }

  /** An empty HyperLogLog. */
  clear(): void {
    writeHeader(this.u8, 0, SPARSE);
    const last = REGISTERS - 1;
    this.u8[HEADER_BYTES] = XZERO | (last >>> 8);
    this.u8[HEADER_BYTES + 1] = last & 255;
    this.length = HEADER_BYTES + 2;
  }

  /**
   * Raises register `index` to `value` unless it is as high. `bytesMax`: length of a string from which on it shall be
   * dense.
   */
  raise(index: number, value: number, bytesMax: number): number {
    seek(this.u8, 0, this.length, index, HEADER_BYTES, 0);
    return this.raiseFound(index, value, bytesMax);
  }

  /** As `raise`, for an `index` above that of the last call, which was not refused: the search goes on from there. */
  raiseNext(index: number, value: number, bytesMax: number): number {
    const { previous, previousFirst } = place;
    if (previous === 0) return this.raise(index, value, bytesMax);
    seek(this.u8, 0, this.length, index, previous, previousFirst);
    // Without the run before it, joining would begin one too late.
    if (place.previous === 0) return this.raise(index, value, bytesMax);
    return this.raiseFound(index, value, bytesMax);
  }

  /** As `raise`, for the register that `seek` just found in this string. */
  raiseFound(index: number, value: number, bytesMax: number): number {
    const did = raiseFound(this.u8, this.dv, 0, this.length, index, value, bytesMax);
    if (did === RAISED) this.length = edited.length;
    return did;
  }
}

function valOp(value: number, run: number): number {
  return VAL | ((value - 1) << 2) | (run - 1);
}

/** The length of the string that the last `raiseFound` changed. */
export const edited = { length: 0 };
/** Bytes by which one change lengthens a string at most, and shortens it. */
export const GROWS_MAX = 3;
export const SHRINKS_MAX: number = JOIN_RUNS;

/** What the run that is being split becomes, at most XZERO VAL XZERO. */
const SPLIT = new Uint8Array(5);

/**
 * Raises register `index` to `value` in the string at `base` of `u8` (`dv` views it), `length` bytes long with room for
 * GROWS_MAX more, in which `seek` just found it. RAISED: `edited.length` is its length now.
 */
// hot: PFADD of a key with few elements
export function raiseFound(
  u8: Uint8Array,
  dv: DataView,
  base: number,
  length: number,
  index: number,
  value: number,
  bytesMax: number,
): number {
  const { at, bytes, first, run, value: old, previous } = place;
  if (value > VAL_MAX) return TOO_DENSE;
  if (at === 0) return CORRUPT;
  if (old >= value) return NOT_RAISED;
  const p = base + at;
  let end = base + length;
  if (run === 1 && bytes === 1) u8[p] = valOp(value, 1);
  else {
    // As many registers of the old value, one of the new, as many of the old.
    let n = writeRun(0, index - first, old);
    SPLIT[n++] = valOp(value, 1);
    n = writeRun(n, first + run - 1 - index, old);
    const grows = n - bytes;
    if (grows > 0 && (length + grows > bytesMax || length + grows > SPARSE_BYTES_MAX)) return TOO_DENSE;
    const after = Math.min(p + bytes, end);
    if (grows > 0) moveUp(u8, dv, after, grows, end - after);
    else if (grows < 0) u8.copyWithin(after + grows, after, end);
    end = after + grows + (end - after);
    for (let i = 0; i < n; i++) u8[p + i] = SPLIT[i]!;
  }
  edited.length = join(u8, base + (previous === 0 ? HEADER_BYTES : previous), end) - base;
  return RAISED;
}

function writeRun(n: number, run: number, value: number): number {
  if (run === 0) return n;
  if (value > 0) SPLIT[n++] = valOp(value, run);
  else if (run <= ZERO_MAX) SPLIT[n++] = run - 1;
  else {
    SPLIT[n++] = XZERO | ((run - 1) >>> 8);
    SPLIT[n++] = (run - 1) & 255;
  }
  return n;
}

/** Joins neighbours of one value among the runs at `p` and behind; the end of the string then. */
function join(u8: Uint8Array, p: number, end: number): number {
  for (let left = JOIN_RUNS; left > 0 && p < end; left--) {
    const op = u8[p]!;
    if ((op & VAL) === 0) {
      p += (op & XZERO) === 0 ? 1 : 2;
      continue;
    }
    const next = p + 1 < end ? u8[p + 1]! : 0;
    if ((next & VAL) !== 0 && ((op ^ next) & 0x7c) === 0) {
      const run = (op & 3) + (next & 3) + 2;
      if (run <= VAL_RUN_MAX) {
        u8[p + 1] = (op & ~3) | (run - 1);
        u8.copyWithin(p, p + 1, end);
        end--;
        continue;
      }
    }
    p++;
  }
  return end;
}
