/**
 * Keeps scripts from changing what later scripts find. Redis's Lua has read-only tables; this Lua has none. So a
 * protected table is an empty *front*: its metatable reads from the table behind the front and refuses writes.
 * Functions that go past metatables (`rawset`, `table.insert`, `next` and their kin) are replaced by functions that
 * know the fronts.
 *
 *     script -> front (empty, metatable: __index, __newindex) -> table behind it: the prelude's, no script has it
 *
 * The replacements are C functions for Lua, as the originals are: levels of the stack, places and names in error
 * messages stay as they were. An ordinary table has no metatable, which one look at it tells (table-guard.ts).
 *
 * Invariants: (1) a front is empty, whatever touches it; (2) no function that a script can reach returns a table behind
 * a front, or passes it to a function of the script; (3) after each run `restore` takes back what the script has set:
 * its functions' environment, cjson settings, seed of math.random; (4) see lua-vm.ts: no `try` around calls of Lua.
 */
import type { CjsonSettings } from './libs/cjson.js';
import { RandomNumbers, registerRandom } from './libs/random.js';
import {
  type CFunction,
  GLOBALS,
  type LuaVm,
  T_BOOLEAN,
  T_FUNCTION,
  T_NIL,
  T_NONE,
  T_STRING,
  T_TABLE,
  T_USERDATA,
} from './lua/lua-vm.js';

/** Name under which the prelude finds the functions that are made here. */
export const GUARDS = '__guards';

const READONLY = 'Attempt to modify a readonly table';
/** As a number of results: all that there are. */
const ALL = -1;
/** Types that `newproxy` takes. */
const PROXY_KINDS: ReadonlySet<number> = new Set([T_NONE, T_NIL, T_BOOLEAN, T_USERDATA]);
const ESCAPE = 27;
const BLANK = 32;

export class Sandbox {
  private readonly vm: LuaVm;
  private readonly cjson: CjsonSettings;
  private readonly random = new RandomNumbers();
  /** Address of the table behind each front, by the address of the front. Lua moves nothing. */
  private readonly behind = new Map<number, number>();
  /** Address of the globals that functions in C have. */
  private globals = 0;
  /** References of the environment of scripts and of the metatable that they see on it. */
  private envRef = 0;
  private envMetaRef = 0;
  /** Addresses of the environments. */
  private env = 0;
  /** The running script has called `setfenv`. */
  private changedEnv = false;

  constructor(vm: LuaVm, cjson: CjsonSettings) {
    this.vm = vm;
    this.cjson = cjson;
  }

  /** Leaves a table of functions in the globals for the prelude. @requires Lua's libraries in the globals */
  register(): void {
    const { vm } = this;
    vm.m.lua_pushvalue(vm.l, GLOBALS);
    this.globals = vm.objectAt(-1);
    vm.pop(1);
    registerRandom(vm, this.random);
    vm.registerLibrary(GUARDS, {
      front: () => this.front(),
      load: this.behindCheck(() => vm.m.luaL_checktype(vm.l, 1, T_FUNCTION)),
      newproxy: this.behindCheck(() => {
        if (!PROXY_KINDS.has(vm.type(1))) vm.argumentError(1, 'boolean or proxy expected');
      }),
      environment: () => this.environment(),
      getfenv: this.gettingEnv(this.original('getfenv')),
      setfenv: this.settingEnv(this.original('getfenv'), this.original('setfenv')),
      loadstring: this.loading(this.original('loadstring')),
      collectgarbage: this.collecting(this.original('collectgarbage')),
    });
    this.guard('rawset', this.refusing(this.original('rawset'), 3));
    this.guard('rawget', this.reading(this.original('rawget')));
    this.guard('next', this.reading(this.original('next')));
    this.guard('foreach', this.reading(this.original('foreach', 'table')), 'table');
    this.guard('insert', this.inserting(this.original('insert', 'table')), 'table');
    this.guard('setmetatable', this.settingMeta(this.original('setmetatable')));
    this.guard('getmetatable', this.gettingMeta(this.original('getmetatable')));
    this.guardPairs();
  }

  /** Puts a function that knows fronts into the table for the prelude, in front of Lua's own of that name. */
  private guard(name: string, fn: () => number, library?: string): void {
    const { vm } = this;
    vm.getField(GLOBALS, GUARDS);
    vm.pushGuarded(this.original(name, library), fn);
    vm.setField(-2, name);
    vm.pop(1);
  }

  /** The function of this name in the globals or in a library. */
  private original(name: string, library?: string): CFunction {
    const { vm } = this;
    const { top } = vm;
    if (library !== undefined) vm.getField(GLOBALS, library);
    vm.getField(library === undefined ? GLOBALS : -1, name);
    const found = vm.functionAt(-1);
    vm.top = top;
    return found;
  }

  // ---- for the prelude

  /** front(empty, behind): from now on the first table is a front of the second. */
  private front(): number {
    this.behind.set(this.vm.objectAt(1), this.vm.objectAt(2));
    return 0;
  }

  /** environment(front, meta): the environment of scripts, and what `getmetatable` says of it. */
  private environment(): number {
    const { vm } = this;
    this.env = vm.objectAt(1);
    vm.top = 2;
    this.envMetaRef = vm.ref();
    this.envRef = vm.ref();
    return 0;
  }

  /** name(f): a function that calls `f` when its own arguments pass the check, so that errors name the function. */
  private behindCheck(check: () => void): () => number {
    const { vm } = this;
    return () => {
      vm.top = 1;
      const ref = vm.ref();
      vm.pushFunction(() => {
        check();
        const { l, top } = vm;
        vm.pushRef(ref);
        vm.m.lua_insert(l, 1);
        vm.m.lua_call(l, top, ALL);
        vm.l = l;
        return vm.top;
      });
      return 1;
    };
  }

