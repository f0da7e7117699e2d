/**
 * `string.rep` without the traps of Lua's own: Lua's own appends the string once for each repetition, which may take
 * seconds in which nothing can stop the thread. Lua's own also takes 2^31 repetitions for none.
 */
import type { LuaVm } from '../lua/lua-vm.js';
import { GLOBALS } from '../lua/lua-vm.js';
import { STRING_BYTES_MAX } from './byte-buffer.js';

function repeat(vm: LuaVm): number {
  vm.checkBytes(1);
  const { off, len } = vm;
  const times = Math.trunc(vm.checkNumber(2));
  const bytes = len * times;
  // NaN is no repetition, as in Lua.
  if (len === 0 || !(times > 0)) vm.pushText('');
  else if (bytes > STRING_BYTES_MAX) vm.raise('resulting string too large');
  else if (!vm.pushRepeated(off, len, bytes)) vm.raise('not enough memory');
  return 1;
}

/** Puts it into the table `string` of an interpreter. */
export function registerStringRep(vm: LuaVm): void {
  vm.getField(GLOBALS, 'string');
  vm.pushFunction(() => repeat(vm));
  vm.setField(-2, 'rep');
  vm.pop(1);
}
