/**
 * The functions of a WebAssembly module without what Emscripten puts around them: in the build that our Lua comes in,
 * every call of an export builds an assertion's message first, which costs more than most calls themselves.
 *
 * The instance is not reachable through the module, so it is caught where it is made.
 */

type Exports = Readonly<Record<string, unknown>>;
type Instantiate = (
  source: unknown,
  imports: unknown,
) => Promise<{ readonly instance?: { readonly exports: Exports } }>;

/**
 * Runs `create`, which instantiates one WebAssembly module, and puts the instance's own functions in the place of the
 * `_name` members of what it returns. Nothing else in the thread may instantiate meanwhile. If the instance is not
 * found, the module is returned as it is.
 */
export async function withRawExports<T extends object>(create: () => Promise<T>): Promise<T> {
  const { WebAssembly: wasm } = globalThis as unknown as { WebAssembly: { instantiate: Instantiate } };
  const original = wasm.instantiate;
  let exports: Exports | null = null;
  wasm.instantiate = async (source, imports) => {
    const made = await original.call(wasm, source, imports);
    exports = made.instance?.exports ?? null;
    return made;
  };
  try {
    const module = await create();
    if (exports !== null) replaceMembers(module as Record<string, unknown>, exports);
    return module;
  } finally {
    wasm.instantiate = original;
  }
}

function replaceMembers(module: Record<string, unknown>, exports: Exports): void {
  for (const name of Object.keys(module)) {
    const raw = exports[name.slice(1)];
    if (name.startsWith('_') && typeof module[name] === 'function' && typeof raw === 'function') module[name] = raw;
  }
}
