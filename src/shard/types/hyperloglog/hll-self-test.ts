/**
 * The test that PFSELFTEST runs: registers keep what is stored and leave their neighbours alone; sparse and dense
 * tables that saw the same elements agree; the estimate is within six standard errors. Works on memory of its own and
 * yields every few hundred microseconds, so a server answers meanwhile. Shard thread.
 */
import { random, randomUint32 } from '../../../shared/random.js';
import { DENSE_BYTES, denseGet, denseHistogram, densePack, denseSet } from './hll-dense.js';
import { cardinality, estimate } from './hll-estimate.js';
import { INDEX_BITS, patternOf, REGISTERS } from './hll-hash.js';
import { DENSE, HEADER_BYTES, writeHeader } from './hll-layout.js';
import { CORRUPT, SparseTable, sparseHistogram, TOO_DENSE } from './hll-sparse.js';

const ACCESS_ROUNDS = 1000;
const ELEMENTS = 10_000_000;
const ELEMENTS_A_STEP = 4096;
const STANDARD_ERROR = 1.04 / Math.sqrt(REGISTERS);
const VALUES = 64;

/** Null when all is well, else what is not. */
export function* selfTest(sparseBytesMax: number): Generator<void, string | null, void> {
  return (yield* testAccess()) ?? (yield* testEstimate(sparseBytesMax));
}

function* testAccess(): Generator<void, string | null, void> {
  const dense = new Uint8Array(DENSE_BYTES);
  const packed = new Uint8Array(DENSE_BYTES);
  const expected = new Uint8Array(REGISTERS);
  for (let round = 0; round < ACCESS_ROUNDS; round++) {
    for (let i = 0; i < REGISTERS; i++) {
      expected[i] = random() * VALUES;
      denseSet(dense, HEADER_BYTES, i, expected[i]!);
    }
    densePack(packed, HEADER_BYTES, expected);
    for (let i = 0; i < REGISTERS; i++) {
      const value = denseGet(dense, HEADER_BYTES, i);
      if (value !== expected[i]) return `Register ${i} should be ${expected[i]} but is ${value}`;
      if (denseGet(packed, HEADER_BYTES, i) !== value) return `Register ${i} was packed wrongly`;
    }
    yield;
  }
  return null;
}

/** Estimates both tables; negative when they disagree. A table that has become dense is no longer sparse to compare. */
function agreedEstimate(dense: Uint8Array, sparse: SparseTable | null): number {
  let held = 0;
  if (sparse !== null) {
    if (!sparseHistogram(sparse.u8, HEADER_BYTES, sparse.length)) return -1;
    estimate();
    held = cardinality.lo;
  }
  denseHistogram(dense, HEADER_BYTES);
  estimate();
  return sparse !== null && held !== cardinality.lo ? -1 : cardinality.lo;
}

function* testEstimate(sparseBytesMax: number): Generator<void, string | null, void> {
  const dense = new Uint8Array(DENSE_BYTES);
  writeHeader(dense, 0, DENSE);
  let sparse: SparseTable | null = new SparseTable();
  sparse.clear();
  const element = new Int32Array(2);
  const u8 = new Uint8Array(element.buffer);
  const dv = new DataView(element.buffer);
  const seedLow = randomUint32();
  element[1] = randomUint32();
  let checkpoint = 1;
  for (let j = 1; j <= ELEMENTS; j++) {
    element[0] = j ^ seedLow;
    const pattern = patternOf(u8, dv, 0, 8);
    const index = pattern & (REGISTERS - 1);
    const value = pattern >>> INDEX_BITS;
    if (denseGet(dense, HEADER_BYTES, index) < value) denseSet(dense, HEADER_BYTES, index, value);
    if (sparse !== null) {
      const did = sparse.raise(index, value, sparseBytesMax);
      if (did === CORRUPT) return 'sparse table is corrupt';
      if (did === TOO_DENSE) sparse = null;
    }
    if (j === checkpoint) {
      if (sparse === null && j < sparseBytesMax / 2) return 'sparse encoding not used';
      const estimated = agreedEstimate(dense, sparse);
      if (estimated < 0) return 'dense/sparse disagree';
      const error = Math.abs(checkpoint - estimated);
      const errorMax = j === 10 ? 1 : Math.ceil(STANDARD_ERROR * 6 * checkpoint);
      if (error > errorMax) return `Too big error. card:${checkpoint} abserr:${error}`;
      checkpoint *= 10;
    }
    if (j % ELEMENTS_A_STEP === 0) yield;
  }
  return null;
}
