/** Being built. */
import type { LuaVm } from '../lua-vm.js';

/** Leaves the library in the globals. */
export function registerBit(_vm: LuaVm): void {}
