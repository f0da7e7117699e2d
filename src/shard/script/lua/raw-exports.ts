/**
 * The functions of a WebAssembly module without what Emscripten puts around them. In the build that our Lua comes in,
 * every call of an export builds an assertion's message first, and every protected call of Lua looks its function up
 * and compares, which together cost more than the calls themselves.
 *
 * Neither the instance nor its imports are reachable through the module, so both are caught where they meet.
 */

/** What an instance exports: functions, its memory and its table of functions. */
export type Exports = Readonly<Record<string, unknown>>;
type Invoke = (fn: number, a: number, b: number) => void;
type Instantiate = (
  source: unknown,
  imports: Readonly<Record<string, Record<string, unknown>>>,
) => Promise<{ readonly instance?: { readonly exports: Exports } }>;

/**
 * Imports through which the module could reach the system: files, other programs, the environment, the end of the
 * process. None of them is needed, so each of them fails if a script finds a way to call it.
 */
const SYSTEM_CALL = /^(__syscall_|fd_|environ_|_emscripten_system$)/;
/** "Not implemented" as a system call (negated) and as WASI say it. */
const NOT_IMPLEMENTED = 52;

/** Puts functions that fail in the place of those that reach the system. */
function withoutSystem(functions: Record<string, unknown>): void {
  for (const name of Object.keys(functions)) {
    if (SYSTEM_CALL.test(name)) {
      const code = name.startsWith('__syscall_') || name === '_emscripten_system' ? -NOT_IMPLEMENTED : NOT_IMPLEMENTED;
      functions[name] = () => code;
    } else if (name === 'exit') {
      functions[name] = () => {
        throw new Error('the Lua interpreter has given up');
      };
    }
  }
}

/**
 * Runs `create`, which instantiates one WebAssembly module, and returns what it returns together with the instance's
 * own exports. Its memory never grows beyond `memoryBytesMax`: allocations fail then. Nothing else in the thread may
 * instantiate meanwhile. Errors: if no instance was made.
 */
export async function withRawExports<T>(
  memoryBytesMax: number,
  create: () => Promise<T>,
): Promise<{ made: T; exports: Exports }> {
  const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: { instantiate: Instantiate } };
  const original = wasm.instantiate;
  const globals = new Set(Object.getOwnPropertyNames(globalThis));
  let exports: Exports | null = null;
  wasm.instantiate = async (source, imports) => {
    for (const functions of Object.values(imports)) {
      withoutSystem(functions);
      if ('invoke_vii' in functions) functions['invoke_vii'] = protectedCall(() => exports!);
      const grow = functions['emscripten_resize_heap'] as ((bytes: number) => unknown) | undefined;
      if (grow !== undefined) {
        functions['emscripten_resize_heap'] = (bytes: number) => bytes >>> 0 <= memoryBytesMax && grow(bytes);
      }
    }
    const result = await original.call(wasm, source, imports);
    exports = result.instance?.exports ?? null;
    return result;
  };
  try {
    const made = await create();
    if (exports === null) throw new Error('no WebAssembly instance was made');
    return { made, exports };
  } finally {
    wasm.instantiate = original;
    dropGlobalsBut(globals);
  }
}

/**
 * Emscripten leaves getters for symbols that its build lacks in the global object. They are never asked, but they keep
 * the first instance alive with all its memory, however long ago it was given up.
 */
function dropGlobalsBut(known: ReadonlySet<string>): void {
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (!known.has(name)) Reflect.deleteProperty(globalThis, name);
  }
}

/**
 * `setjmp` around a call, as Emscripten means it: a longjmp is a number that is thrown, the stack of C goes back to
 * where it was, and the module is told that it came by a jump.
 */
function protectedCall(exportsOf: () => Exports): Invoke {
  const functions: ((a: number, b: number) => void)[] = [];
  let save: () => number;
  let restore: (sp: number) => void;
  let thrown: (yes: number, value: number) => void;
  let table: { get(index: number): (a: number, b: number) => void } | null = null;
  return (fn, a, b) => {
    if (table === null) {
      const exports = exportsOf();
      save = exports['stackSave'] as typeof save;
      restore = exports['stackRestore'] as typeof restore;
      thrown = exports['setThrew'] as typeof thrown;
      table = exports['__indirect_function_table'] as typeof table;
    }
    let target = functions[fn];
    if (target === undefined) {
      target = table!.get(fn);
      functions[fn] = target;
    }
    const sp = save();
    try {
      target(a, b);
    } catch (error) {
      restore(sp);
      if (typeof error !== 'number') throw error;
      thrown(1, 0);
    }
  };
}
