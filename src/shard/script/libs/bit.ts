/** The library `bit`: operations on the lower 32 bits of numbers, results signed (bitop.luajit.org). */
import type { LuaVm } from '../lua/lua-vm.js';

/** 2^52 + 2^51: what is added to a double to find its value modulo 2^32, as the original does. */
const MAGIC = 6755399441055744;
const scratch = new Float64Array(1);
const words = new Uint32Array(scratch.buffer);

/** Leaves the library in the globals. */
export function registerBit(vm: LuaVm): void {
  const arg = (n: number): number => {
    scratch[0] = vm.checkNumber(n) + MAGIC;
    return words[0]! | 0;
  };
  const push = (x: number): number => {
    vm.pushNumber(x | 0);
    return 1;
  };
  const fold = (op: (a: number, b: number) => number) => (): number => {
    let x = arg(1);
    for (let i = vm.top; i > 1; i--) x = op(x, arg(i));
    return push(x);
  };
  const shift = (op: (x: number, n: number) => number) => (): number => push(op(arg(1), arg(2) & 31));
  vm.registerLibrary('bit', {
    tobit: () => push(arg(1)),
    bnot: () => push(~arg(1)),
    band: fold((a, b) => a & b),
    bor: fold((a, b) => a | b),
    bxor: fold((a, b) => a ^ b),
    lshift: shift((x, n) => x << n),
    rshift: shift((x, n) => x >>> n),
    arshift: shift((x, n) => x >> n),
    rol: shift((x, n) => (x << n) | (n === 0 ? 0 : x >>> (32 - n))),
    ror: shift((x, n) => (n === 0 ? x : (x << (32 - n)) | (x >>> n))),
    bswap: () => {
      const x = arg(1);
      return push((x >>> 24) | ((x >>> 8) & 0xff00) | ((x & 0xff00) << 8) | (x << 24));
    },
    tohex: () => {
      const x = arg(1) >>> 0;
      let n = vm.top < 2 ? 8 : arg(2);
      const upper = n < 0;
      n = Math.min(Math.abs(n), 8);
      const text = n === 0 ? '' : x.toString(16).padStart(8, '0').slice(-n);
      vm.pushText(upper ? text.toUpperCase() : text);
      return 1;
    },
  });
}
