/** The functions of Lua's C API that are used here, as one object of fixed shape. Pointers are numbers. */
import type { LuaStack } from './lua-stack.js';
import type { Exports } from './raw-exports.js';

type Fn<A extends readonly number[], R = void> = (...args: A) => R;
type L = number;
type Index = number;
type Ptr = number;

export interface LuaApi {
  readonly malloc: Fn<[bytes: number], Ptr>;
  readonly free: Fn<[ptr: Ptr]>;
  readonly luaL_newstate: Fn<[], L>;
  readonly luaL_openlibs: Fn<[L]>;
  readonly luaL_loadbuffer: Fn<[L, source: Ptr, len: number, name: Ptr], number>;
  readonly luaL_ref: Fn<[L, Index], number>;
  readonly luaL_unref: Fn<[L, Index, ref: number]>;
  readonly luaL_where: Fn<[L, level: number]>;
  readonly luaL_argerror: Fn<[L, n: number, text: Ptr], number>;
  readonly luaL_checktype: Fn<[L, n: number, type: number]>;
  readonly luaL_checknumber: Fn<[L, Index], number>;
  readonly luaL_checklstring: Fn<[L, Index, len: Ptr], Ptr>;
  readonly lua_call: Fn<[L, args: number, results: number]>;
  readonly lua_pcall: Fn<[L, args: number, results: number, handler: Index], number>;
  readonly lua_error: Fn<[L], number>;
  readonly lua_type: Fn<[L, Index], number>;
  readonly lua_pushvalue: Fn<[L, Index]>;
  readonly lua_pushlstring: Fn<[L, Ptr, len: number]>;
  readonly lua_pushcclosure: Fn<[L, fn: number, values: number]>;
  readonly lua_pushlightuserdata: Fn<[L, Ptr]>;
  readonly lua_newuserdata: Fn<[L, bytes: number], Ptr>;
  readonly lua_createtable: Fn<[L, array: number, record: number]>;
  readonly lua_rawget: Fn<[L, Index]>;
  readonly lua_rawset: Fn<[L, Index]>;
  readonly lua_settable: Fn<[L, Index]>;
  readonly lua_setfield: Fn<[L, Index, name: Ptr]>;
  readonly lua_rawgeti: Fn<[L, Index, n: number]>;
  readonly lua_rawseti: Fn<[L, Index, n: number]>;
  readonly lua_next: Fn<[L, Index], number>;
  readonly lua_tonumber: Fn<[L, Index], number>;
  readonly lua_tolstring: Fn<[L, Index, len: Ptr], Ptr>;
  readonly lua_touserdata: Fn<[L, Index], Ptr>;
  readonly lua_tocfunction: Fn<[L, Index], number>;
  readonly lua_topointer: Fn<[L, Index], Ptr>;
  readonly lua_setmetatable: Fn<[L, Index], number>;
  readonly lua_replace: Fn<[L, Index]>;
  readonly lua_checkstack: Fn<[L, n: number], number>;
  readonly lua_sethook: Fn<[L, fn: number, mask: number, count: number]>;
  readonly lua_gc: Fn<[L, what: number, data: number], number>;
  readonly lua_insert: Fn<[L, Index]>;
  readonly lua_setfenv: Fn<[L, Index], number>;
  readonly lua_concat: Fn<[L, n: number]>;
}

/** Takes the functions out of an instance. Errors: one that it does not have. */
export function luaApiOf(exports: Exports): LuaApi {
  const f = exports as unknown as LuaApi;
  const api: LuaApi = {
    malloc: f.malloc,
    free: f.free,
    luaL_newstate: f.luaL_newstate,
    luaL_openlibs: f.luaL_openlibs,
    luaL_loadbuffer: f.luaL_loadbuffer,
    luaL_ref: f.luaL_ref,
    luaL_unref: f.luaL_unref,
    luaL_where: f.luaL_where,
    luaL_argerror: f.luaL_argerror,
    luaL_checktype: f.luaL_checktype,
    luaL_checknumber: f.luaL_checknumber,
    luaL_checklstring: f.luaL_checklstring,
    lua_call: f.lua_call,
    lua_pcall: f.lua_pcall,
    lua_error: f.lua_error,
    lua_type: f.lua_type,
    lua_pushvalue: f.lua_pushvalue,
    lua_pushlstring: f.lua_pushlstring,
    lua_pushcclosure: f.lua_pushcclosure,
    lua_pushlightuserdata: f.lua_pushlightuserdata,
    lua_newuserdata: f.lua_newuserdata,
    lua_createtable: f.lua_createtable,
    lua_rawget: f.lua_rawget,
    lua_rawset: f.lua_rawset,
    lua_settable: f.lua_settable,
    lua_setfield: f.lua_setfield,
    lua_rawgeti: f.lua_rawgeti,
    lua_rawseti: f.lua_rawseti,
    lua_next: f.lua_next,
    lua_tonumber: f.lua_tonumber,
    lua_tolstring: f.lua_tolstring,
    lua_touserdata: f.lua_touserdata,
    lua_tocfunction: f.lua_tocfunction,
    lua_topointer: f.lua_topointer,
    lua_setmetatable: f.lua_setmetatable,
    lua_replace: f.lua_replace,
    lua_checkstack: f.lua_checkstack,
    lua_sethook: f.lua_sethook,
    lua_gc: f.lua_gc,
    lua_insert: f.lua_insert,
    lua_setfenv: f.lua_setfenv,
    lua_concat: f.lua_concat,
  };
  for (const [name, fn] of Object.entries(api)) {
    if (typeof fn !== 'function') throw new Error(`the Lua interpreter has no ${name}`);
  }
  return api;
}

/**
 * Proves that `stack` finds in memory what the functions of the API put there. Errors: it does not, so the interpreter
 * is another one than this code was written for. @requires an empty stack
 */
export function checkLayout(api: LuaApi, stack: LuaStack): void {
  const { l } = stack;
  const text = 'layout';
  const ptr = api.malloc(text.length);
  for (let i = 0; i < text.length; i++) stack.heap[ptr + i] = text.charCodeAt(i);
  const before = stack.top;
  api.lua_pushlstring(l, ptr, text.length);
  api.free(ptr);
  stack.pushNumber(-1.5);
  stack.pushBoolean(true);
  stack.pushNil();
  api.lua_createtable(l, 0, 0);
  const types = [1, 2, 3, 4, 5].map((i) => `${stack.type(i)}${api.lua_type(l, i)}`).join(' ');
  const found = stack.findString(1);
  let same = before === 0 && stack.top === 5 && types === '44 33 11 00 55' && stack.type(6) === api.lua_type(l, 6);
  same &&= found && stack.len === text.length && stack.type(-1) === 5 && stack.boolean(3);
  for (let i = 0; i < text.length; i++) same &&= stack.heap[stack.off + i] === text.charCodeAt(i);
  same &&= api.lua_tonumber(l, 2) === -1.5 && stack.double(2) === -1.5;
  same &&=
    stack.objectAt(5) === api.lua_topointer(l, 5) && stack.tableWithMeta(5) === 0 && stack.tableWithMeta(1) === 0;
  api.lua_createtable(l, 0, 0);
  api.lua_setmetatable(l, 5);
  same &&= stack.tableWithMeta(5) === stack.objectAt(5) && stack.tableWithMeta(6) === 0;
  stack.top = 0;
  if (!same)
    throw new Error('the Lua interpreter lays its stack out in an unknown way: wasmoon-lua5.1 must be 1.18.10');
}
