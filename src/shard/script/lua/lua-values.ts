/** Between RESP and Lua: replies of commands as Lua values, and what a script returns as its reply. */
import type { Reply } from '../../../shared/resp/reply.js';
import { type LuaVm, T_BOOLEAN, T_NIL, T_NUMBER, T_STRING, T_TABLE } from './lua-vm.js';

/** Deepest nesting of tables in a reply. */
const DEPTH_MAX = 7000;

function endOfLine(u8: Uint8Array, at: number): number {
  while (u8[at] !== 13) at++;
  return at;
}

function numberOfLine(u8: Uint8Array, from: number, end: number): number {
  let n = 0;
  let at = from;
  const negative = u8[at] === 45;
  if (negative) at++;
  for (; at < end; at++) n = n * 10 + u8[at]! - 48;
  return negative ? -n : n;
}

/** Pushes the RESP value at `at` of `u8`; returns the offset behind it. Nothing is checked: it is our own reply. */
// hot: redis.call
export function pushReply(vm: LuaVm, u8: Uint8Array, at: number): number {
  const kind = u8[at]!;
  const start = at + 1;
  const end = endOfLine(u8, start);
  const next = end + 2;
  switch (kind) {
    case 58: // :
      vm.pushNumber(numberOfLine(u8, start, end));
      return next;
    case 36: {
      // $
      const n = numberOfLine(u8, start, end);
      if (n < 0) {
        vm.pushBoolean(false);
        return next;
      }
      vm.pushBytes(u8, next, n);
      return next + n + 2;
    }
    case 43: // +
    case 45: // -
      vm.newTable(0, 1);
      vm.pushBytes(u8, start, end - start);
      vm.setField(-2, kind === 43 ? 'ok' : 'err');
      return next;
    case 42: {
      // *
      const n = numberOfLine(u8, start, end);
      if (n < 0) {
        vm.pushBoolean(false);
        return next;
      }
      return pushArray(vm, u8, next, n);
    }
    default:
      return pushResp3(vm, u8, kind, start, end, next);
  }
}

function pushArray(vm: LuaVm, u8: Uint8Array, at: number, n: number): number {
  vm.reserve(4);
  vm.newTable(n, 0);
  for (let i = 1; i <= n; i++) {
    at = pushReply(vm, u8, at);
    vm.m.lua_rawseti(vm.l, -2, i);
  }
  return at;
}

function pushResp3(vm: LuaVm, u8: Uint8Array, kind: number, start: number, end: number, next: number): number {
  switch (kind) {
    case 95: // _
      vm.pushNil();
      return next;
    case 35: // #
      vm.pushBoolean(u8[start] === 116);
      return next;
    case 44: {
      // ,
      const text = Buffer.from(u8.buffer, u8.byteOffset + start, end - start).toString('latin1');
      vm.newTable(0, 1);
      vm.pushNumber(
        text === 'inf' ? Number.POSITIVE_INFINITY : text === '-inf' ? Number.NEGATIVE_INFINITY : Number(text),
      );
      vm.setField(-2, 'double');
      return next;
    }
    case 40: // (
      vm.newTable(0, 1);
      vm.pushBytes(u8, start, end - start);
      vm.setField(-2, 'big_number');
      return next;
    case 61: {
      // =
      const n = numberOfLine(u8, start, end);
      vm.newTable(0, 1);
      vm.newTable(0, 2);
      vm.pushBytes(u8, next, 3);
      vm.setField(-2, 'format');
      vm.pushBytes(u8, next + 4, n - 4);
      vm.setField(-2, 'string');
      vm.setField(-2, 'verbatim_string');
      return next + n + 2;
    }
    case 37: // %
    case 126: // ~
      return pushMapOrSet(vm, u8, kind === 37, next, numberOfLine(u8, start, end));
    case 124: {
      // | attributes are passed over, what they describe follows
      let at = next;
      for (let i = 2 * numberOfLine(u8, start, end); i > 0; i--) {
        at = pushReply(vm, u8, at);
        vm.pop(1);
      }
      return pushReply(vm, u8, at);
    }
    default: // > does not occur in replies of commands
      return pushArray(vm, u8, next, numberOfLine(u8, start, end));
  }
}

function pushMapOrSet(vm: LuaVm, u8: Uint8Array, map: boolean, at: number, n: number): number {
  vm.reserve(6);
  vm.newTable(0, 1);
  vm.newTable(0, n);
  for (let i = 0; i < n; i++) {
    at = pushReply(vm, u8, at);
    if (map) at = pushReply(vm, u8, at);
    else vm.pushBoolean(true);
    if (vm.type(-2) === T_NIL) vm.pop(2);
    else vm.m.lua_rawset(vm.l, -3);
  }
  vm.setField(-2, map ? 'map' : 'set');
  return at;
}

