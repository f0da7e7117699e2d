import { expect, it } from 'vitest';
import { GLOBALS, LuaVm } from '../../../src/shard/script/lua/lua-vm.js';
import { FunctionRegistration, REGISTER_FUNCTION } from '../../../src/shard/script/register-function.js';

const F = 'function() end';

/** Runs `code` with the function `r` as FUNCTION LOAD does; returns the place that the registry gives out next. */
function placeAfter(vm: LuaVm, registration: FunctionRegistration, code: string): number {
  registration.begin();
  vm.load(Buffer.from(`local r = ${REGISTER_FUNCTION} ${code}`), '@user_function');
  if (!vm.call(0, 0, 0)) vm.pop(1);
  for (const { ref } of registration.end()) vm.unref(ref);
  vm.pushBoolean(true);
  const place = vm.ref();
  vm.unref(place);
  return place;
}

it('the code of a library keeps nothing alive but the functions that it registers (#11)', async () => {
  const vm = await LuaVm.create();
  const registration = new FunctionRegistration(vm);
  vm.pushFunction(() => registration.call());
  vm.setField(GLOBALS, REGISTER_FUNCTION);
  const before = placeAfter(vm, registration, '');
  for (const code of [
    `r('f', ${F})`,
    `r{function_name = 'f', callback = ${F}}`,
    `r{function_name = 'f', callback = ${F}, CALLBACK = ${F}, Callback = ${F}}`,
    `r{callback = ${F}, CALLBACK = ${F}}`,
    `r{function_name = 'f', callback = ${F}, CALLBACK = 1}`,
    `r{function_name = 'f', callback = ${F}, flags = {'none'}}`,
    `r{function_name = 'no name', callback = ${F}, Callback = ${F}}`,
    `r('f', ${F}) r('f', ${F})`,
  ]) {
    expect(placeAfter(vm, registration, code), code).toBe(before);
  }
});
