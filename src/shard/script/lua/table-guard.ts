/**
 * A function in WebAssembly that stands in front of a function of Lua and looks at its first argument: a table with a
 * metatable goes to a function in JavaScript, which may be a front of the sandbox; any other value goes to Lua's own.
 * Scripts call these functions in their loops, and a detour through JavaScript costs several times what they do.
 *
 *     l -> base = [l + 12]; [base + 8] = type of argument 1, [base] = its address; [address + 8] = metatable
 *
 * The addresses are those of lua-stack.ts. Without arguments `base` holds an old value, which the function in
 * JavaScript recognizes.
 */
import type { CFunction } from './lua-vm.js';

/** (i32) -> i32 */
const TYPE = [0x60, 1, 0x7f, 1, 0x7f];
const LOCAL_GET = 0x20;
const LOCAL_TEE = 0x22;
const LOAD = 0x28;
const CONST = 0x41;
const NOT_EQUAL = 0x47;
const EQUAL_ZERO = 0x45;
const IF = 0x04;
const NO_RESULT = 0x40;
const CALL = 0x10;
const RETURN = 0x0f;
const END = 0x0b;
const ALIGN_4 = 2;
const TABLE = 5;
const SLOW = 0;
const FAST = 1;

function section(id: number, items: readonly (readonly number[])[]): number[] {
  const body = [items.length, ...items.flat()];
  return [id, body.length, ...body];
}

function name(text: string): number[] {
  return [text.length, ...Buffer.from(text)];
}

function imported(field: string, what: readonly number[]): number[] {
  return [...name('e'), ...name(field), ...what];
}

const callFast = [LOCAL_GET, 0, CALL, FAST, RETURN];
const code = [
  ...[1, 1, 0x7f],
  ...[LOCAL_GET, 0, LOAD, ALIGN_4, 12, LOCAL_TEE, 1, LOAD, ALIGN_4, 8, CONST, TABLE, NOT_EQUAL],
  ...[IF, NO_RESULT, ...callFast, END],
  ...[LOCAL_GET, 1, LOAD, ALIGN_4, 0, LOAD, ALIGN_4, 8, EQUAL_ZERO],
  ...[IF, NO_RESULT, ...callFast, END],
  ...[LOCAL_GET, 0, CALL, SLOW, END],
];

const MODULE = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...section(1, [TYPE]),
  ...section(2, [imported('memory', [2, 0, 0]), imported('slow', [0, 0]), imported('fast', [0, 0])]),
  ...section(3, [[0]]),
  ...section(7, [[...name('f'), 0, 2]]),
  ...section(10, [[code.length, ...code]]),
]);

interface Wasm {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => { readonly exports: { readonly f: CFunction } };
}

let compiled: object | null = null;

/** The function in front of `fast`, a function of the instance that `memory` belongs to. */
export function guardTable(memory: unknown, fast: CFunction, slow: CFunction): CFunction {
  const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: Wasm };
  compiled ??= new wasm.Module(MODULE);
  return new wasm.Instance(compiled, { e: { memory, fast, slow } }).exports.f;
}
