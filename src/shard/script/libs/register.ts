/** The libraries that scripts find beside `redis`. */
import type { LuaVm } from '../lua/lua-vm.js';
import { registerBit } from './bit.js';
import { type CjsonSettings, registerCjson } from './cjson.js';
import { registerCmsgpack } from './cmsgpack.js';
import { registerStringRep } from './string-rep.js';
import { registerStruct } from './struct.js';

/** Leaves all libraries in the globals of an interpreter; returns the settings of cjson. */
export function registerLibraries(vm: LuaVm): CjsonSettings {
  const settings = registerCjson(vm);
  registerCmsgpack(vm);
  registerStruct(vm);
  registerBit(vm);
  registerStringRep(vm);
  return settings;
}
