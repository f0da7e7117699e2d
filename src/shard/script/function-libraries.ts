/**
 * The functions that one thread's interpreter has compiled, kept in step with the LibraryStore: FUNCTION LOAD runs a
 * library's code here first, and what it registered becomes known to all; the other threads run the code again when
 * they see the new generation.
 *
 * Invariants: (1) a library counts only when its code ran to the end and its functions collide with no others; (2) the
 * code of a library runs with the load-time globals only (lua-prelude.ts), and for LOAD_MS at most.
 */
import { monotonicMs } from '../../shared/clock.js';
import { readLibraryHeader } from './library-header.js';
import type { Library, LibraryStore } from './library-store.js';
import { type LuaVm, T_TABLE } from './lua/lua-vm.js';
import type { FunctionRegistration, RegisteredFunction } from './register-function.js';

/** The longest time that the code of a new library may run. */
const LOAD_MS = 500;

/** A function that can be called. */
export interface Callable {
  readonly ref: number;
  readonly flags: number;
  readonly name: string;
  readonly isFunction: boolean;
}

interface Loaded {
  readonly library: Library;
  readonly functions: readonly RegisteredFunction[];
}

export class FunctionLibraries {
  private readonly vm: LuaVm;
  private readonly store: LibraryStore;
  private readonly registration: FunctionRegistration;
  /** Reference of the environment of libraries, and of the function that turns the load-time globals on and off. */
  private readonly envRef: number;
  private readonly switchRef: number;
  private readonly loaded = new Map<string, Loaded>();
  /** By name in lower case. */
  private readonly functions = new Map<string, Callable>();
  private generation = 0;
  /** When the code that is loading has to be done, of monotonicMs; 0 when none is. */
  deadlineMs = 0;

  constructor(
    vm: LuaVm,
    store: LibraryStore,
    registration: FunctionRegistration,
    refs: { readonly env: number; readonly loadSwitch: number },
  ) {
    this.vm = vm;
    this.store = store;
    this.registration = registration;
    this.envRef = refs.env;
    this.switchRef = refs.loadSwitch;
  }

  /** The function of this name, in whatever case; null when there is none. */
  find(name: string): Callable | null {
    this.sync();
    return this.functions.get(name.toLowerCase()) ?? null;
  }

  /** Compiles what other threads have loaded, and forgets what they have deleted. */
  private sync(): void {
    const { generation } = this.store;
    if (generation === this.generation) return;
    const libraries = this.store.all();
    for (const { library } of [...this.loaded.values()]) {
      if (!libraries.some(({ name, code }) => name === library.name && code === library.code))
        this.unload(library.name);
    }
    for (const library of libraries) {
      if (this.loaded.has(library.name)) continue;
      const code = Buffer.from(library.code, 'latin1');
      const functions = this.run(code, library.code.indexOf('\n'), 0);
      if (typeof functions !== 'string') this.keep(library, functions);
    }
    this.generation = generation;
  }

  private keep(library: Library, functions: readonly RegisteredFunction[]): void {
    this.loaded.set(library.name, { library, functions });
    for (const { name, flags, ref } of functions) {
      const key = name.toLowerCase();
      if (!this.functions.has(key)) this.functions.set(key, { ref, flags, name, isFunction: true });
    }
  }

  private unload(name: string): void {
    const { functions } = this.loaded.get(name)!;
    this.loaded.delete(name);
    for (const { name: functionName, ref } of functions) {
      const key = functionName.toLowerCase();
      if (this.functions.get(key)?.ref === ref) this.functions.delete(key);
      this.vm.unref(ref);
    }
  }

  /**
   * Makes a library known to all threads. Returns its name, or the error as `{error}`.
   * @requires the leases of all shards
   */
  load(code: Uint8Array, replace: boolean): string | { readonly error: string } {
    const before = this.store.all();
    const added = this.tryLoad(code, replace, before);
    if ('error' in added) return added;
    const kept = before.filter(({ name }) => name !== added.name);
    if (!this.store.replaceAll([...kept, added])) return { error: 'the libraries take too much memory together' };
    this.sync();
    return added.name;
  }

