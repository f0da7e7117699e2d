/**
 * `redis.register_function`, as the code of a library sees it while FUNCTION LOAD runs the code: by position (name,
 * callback) or by name ({function_name=, callback=, description=, flags=}).
 *
 * Invariant: see lua-vm.ts; errors leave as Lua errors, so nothing here catches.
 */
import { BAD_NAME, isLibraryName } from './library-header.js';
import type { LibraryFunction } from './library-store.js';
import { type LuaVm, T_FUNCTION, T_NIL, T_NUMBER, T_STRING, T_TABLE } from './lua/lua-vm.js';
import { scriptFlag } from './script-flags.js';

/** A function that was registered, and its callback in Lua's registry. */
export interface RegisteredFunction extends LibraryFunction {
  readonly ref: number;
}

/** Name under which the prelude finds the function. */
export const REGISTER_FUNCTION = '__register_function';

export class FunctionRegistration {
  private readonly vm: LuaVm;
  /** What the library that is loading has registered; null while none is. */
  private found: RegisteredFunction[] | null = null;
  private name = '';
  private description: string | null = null;
  private flags = 0;
  private ref = 0;

  constructor(vm: LuaVm) {
    this.vm = vm;
  }

  /** Collects from now on what is registered. */
  begin(): void {
    this.found = [];
  }

  /** What was registered since `begin`. */
  end(): RegisteredFunction[] {
    const { found } = this;
    this.found = null;
    return found ?? [];
  }

  /** The callback for Lua. */
  call(): number {
    const { vm, found } = this;
    if (found === null) return this.fail('redis.register_function can only be called on FUNCTION LOAD command');
    this.name = '';
    this.description = null;
    this.flags = 0;
    this.ref = 0;
    const { top } = vm;
    if (top < 1 || top > 2) return this.fail('wrong number of arguments to redis.register_function');
    const error = top === 1 ? this.named() : this.positional();
    if (error !== null) return this.drop(error);
    if (!isLibraryName(this.name)) return this.drop(BAD_NAME);
    if (found.some(({ name }) => name === this.name)) return this.drop('Function already exists in the library');
    const { name, description, flags, ref } = this;
    found.push({ name, description, flags, ref });
    return 0;
  }

  private positional(): string | null {
    const { vm } = this;
    if (!this.isText(1)) return 'first argument to redis.register_function must be a string';
    this.name = vm.text(1);
    if (vm.type(2) !== T_FUNCTION) return 'second argument to redis.register_function must be a function';
    vm.m.lua_pushvalue(vm.l, 2);
    this.ref = vm.ref();
    return null;
  }

  private named(): string | null {
    const { vm } = this;
    if (vm.type(1) !== T_TABLE) {
      return (
        'calling redis.register_function with a single argument is only applicable to Lua table' +
        ' (representing named arguments).'
      );
    }
    let hasName = false;
    vm.pushNil();
    while (vm.m.lua_next(vm.l, 1) !== 0) {
      const error = this.argument(vm.type(2) === T_STRING ? vm.text(2).toLowerCase() : null);
      if (error !== null) return error;
      hasName ||= this.name !== '' || (vm.type(2) === T_STRING && vm.text(2).toLowerCase() === 'function_name');
      vm.pop(1);
    }
    if (!hasName) return 'redis.register_function must get a function name argument';
    return this.ref === 0 ? 'redis.register_function must get a callback argument' : null;
  }

  /** One named argument, whose value is at index 3. */
  private argument(key: string | null): string | null {
    const { vm } = this;
    if (key === 'function_name') {
      if (!this.isText(3)) return 'function_name argument given to redis.register_function must be a string';
      this.name = vm.text(3);
    } else if (key === 'description') {
      if (!this.isText(3)) return 'description argument given to redis.register_function must be a string';
      this.description = vm.text(3);
    } else if (key === 'callback') {
      if (vm.type(3) !== T_FUNCTION) return 'callback argument given to redis.register_function must be a function';
      // Names come in whatever case, so a table may have it twice.
      if (this.ref !== 0) vm.unref(this.ref);
      vm.m.lua_pushvalue(vm.l, 3);
      this.ref = vm.ref();
    } else if (key === 'flags') {
      if (vm.type(3) !== T_TABLE) {
        return 'flags argument to redis.register_function must be a table representing function flags';
      }
      if (!this.readFlags()) return 'unknown flag given';
    } else if (key === null && vm.type(2) !== T_NUMBER) {
      return 'named argument key given to redis.register_function is not a string';
    } else return 'unknown argument given to redis.register_function';
    return null;
  }

  /** The table of flags at index 3. */
  private readFlags(): boolean {
    const { vm } = this;
    for (let i = 1; ; i++) {
      vm.m.lua_rawgeti(vm.l, 3, i);
      const isEnd = vm.type(4) === T_NIL;
      const flag = vm.type(4) === T_STRING ? scriptFlag(vm.text(4).toLowerCase()) : -1;
      vm.pop(1);
      if (isEnd) return true;
      if (flag < 0) return false;
      this.flags |= flag;
    }
  }

  private isText(index: number): boolean {
    const type = this.vm.type(index);
    return type === T_STRING || type === T_NUMBER;
  }

  private drop(error: string): number {
    if (this.ref !== 0) this.vm.unref(this.ref);
    return this.fail(error);
  }

  private fail(text: string): number {
    const { vm } = this;
    vm.newTable(0, 1);
    vm.pushText(`ERR ${text}`);
    vm.setField(-2, 'err');
    return vm.error();
  }
}
