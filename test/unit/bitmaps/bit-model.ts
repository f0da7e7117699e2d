/**
 * The bit commands over plain byte arrays and single bits, written to be obviously right: what the engine's answers and
 * strings are held against. BITFIELD counts in BigInt.
 */
export type Operation = 'AND' | 'OR' | 'XOR' | 'NOT';
export type FieldOp = {
  readonly kind: 'GET' | 'SET' | 'INCRBY';
  readonly signed: boolean;
  readonly bits: number;
  readonly offset: number;
  readonly operand: bigint;
  readonly overflow: 'WRAP' | 'SAT' | 'FAIL';
};

export class BitModel {
  readonly strings = new Map<string, Uint8Array>();

  private bytes(key: string): Uint8Array {
    return this.strings.get(key) ?? new Uint8Array(0);
  }

  private grow(key: string, length: number): Uint8Array {
    const old = this.bytes(key);
    if (this.strings.has(key) && old.length >= length) return old;
    const grown = new Uint8Array(Math.max(length, old.length));
    grown.set(old);
    this.strings.set(key, grown);
    return grown;
  }

  bit(bytes: Uint8Array, offset: number): number {
    const byte = bytes[Math.floor(offset / 8)] ?? 0;
    return (byte >> (7 - (offset % 8))) & 1;
  }

  private put(bytes: Uint8Array, offset: number, bit: number): void {
    const at = Math.floor(offset / 8);
    const mask = 1 << (7 - (offset % 8));
    bytes[at] = bit === 1 ? bytes[at]! | mask : bytes[at]! & ~mask;
  }

  getbit(key: string, offset: number): number {
    return this.bit(this.bytes(key), offset);
  }

  setbit(key: string, offset: number, bit: number): number {
    const was = this.getbit(key, offset);
    this.put(this.grow(key, Math.floor(offset / 8) + 1), offset, bit);
    return was;
  }

  /** First and last bit of a range as Redis cuts it, or null when it is empty. */
  private range(length: number, start: number, end: number, unit: 'BYTE' | 'BIT'): [number, number] | null {
    const total = unit === 'BIT' ? length * 8 : length;
    if (start < 0) start = Math.max(0, total + start);
    if (end < 0) end = Math.max(0, total + end);
    end = Math.min(end, total - 1);
    if (start > end) return null;
    return unit === 'BIT' ? [start, end] : [start * 8, end * 8 + 7];
  }

  bitcount(key: string, start: number, end: number, unit: 'BYTE' | 'BIT'): number {
    const bytes = this.bytes(key);
    if (start < 0 && end < 0 && start > end) return 0;
    const range = this.range(bytes.length, start, end, unit);
    let count = 0;
    if (range !== null) for (let i = range[0]; i <= range[1]; i++) count += this.bit(bytes, i);
    return count;
  }

  /** `end` undefined: none was given. */
  bitpos(key: string, bit: number, start: number, end: number | undefined, unit: 'BYTE' | 'BIT'): number {
    if (!this.strings.has(key)) return bit === 1 ? -1 : 0;
    const bytes = this.bytes(key);
    const range = this.range(bytes.length, start, end ?? bytes.length - 1, unit);
    if (range === null) return -1;
    for (let i = range[0]; i <= range[1]; i++) if (this.bit(bytes, i) === bit) return i;
    return bit === 0 && end === undefined ? bytes.length * 8 : -1;
  }

  bitop(op: Operation, target: string, sources: readonly string[]): number {
    const from = sources.map((key) => this.bytes(key));
    const length = Math.max(...from.map((bytes) => bytes.length));
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      const column = from.map((bytes) => bytes[i] ?? 0);
      if (op === 'NOT') out[i] = ~column[0]!;
      else out[i] = column.reduce((a, b) => (op === 'AND' ? a & b : op === 'OR' ? a | b : a ^ b));
    }
    if (length === 0) this.strings.delete(target);
    else this.strings.set(target, out);
    return length;
  }

  bitfield(key: string, ops: readonly FieldOp[]): (bigint | null)[] {
    const writes = ops.filter((op) => op.kind !== 'GET');
    if (writes.length > 0) {
      this.grow(key, Math.max(...writes.map((op) => Math.floor((op.offset + op.bits - 1) / 8) + 1)));
    }
    return ops.map((op) => this.fieldOp(this.bytes(key), op));
  }

  private fieldOp(bytes: Uint8Array, op: FieldOp): bigint | null {
    let unsigned = 0n;
    for (let i = 0; i < op.bits; i++) unsigned = unsigned * 2n + BigInt(this.bit(bytes, op.offset + i));
    const old = op.signed ? BigInt.asIntN(op.bits, unsigned) : unsigned;
    if (op.kind === 'GET') return old;
    let next = op.kind === 'SET' ? op.operand : old + op.operand;
    const min = op.signed ? -(1n << BigInt(op.bits - 1)) : 0n;
    const max = min + (1n << BigInt(op.bits)) - 1n;
    if (next < min || next > max) {
      if (op.overflow === 'FAIL') return null;
      const tooBig = next > max || (op.kind === 'SET' && (!op.signed || max - next >= 1n << 63n));
      if (op.overflow === 'SAT') next = tooBig ? max : min;
      else next = op.signed ? BigInt.asIntN(op.bits, next) : BigInt.asUintN(op.bits, next);
    }
    for (let i = 0; i < op.bits; i++) {
      this.put(bytes, op.offset + i, Number((BigInt.asUintN(op.bits, next) >> BigInt(op.bits - 1 - i)) & 1n));
    }
    return op.kind === 'SET' ? old : next;
  }
}
