/** Being built. */
import type { LuaVm } from '../lua-vm.js';

/** Leaves the library in the globals. */
export function registerCmsgpack(_vm: LuaVm): void {}
