/** What a HyperLogLog must hold, worked out the slow way: 64-bit hashes as BigInt, registers in a plain array. */

export const REGISTERS = 16384;
const MASK = (1n << 64n) - 1n;
const M = 0xc6a4a7935bd1e995n;
const SEED = 0xadc83b19n;

/** MurmurHash64A. */
export function murmur(bytes: Buffer): bigint {
  let h = SEED ^ ((BigInt(bytes.length) * M) & MASK);
  const whole = bytes.length & ~7;
  for (let at = 0; at < whole; at += 8) {
    let k = (bytes.readBigUInt64LE(at) * M) & MASK;
    k ^= k >> 47n;
    h = ((h ^ ((k * M) & MASK)) * M) & MASK;
  }
  if (whole < bytes.length) {
    let rest = 0n;
    for (let i = bytes.length - 1; i >= whole; i--) rest = (rest << 8n) | BigInt(bytes[i]!);
    h = ((h ^ rest) * M) & MASK;
  }
  h = ((h ^ (h >> 47n)) * M) & MASK;
  return h ^ (h >> 47n);
}

export class ModelHll {
  readonly registers = new Uint8Array(REGISTERS);

  /** Whether some register rose. */
  add(element: string): boolean {
    const hash = murmur(Buffer.from(element, 'latin1'));
    const index = Number(hash & BigInt(REGISTERS - 1));
    const rest = (hash >> 14n) | (1n << 50n);
    let run = 1;
    for (let bit = rest; (bit & 1n) === 0n; bit >>= 1n) run++;
    if (this.registers[index]! >= run) return false;
    this.registers[index] = run;
    return true;
  }

  merge(other: ModelHll): void {
    other.registers.forEach((value, i) => {
      if (value > this.registers[i]!) this.registers[i] = value;
    });
  }

  /** Ertl's estimator, from the paper. */
  count(): number {
    const counts = new Array<number>(52).fill(0);
    for (const value of this.registers) counts[value]!++;
    let z = REGISTERS * tau(1 - counts[51]! / REGISTERS);
    for (let k = 50; k >= 1; k--) z = 0.5 * (z + counts[k]!);
    z += REGISTERS * sigma(counts[0]! / REGISTERS);
    return Math.round(((0.5 / Math.LN2) * REGISTERS * REGISTERS) / z);
  }
}

function sigma(x: number): number {
  if (x === 1) return Number.POSITIVE_INFINITY;
  let [y, z, last] = [1, x, Number.NaN];
  while (z !== last) {
    x *= x;
    last = z;
    z += x * y;
    y += y;
  }
  return z;
}

function tau(x: number): number {
  if (x === 0 || x === 1) return 0;
  let [y, z, last] = [1, 1 - x, Number.NaN];
  while (z !== last) {
    x = Math.sqrt(x);
    last = z;
    y *= 0.5;
    z -= (1 - x) ** 2 * y;
  }
  return z / 3;
}

/** The registers of a string, sparse or dense; throws when it is no sound HyperLogLog. */
export function readRegisters(bytes: Buffer): Uint8Array {
  if (bytes.toString('latin1', 0, 4) !== 'HYLL') throw new Error('no header');
  const out = new Uint8Array(REGISTERS);
  if (bytes[4] === 0) {
    if (bytes.length !== 12304) throw new Error(`dense, of ${bytes.length} bytes`);
    for (let i = 0; i < REGISTERS; i++) {
      let value = 0;
      for (let b = 0; b < 6; b++) value |= ((bytes[16 + ((i * 6 + b) >> 3)]! >> ((i * 6 + b) & 7)) & 1) << b;
      out[i] = value;
    }
    return out;
  }
  let i = 0;
  for (let p = 16; p < bytes.length; p++) {
    const op = bytes[p]!;
    if (op >= 0x80) {
      const run = (op & 3) + 1;
      out.fill(((op >> 2) & 31) + 1, i, i + run);
      i += run;
    } else if (op < 0x40) i += op + 1;
    else i += (((op & 0x3f) << 8) | bytes[++p]!) + 1;
  }
  if (i !== REGISTERS) throw new Error(`${i} registers`);
  return out;
}