/** A whole number as C casts it to 64 bits on x86: what does not fit is the least integer. */
function writeInteger(reply: Reply, n: number): void {
  if (Number.isSafeInteger(n)) {
    reply.int(n);
    return;
  }
  const fits = n >= -(2 ** 63) && n < 2 ** 63;
  const hi = fits ? Math.floor(n / 2 ** 32) : -0x80000000;
  reply.int64(hi, fits ? (n - hi * 2 ** 32) | 0 : 0);
}

/** Writes the value on top of the stack as the script's reply, and pops it. */
export function writeLuaValue(vm: LuaVm, reply: Reply, depth = 0): void {
  const type = vm.type(-1);
  if (type === T_STRING) {
    vm.toBytes(-1);
    reply.bulk(vm.heap, vm.off, vm.len);
  } else if (type === T_NUMBER) {
    writeInteger(reply, Math.trunc(vm.number(-1)));
  } else if (type === T_BOOLEAN) {
    const b = vm.boolean(-1);
    if (vm.resp === 3) reply.bool(b);
    else if (b) reply.int(1);
    else reply.nil();
  } else if (type === T_TABLE) writeTable(vm, reply, depth);
  else reply.nil();
  vm.pop(1);
}

/** Whether t[name] has the type wanted; it is on the stack then. */
function hasField(vm: LuaVm, name: string, type: number): boolean {
  vm.getField(-1, name);
  if (vm.type(-1) === type) return true;
  vm.pop(1);
  return false;
}

/** Writes the {format, string} on top of the stack, and pops it; false when it is none. */
function writeVerbatim(vm: LuaVm, reply: Reply): boolean {
  if (!hasField(vm, 'format', T_STRING)) return false;
  const format = vm.text(-1).padEnd(3, ' ').slice(0, 3);
  vm.pop(1);
  if (!hasField(vm, 'string', T_STRING)) return false;
  const bytes = vm.bytes(-1);
  vm.pop(2);
  if (reply.proto === 2) reply.bulk(bytes, 0, bytes.length);
  else {
    const line = Buffer.concat([Buffer.from(`=${bytes.length + 4}\r\n${format}:`), bytes, Buffer.from('\r\n')]);
    reply.raw(line, 0, line.length);
  }
  return true;
}

function writeTable(vm: LuaVm, reply: Reply, depth: number): void {
  if (depth > DEPTH_MAX || !vm.reserve(4)) {
    reply.errorText('ERR reached lua stack limit');
    return;
  }
  if (hasField(vm, 'err', T_STRING)) {
    const text = vm.text(-1);
    vm.pop(1);
    vm.noteCounted();
    reply.errorLatin1(text.startsWith('-') ? text.slice(1) : text);
    return;
  }
  if (hasField(vm, 'ok', T_STRING)) {
    reply.simple(vm.text(-1).replace(/[\r\n]/g, ' '));
    vm.pop(1);
    return;
  }
  if (hasField(vm, 'double', T_NUMBER)) {
    reply.double(vm.number(-1));
    vm.pop(1);
    return;
  }
  if (hasField(vm, 'big_number', T_STRING)) {
    reply.bigNumber(vm.text(-1).replace(/[\r\n]/g, ' '));
    vm.pop(1);
    return;
  }
  if (hasField(vm, 'verbatim_string', T_TABLE)) {
    if (writeVerbatim(vm, reply)) return;
    vm.pop(1);
  }
  if (hasField(vm, 'map', T_TABLE)) {
    writePairs(vm, reply, true, depth);
    return;
  }
  if (hasField(vm, 'set', T_TABLE)) {
    writePairs(vm, reply, false, depth);
    return;
  }
  const mark = reply.deferredArray();
  let count = 0;
  for (;;) {
    vm.m.lua_rawgeti(vm.l, -1, count + 1);
    if (vm.type(-1) === T_NIL) {
      vm.pop(1);
      break;
    }
    writeLuaValue(vm, reply, depth + 1);
    count++;
  }
  reply.setDeferred(mark, count);
}

function writePairs(vm: LuaVm, reply: Reply, map: boolean, depth: number): void {
  const mark = reply.deferredArray();
  let count = 0;
  vm.pushNil();
  while (vm.m.lua_next(vm.l, -2) !== 0) {
    // Key and value: a copy of the key is written, the key itself goes on with the walk.
    vm.m.lua_pushvalue(vm.l, -2);
    writeLuaValue(vm, reply, depth + 1);
    if (map) writeLuaValue(vm, reply, depth + 1);
    else vm.pop(1);
    count++;
  }
  vm.pop(1);
  reply.setDeferred(mark, count, map ? 'map' : 'set');
}
