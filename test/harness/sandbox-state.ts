/**
 * An interpreter as scripts find it, outside of a server, and a look at all that a script could change in it: every
 * table, function and userdata that can be reached from the environments, with metatables, upvalues and environments.
 */
import { shardCommands } from '../../src/shard/commands/table.js';
import { type Environment, HANDLER, makeEnvironment } from '../../src/shard/script/environment.js';
import { GLOBALS, LuaVm, MASK_COUNT } from '../../src/shard/script/lua/lua-vm.js';
import { RedisApi } from '../../src/shard/script/redis-api.js';
import { FunctionRegistration } from '../../src/shard/script/register-function.js';
import { buildRegistry } from '../../src/shared/command/registry.js';

/** Returns a function that says what has changed since it was made; '' for nothing. */
const WATCH = `
local debug, env, function_env = ...
local getmeta, getupvalue, getfenv = debug.getmetatable, debug.getupvalue, debug.getfenv
local objects, names, seen = {}, {}, {}
local function look(value, name)
  local kind = type(value)
  if kind ~= 'table' and kind ~= 'function' and kind ~= 'userdata' or seen[value] then return end
  seen[value] = {name = name, fields = {}, count = 0, meta = getmeta(value)}
  objects[#objects + 1] = value
  look(seen[value].meta, name .. '<meta>')
  if kind == 'table' then
    for k, v in next, value do
      seen[value].fields[k] = v
      seen[value].count = seen[value].count + 1
      look(k, name .. '<key>')
      look(v, name .. '.' .. tostring(k))
    end
  else
    seen[value].env = getfenv(value)
    look(seen[value].env, name .. '<env>')
    for i = 1, kind == 'function' and 255 or 0 do
      local upvalue, v = getupvalue(value, i)
      if not upvalue then break end
      seen[value].fields[i] = v
      seen[value].count = i
      look(v, name .. '<up' .. upvalue .. '>')
    end
  end
end
look(env, '_G')
look(function_env, 'function _G')
look(getmeta(''), "''")
look(_G, 'C _G')
look(getmeta(type), 'function')
look(coroutine, 'coroutine')
local function same(a, b) return rawequal(a, b) or a ~= a and b ~= b end
return function()
  if getmeta(type) or getmeta(1) or getmeta(nil) or getmeta(true) or getmeta(coroutine.create(look)) then
    return 'metatable of a basic type'
  end
  for i = 1, #objects do
    local value = objects[i]
    local was = seen[value]
    if not same(getmeta(value), was.meta) then return 'metatable of ' .. was.name end
    if type(value) == 'table' then
      local count = 0
      for k, v in next, value do
        if not same(was.fields[k], v) then return was.name .. '.' .. tostring(k) end
        count = count + 1
      end
      if count ~= was.count then return 'a field of ' .. was.name .. ' is gone' end
    else
      if not same(getfenv(value), was.env) then return 'environment of ' .. was.name end
      for k = 1, was.count do
        local _, v = getupvalue(value, k)
        if not same(was.fields[k], v) then return 'upvalue ' .. k .. ' of ' .. was.name end
      end
    end
  end
  return '', #objects
end
`;

/** Instructions that a script may take; then it is ended. */
const STEPS_MAX = 20_000;

export class SandboxState {
  readonly vm: LuaVm;
  private readonly environment: Environment;
  private readonly watch: number;
  private readonly debug: number;
  private hook = 0;

  private constructor(vm: LuaVm) {
    this.vm = vm;
    vm.getField(GLOBALS, 'debug');
    this.debug = vm.ref();
    const registration = new FunctionRegistration(vm);
    this.environment = makeEnvironment(vm, new RedisApi(vm, buildRegistry(shardCommands), new Map()), registration);
    // As a script leaves them.
    this.run('return 1', 'script');
    if (!vm.load(Buffer.from(WATCH), '@watch')) throw new Error(vm.text(-1));
    vm.pushRef(this.debug);
    vm.pushRef(this.environment.envRef);
    vm.pushRef(this.environment.functionEnvRef);
    if (!vm.call(3, 1, 0)) throw new Error(vm.text(-1));
    this.watch = vm.ref();
    this.hook = vm.hookOf(() => {
      vm.pushText('too many steps');
      vm.error();
    });
  }

  static async create(): Promise<SandboxState> {
    return new SandboxState(await LuaVm.create());
  }

  /** Number of things that are looked at. */
  get size(): number {
    const { vm } = this;
    vm.pushRef(this.watch);
    vm.call(0, 2, 0);
    const size = vm.number(-1);
    vm.pop(2);
    return size;
  }

  /** Runs a script, the code of a library, or a function of one; returns its text or its error. */
  run(code: string, as: 'script' | 'library' | 'function'): string {
    const { vm, environment } = this;
    const { top } = vm;
    const envRef = as === 'script' ? environment.envRef : environment.functionEnvRef;
    if (!vm.load(Buffer.from(code, 'latin1'), '@user_script')) {
      const message = vm.text(-1);
      vm.top = top;
      return message;
    }
    vm.pushRef(envRef);
    vm.m.lua_setfenv(vm.l, -2);
    const ref = vm.ref();
    this.setLoading(as === 'library');
    vm.pushRef(ref);
    if (this.hook !== 0) vm.setHook(this.hook, MASK_COUNT, STEPS_MAX);
    const returned = vm.call(0, 1, HANDLER);
    vm.setHook(0, 0, 0);
    if (!returned) vm.getField(-1, 'err');
    const text = vm.text(-1);
    vm.top = top;
    this.setLoading(false);
    environment.sandbox.restore(ref, envRef);
    const kept = this.hasEnvironment(ref, envRef);
    vm.unref(ref);
    return kept ? text : 'LEFT: environment of the script';
  }

  private setLoading(isLoading: boolean): void {
    const { vm, environment } = this;
    vm.pushRef(environment.loadSwitchRef);
    vm.pushBoolean(isLoading);
    vm.call(1, 0, 0);
  }

  private hasEnvironment(ref: number, envRef: number): boolean {
    const { vm } = this;
    const { top } = vm;
    vm.pushRef(this.debug);
    vm.getField(-1, 'getfenv');
    vm.pushRef(ref);
    vm.call(1, 1, 0);
    vm.pushRef(envRef);
    const same = vm.objectAt(-1) === vm.objectAt(-2);
    vm.top = top;
    return same;
  }

  /** What is not as it was at the beginning; '' for nothing. */
  changes(): string {
    const { vm } = this;
    const { top } = vm;
    vm.pushRef(this.watch);
    const returned = vm.call(0, 1, 0);
    const text = vm.text(-1);
    vm.top = top;
    if (!returned) return `the watch: ${text}`;
    if (text !== '') return text;
    // Pace of the collector, in percent: setting it returns what it was.
    if (vm.m.lua_gc(vm.l, 6, 200) !== 200) return 'pause of the collector';
    if (vm.m.lua_gc(vm.l, 7, 200) !== 200) return 'steps of the collector';
    return '';
  }
}
