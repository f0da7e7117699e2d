/** Puts into a new interpreter what scripts find in it: `redis`, the libraries, the protected globals. */
import { registerLibraries } from './libs/register.js';
import { GLOBALS, type LuaVm } from './lua/lua-vm.js';
import { PRELUDE } from './lua-prelude.js';
import type { RedisApi } from './redis-api.js';
import { type FunctionRegistration, REGISTER_FUNCTION } from './register-function.js';
import { Sandbox } from './sandbox.js';

/** What stands at the bottom of the stack from then on: the error handler, and the globals behind the protection. */
export const HANDLER = 1;
export const REAL_GLOBALS = 2;

export interface Environment {
  readonly sandbox: Sandbox;
  /** References of the environments of scripts and of functions, and of what turns the load-time globals on and off. */
  readonly envRef: number;
  readonly functionEnvRef: number;
  readonly loadSwitchRef: number;
}

/** Errors: the interpreter refuses the prelude. @requires an interpreter that was just made */
export function makeEnvironment(vm: LuaVm, api: RedisApi, registration: FunctionRegistration): Environment {
  api.register();
  const sandbox = new Sandbox(vm, registerLibraries(vm));
  sandbox.register();
  vm.pushFunction(() => registration.call());
  vm.setField(GLOBALS, REGISTER_FUNCTION);
  if (!vm.load(Buffer.from(PRELUDE), '@sherd') || !vm.call(0, 5, 0)) {
    throw new Error(`script environment: ${vm.text(-1)}`);
  }
  // What the prelude returned, from the last.
  vm.m.lua_insert(vm.l, HANDLER);
  const loadSwitchRef = vm.ref();
  const functionEnvRef = vm.ref();
  vm.m.lua_insert(vm.l, REAL_GLOBALS);
  return { sandbox, envRef: vm.ref(), functionEnvRef, loadSwitchRef };
}