  /** Takes back what a script has set; `ref` is its function, `envRef` the environment that the function has. */
  restore(ref: number, envRef: number): void {
    this.random.forget();
    this.cjson.reset();
    if (!this.changedEnv) return;
    this.changedEnv = false;
    const { vm } = this;
    vm.pushRef(ref);
    vm.pushRef(envRef);
    vm.m.lua_setfenv(vm.l, -2);
    vm.pop(1);
  }

  // ---- what scripts find

  /** Address of the front at `index`, 0 for anything else. */
  private frontAt(index: number): number {
    const table = this.vm.tableWithMeta(index);
    return table !== 0 && this.behind.has(table) ? table : 0;
  }

  private refuse(): number {
    this.vm.pushText(READONLY);
    return this.vm.error();
  }

  /** A function that writes into argument 1 when it is called with `args` arguments. */
  private refusing(original: CFunction, args: number): () => number {
    const { vm } = this;
    return () => (this.frontAt(1) !== 0 && vm.top >= args ? this.refuse() : original(vm.l));
  }

  /** A function that only reads argument 1, and hands nothing but keys and values of it on. */
  private reading(original: CFunction): () => number {
    const { vm } = this;
    return () => {
      const front = this.frontAt(1);
      if (front !== 0) vm.replaceObject(1, this.behind.get(front)!);
      return original(vm.l);
    };
  }

  private inserting(original: CFunction): () => number {
    const { vm } = this;
    return () => {
      if (this.frontAt(1) === 0) return original(vm.l);
      const { top } = vm;
      if (top === 3) vm.checkNumber(2);
      return top === 2 || top === 3 ? this.refuse() : original(vm.l);
    };
  }

  private settingMeta(original: CFunction): () => number {
    const { vm } = this;
    return () => {
      const type = vm.type(2);
      return this.frontAt(1) !== 0 && (type === T_NIL || type === T_TABLE) ? this.refuse() : original(vm.l);
    };
  }

  private gettingMeta(original: CFunction): () => number {
    const { vm } = this;
    return () => {
      const front = this.frontAt(1);
      if (front === 0) return original(vm.l);
      if (front === this.env) vm.pushRef(this.envMetaRef);
      else vm.pushNil();
      return 1;
    };
  }

  /** `pairs` of a front goes over the front with the `next` of the sandbox. Lua's own has `next` as its upvalue. */
  private guardPairs(): void {
    const { vm } = this;
    const original = this.original('pairs');
    const { top } = vm;
    vm.getField(GLOBALS, GUARDS);
    vm.getField(-1, 'next');
    const next = vm.ref();
    vm.getField(GLOBALS, 'next');
    const pairs = (): number => {
      if (this.frontAt(1) === 0) return original(vm.l);
      vm.top = 1;
      vm.pushRef(next);
      vm.m.lua_insert(vm.l, 1);
      vm.pushNil();
      return 3;
    };
    vm.pushGuarded(original, pairs, 1);
    vm.setField(-2, 'pairs');
    vm.top = top;
  }

  private gettingEnv(original: CFunction): () => number {
    const { vm } = this;
    return () => {
      const results = original(vm.l);
      if (vm.objectAt(-1) === this.globals) vm.replaceObject(-1, this.env);
      return results;
    };
  }

  /** Functions in C, those of the prelude, and threads have the globals as their environment: it stays. */
  private settingEnv(getOriginal: CFunction, original: CFunction): () => number {
    const { vm } = this;
    return () => {
      if (vm.type(2) !== T_TABLE) return original(vm.l);
      const { top } = vm;
      getOriginal(vm.l);
      if (vm.objectAt(-1) === this.globals) vm.raise("'setfenv' cannot change environment of given object");
      vm.top = top;
      this.changedEnv = true;
      return original(vm.l);
    };
  }

  /** Only text is compiled; see LuaVm.load. */
  private loading(original: CFunction): () => number {
    const { vm } = this;
    return () => {
      if (vm.findString(1) && vm.len > 0 && vm.heap[vm.off] === ESCAPE) this.putBlank();
      const results = original(vm.l);
      if (results === 1) {
        vm.pushRef(this.envRef);
        vm.m.lua_setfenv(vm.l, -2);
      }
      return results;
    };
  }

  /** Puts a blank in front of the chunk at 1, whose name stays the same. */
  private putBlank(): void {
    const { vm } = this;
    const type = vm.type(2);
    if (type === T_NIL || type === T_NONE) {
      vm.top = 1;
      vm.m.lua_pushvalue(vm.l, 1);
    }
    const chunk = vm.bytes(1);
    const text = new Uint8Array(chunk.length + 1);
    text[0] = BLANK;
    text.set(chunk, 1);
    vm.pushBytes(text, 0, text.length);
    vm.m.lua_replace(vm.l, 1);
  }

  /** The collector's pace is not for scripts to set: what asks for it gets an answer and changes nothing. */
  private collecting(original: CFunction): () => number {
    const { vm } = this;
    const answers: Readonly<Record<string, number>> = { stop: 0, restart: 0, setpause: 200, setstepmul: 200 };
    return () => {
      const answer = vm.type(1) === T_STRING ? answers[vm.text(1)] : undefined;
      if (answer === undefined) return original(vm.l);
      vm.pushNumber(answer);
      return 1;
    };
  }
}
