/**
 * `math.random` and `math.randomseed`. A script that gives a seed finds the numbers that Redis gives for it (drand48's
 * generator: 48 bits, x = x * 0x5DEECE66D + 11), until it ends; any other finds numbers that no client can predict.
 */
import { random } from '../../../shared/random.js';
import { GLOBALS, type LuaVm } from '../lua/lua-vm.js';

/** The state is kept in halves of 24 bits, so that every product fits a double. */
const HALF = 2 ** 24;
const FACTOR_HIGH = 0x5de;
const FACTOR_LOW = 0xece66d;
const ADDEND = 11;
const SEED_LOW = 0x330e;
const MAX = 2 ** 31 - 1;

export class RandomNumbers {
  private isSeeded = false;
  private high = 0;
  private low = 0;

  /** Begins the sequence of a seed, of which the lower 32 bits count. */
  seed(seed: number): void {
    this.isSeeded = true;
    this.high = (seed >>> 8) & (HALF - 1);
    this.low = ((seed & 0xff) << 16) | SEED_LOW;
  }

  /** Leaves the sequence of a seed. */
  forget(): void {
    this.isSeeded = false;
  }

  /** From 0 on, below 1. */
  next(): number {
    if (!this.isSeeded) return random();
    const product = FACTOR_LOW * this.low + ADDEND;
    const carry = Math.floor(product / HALF);
    this.high = (FACTOR_LOW * this.high + FACTOR_HIGH * this.low + carry) % HALF;
    this.low = product % HALF;
    return ((this.high * 128 + (this.low >>> 17)) % MAX) / MAX;
  }
}

/** Puts both functions into the library `math`. */
export function registerRandom(vm: LuaVm, numbers: RandomNumbers): void {
  // As C casts a double to int.
  const integer = (n: number): number => vm.checkNumber(n) | 0;
  const between = (low: number, high: number, n: number): number => {
    if (low > high) vm.argumentError(n, 'interval is empty');
    return Math.floor(numbers.next() * (high - low + 1)) + low;
  };
  vm.getField(GLOBALS, 'math');
  vm.pushFunction(() => {
    const { top } = vm;
    if (top > 2) vm.raise('wrong number of arguments');
    let x: number;
    if (top === 0) x = numbers.next();
    else if (top === 1) x = between(1, integer(1), 1);
    else x = between(integer(1), integer(2), 2);
    vm.pushNumber(x);
    return 1;
  });
  vm.setField(-2, 'random');
  vm.pushFunction(() => {
    numbers.seed(integer(1));
    return 0;
  });
  vm.setField(-2, 'randomseed');
  vm.pop(1);
}