  /**
   * Makes several libraries known, all of them or none. `flush`: in place of those that are there. Returns the error,
   * or null. @requires the leases of all shards
   */
  restore(codes: readonly Uint8Array[], flush: boolean, replace: boolean): string | null {
    const before = flush ? [] : this.store.all();
    const added: Library[] = [];
    for (const code of codes) {
      const library = this.tryLoad(code, false, added);
      if ('error' in library) return library.error;
      added.push(library);
    }
    const names = new Set(added.map(({ name }) => name));
    const clash = before.find(({ name }) => names.has(name));
    if (clash !== undefined && !replace) return `Library ${clash.name} already exists`;
    const kept = before.filter(({ name }) => !names.has(name));
    for (const library of added) {
      const error = collision(library, kept);
      if (error !== null) return error;
    }
    if (!this.store.replaceAll([...kept, ...added])) return 'the libraries take too much memory together';
    this.sync();
    return null;
  }

  /** Forgets a library; false when there is none of that name. @requires the leases of all shards */
  delete(name: string): boolean {
    const before = this.store.all();
    const kept = before.filter((library) => library.name !== name);
    if (kept.length === before.length) return false;
    this.store.replaceAll(kept);
    return true;
  }

  /** The library in this code, if it could stand beside `others`; its functions are let go again. */
  private tryLoad(
    code: Uint8Array,
    replace: boolean,
    others: readonly Library[],
  ): Library | { readonly error: string } {
    const header = readLibraryHeader(code);
    if (typeof header === 'string') return { error: header };
    const { name } = header;
    if (!replace && others.some((library) => library.name === name))
      return { error: `Library '${name}' already exists` };
    const found = this.run(code, header.bytes, LOAD_MS);
    if (typeof found === 'string') return { error: found };
    for (const { ref } of found) this.vm.unref(ref);
    if (found.length === 0) return { error: 'No functions registered' };
    const functions = found.map(({ name: functionName, description, flags }) => ({
      name: functionName,
      description,
      flags,
    }));
    const library = { name, code: Buffer.from(code).toString('latin1'), functions };
    const error = collision(
      library,
      others.filter((other) => other.name !== name),
    );
    return error === null ? library : { error };
  }

  /** Runs the code behind the first line and returns what it registered, or the error. */
  private run(code: Uint8Array, from: number, budgetMs: number): RegisteredFunction[] | string {
    const { vm, registration } = this;
    const { top } = vm;
    if (!vm.load(code.subarray(from), '@user_function')) {
      const message = vm.text(-1);
      vm.top = top;
      return `Error compiling function: ${message}`;
    }
    vm.pushRef(this.envRef);
    vm.m.lua_setfenv(vm.l, -2);
    this.setLoading(true);
    registration.begin();
    this.deadlineMs = budgetMs === 0 ? 0 : monotonicMs() + budgetMs;
    const ran = vm.call(0, 0, 0);
    this.deadlineMs = 0;
    const found = registration.end();
    this.setLoading(false);
    let error = '';
    if (!ran) {
      error = `Error registering functions: ${this.errorText()}`;
      for (const { ref } of found) vm.unref(ref);
    }
    vm.top = top;
    return ran ? found : error;
  }

  /** The error on top of the stack. */
  private errorText(): string {
    const { vm } = this;
    if (vm.type(-1) !== T_TABLE) return `ERR ${vm.text(-1)}`;
    vm.getField(-1, 'err');
    return vm.text(-1);
  }

  private setLoading(loading: boolean): void {
    const { vm } = this;
    vm.pushRef(this.switchRef);
    vm.pushBoolean(loading);
    vm.call(1, 0, 0);
  }
}

/** The error when a function of `library` is there already; null when none is. */
function collision(library: Library, others: readonly Library[]): string | null {
  const taken = new Set(others.flatMap(({ functions }) => functions.map(({ name }) => name.toLowerCase())));
  const clash = library.functions.find(({ name }) => taken.has(name.toLowerCase()));
  return clash === undefined ? null : `Function ${clash.name} already exists`;
}
