/**
 * The `redis` table of scripts: calling commands, making replies, logging. Its functions are called by Lua on a shard
 * thread, under the leases of the script that runs.
 *
 * Invariants: (1) nothing here is called while no script runs; (2) see lua-vm.ts: no `try` around calls into Lua.
 */

import { createHash } from 'node:crypto';
import { ClientRecord } from '../../shared/command/client-state.js';
import {
  FLAG_ADMIN,
  FLAG_CONTAINER,
  FLAG_DENYOOM,
  FLAG_MAY_REPLICATE,
  FLAG_NOSCRIPT,
  FLAG_SKIP_MONITOR,
  FLAG_WRITE,
} from '../../shared/command/flags.js';
import { extractKeys, hasKeys } from '../../shared/command/key-positions.js';
import { NOT_FROM_SCRIPTS } from '../../shared/command/not-from-scripts.js';
import type { Registry } from '../../shared/command/registry.js';
import { monitorLine } from '../../shared/pubsub/monitor-line.js';
import { Args } from '../../shared/resp/args.js';
import { doubleText } from '../../shared/resp/double-text.js';
import { Reply } from '../../shared/resp/reply.js';
import { CONTROL, THREAD } from '../../shared/sync/control-block.js';
import { SCRIPT_COMMAND } from '../../shared/sync/script-commands.js';
import { RUN, runNumber } from '../../shared/sync/script-run.js';
import { REDIS_VERSION } from '../../shared/version.js';
import type { ExecContext } from '../context/context.js';
import { SKIP_JOURNAL, SKIP_REPLICAS } from '../effects/effect-log.js';
import { pushReply } from './lua/lua-values.js';
import { COUNTED, GLOBALS, type LuaVm, T_NUMBER, T_STRING } from './lua/lua-vm.js';

/** Integers that fit 64 bits are written without a point. */
const INT64_LIMIT = 2 ** 63;
const KEY_INDEXES = 1024;
/** Room for the text of one number. */
const NUMBER_CHARS_MAX = 64;

/** Who gets effects, as scripts say it. */
const REPL_AOF = 1;
const REPL_REPLICA = 2;

/** What runs now. */
export class RunningScript {
  ctx!: ExecContext;
  readOnly = false;
  allowOom = false;
  /** A write has changed something. */
  wrote = false;
  /** The word that says what runs (shared/sync/script-run.ts). */
  run = 0;
}

export class RedisApi {
  /** The client as which a script calls commands: the caller's, in a database that the script may change. */
  readonly client = new ClientRecord();
  running: RunningScript | null = null;
  private readonly vm: LuaVm;
  private readonly registry: Registry;
  private readonly directives: ReadonlyMap<string, string>;
  private readonly args = new Args(256);
  private readonly reply = new Reply(16 * 1024);
  private readonly keyIndexes = new Int32Array(KEY_INDEXES);
  /** The command that is called, -1 while it is not known. */
  private commandId = -1;

  /** @param directives all directives as CONFIG GET shows them, by name */
  constructor(vm: LuaVm, registry: Registry, directives: ReadonlyMap<string, string>) {
    this.vm = vm;
    this.directives = directives;
    this.registry = registry;
  }

  /** Leaves the table in the globals as `redis`. Once. */
  register(): void {
    const { vm } = this;
    vm.newTable(0, 32);
    const put = (name: string, fn: () => number): void => {
      vm.pushFunction(fn);
      vm.setField(-2, name);
    };
    put('call', () => this.call(true));
    put('pcall', () => this.call(false));
    put('error_reply', () => this.singleField('err'));
    put('status_reply', () => this.singleField('ok'));
    put('sha1hex', () => this.sha1hex());
    put('log', () => this.log());
    put('setresp', () => this.setresp());
    put('set_repl', () => this.setRepl());
    put('acl_check_cmd', () => this.aclCheck());
    put('breakpoint', () => {
      vm.pushBoolean(false);
      return 1;
    });
    put('debug', () => 0);
    put('replicate_commands', () => {
      vm.pushBoolean(true);
      return 1;
    });
    const constants: Readonly<Record<string, number>> = {
      LOG_DEBUG: 0,
      LOG_VERBOSE: 1,
      LOG_NOTICE: 2,
      LOG_WARNING: 3,
      REPL_NONE: 0,
      REPL_AOF,
      REPL_SLAVE: REPL_REPLICA,
      REPL_REPLICA,
      REPL_ALL: REPL_AOF | REPL_REPLICA,
      REDIS_VERSION_NUM: REDIS_VERSION.split('.').reduce((n, part) => n * 256 + Number(part), 0),
    };
    for (const [name, value] of Object.entries(constants)) {
      vm.pushNumber(value);
      vm.setField(-2, name);
    }
    vm.pushText(REDIS_VERSION);
    vm.setField(-2, 'REDIS_VERSION');
    vm.setField(GLOBALS, 'redis');
  }

  // ---- errors

  /** Pushes the table {err = text}, with a code in front if the text has none. */
  private pushError(text: string): void {
    const { vm } = this;
    vm.newTable(0, 2);
    vm.pushText(withCode(text).replace(/[\r\n]+$/, ''));
    vm.setField(-2, 'err');
  }

  private fail(text: string): number {
    this.pushError(text);
    return this.vm.error();
  }

  // ---- redis.call, redis.pcall

  // hot: every redis.call; bench/peer "EVALSHA"
  private call(raise: boolean): number {
    this.commandId = -1;
    const text = this.execute();
    if (text !== null) {
      if (this.running !== null) this.running.ctx.runner!.refused(this.commandId, withCode(text));
      this.pushError(text);
      this.vm.pushBoolean(true);
      this.vm.setField(-2, COUNTED);
      return raise ? this.vm.error() : 1;
    }
    const { reply, vm } = this;
    let u8 = reply.u8;
    if (!reply.isSingleChunk) u8 = Buffer.concat(reply.takeChunks());
    const failed = u8[0] === 45;
    pushReply(vm, u8, 0);
    if (!failed) return 1;
    vm.pushBoolean(true);
    vm.setField(-2, COUNTED);
    return raise ? vm.error() : 1;
  }

  /** Runs the command on the stack; its reply is in `reply`. A string: it was not run, for this reason. */
  private execute(): string | null {
    const { args, registry, running } = this;
    if (running === null) return 'redis.call can only be used while a script runs';
    if (this.vm.top === 0) return 'Please specify at least one argument for this redis lib call';
    if (!this.collect()) return 'Lua redis lib command arguments must be strings or integers';
    const { reply } = this;
    reply.reset();
    reply.proto = this.vm.resp;
    let id = registry.lookup(args.u8, args.off[0]!, args.len[0]!);
    if (id >= 0 && (registry.flags[id]! & FLAG_CONTAINER) !== 0 && args.argc > 1) id = registry.lookupSub(id, args);
    if (id < 0) {
      const { db } = this.client;
      const which = this.builtIn();
      if (which >= 0) {
        if (running.ctx.control.i32[CONTROL.monitors] !== 0) this.show(db);
        this.countBuiltIn(which);
        return null;
      }
      const known = NOT_FROM_SCRIPTS.has(args.latin1(0).toLowerCase());
      return known ? 'This Redis command is not allowed from script' : 'Unknown Redis command called from script';
    }
    this.commandId = id;
    if (!registry.arityOk(id, args.argc)) return 'Wrong number of args calling Redis command from script';
    const flags = registry.flags[id]!;
    const { i32 } = running.ctx.control;
    if ((flags & FLAG_NOSCRIPT) !== 0 && i32[CONTROL.allowNoscript] === 0)
      return 'This Redis command is not allowed from script';
    if (running.readOnly && (flags & (FLAG_WRITE | FLAG_MAY_REPLICATE)) !== 0) {
      return 'Write commands are not allowed from read-only scripts.';
    }
    const { ctx } = running;
    if ((flags & FLAG_DENYOOM) !== 0 && !running.allowOom && !running.wrote && ctx.runner!.refusesMemory()) {
      return "-OOM command not allowed when used memory > 'maxmemory'.";
    }
    if (ctx.leases.count < ctx.shardCount && !this.keysHeld(id)) {
      return 'Script attempted to access a key that it was not given';
    }
    if (i32[CONTROL.monitors] !== 0 && (flags & (FLAG_SKIP_MONITOR | FLAG_ADMIN)) === 0) this.show(this.client.db);
    // The main thread may end this thread because of its script, but not in the middle of a command.
    const word = ctx.control.threadWord(ctx.threadId);
    const isKilled = i32[word + THREAD.scriptKill] === runNumber(running.run) && !running.wrote;
    if (isKilled) return 'ERR Error running script: Script killed by user...';
    i32[word + THREAD.scriptRun] = running.run | RUN.command;
    const before = ctx.dirty;
    ctx.runner!.nested(id, args, reply, this.client);
    if ((flags & FLAG_WRITE) !== 0 && ctx.dirty !== before) {
      running.wrote = true;
      running.run |= RUN.wrote;
    }
    i32[word + THREAD.scriptRun] = running.run;
    return null;
  }

  /** Shows the command that the arguments are to clients in MONITOR. */
  private show(db: number): void {
    this.running?.ctx.outbox?.monitor(monitorLine(this.running.ctx.control.nowUsec(), db, 'lua', this.args));
  }

  /**
   * Makes the values on the stack the arguments: strings where they lie in the interpreter's memory, numbers as text.
   * False when one is neither.
   */
  private collect(): boolean {
    const { vm, args } = this;
    const argc = vm.top;
    args.reserve(argc);
    args.argc = argc;
    let numbers = 0;
    for (let i = 0; i < argc; i++) {
      if (vm.findString(i + 1)) {
        args.off[i] = vm.off;
        args.len[i] = vm.len;
      } else if (vm.type(i + 1) === T_NUMBER) numbers++;
      else return false;
    }
    if (numbers > 0) this.writeNumbers(argc, numbers);
    args.setBuffer(vm.heap, vm.heapView);
    return true;
  }

  private writeNumbers(argc: number, numbers: number): void {
    const { vm, args } = this;
    let at = vm.room(numbers * NUMBER_CHARS_MAX);
    const { heap } = vm;
    for (let i = 0; i < argc; i++) {
      if (vm.type(i + 1) !== T_NUMBER) continue;
      const text = numberText(vm.double(i + 1));
      for (let k = 0; k < text.length; k++) heap[at + k] = text.charCodeAt(k);
      args.off[i] = at;
      args.len[i] = text.length;
      at += text.length;
    }
  }

  /** Whether the leases of all keys of the command are held. */
  private keysHeld(id: number): boolean {
    const { args, registry, running } = this;
    const { ctx } = running!;
    const def = registry.defs[id]!;
    if (!hasKeys(def)) return def.route === 'local';
    const count = extractKeys(def, args, this.keyIndexes);
    if (count > this.keyIndexes.length) return false;
    for (let k = 0; k < count; k++) {
      const i = this.keyIndexes[k]!;
      const shard = ctx.shardOfKey(args, i);
      if (ctx.leases.held[shard] === 0) return false;
    }
    return def.everyShard?.(args) !== true;
  }

  /** Counts the call of a command that is not in this thread's registry. */
  private countBuiltIn(which: number): void {
    const { reply } = this;
    const { stats, control } = this.running!.ctx;
    const id = control.i32[CONTROL.scriptCommands + which]!;
    stats.call(id);
    if (reply.errors === 0) return;
    stats.fail(id);
    stats.error(reply.lastError!, 0);
  }

  /** Commands that an I/O thread answers otherwise, as far as scripts use them: SCRIPT_COMMAND. -1: unknown. */
  private builtIn(): number {
    const { args, reply, client } = this;
    const { ctx } = this.running!;
    if (args.is(0, 'ping') && args.argc <= 2) {
      if (args.argc === 1) reply.pong();
      else reply.bulk(args.u8, args.off[1]!, args.len[1]!);
      return SCRIPT_COMMAND.ping;
    }
    if (args.is(0, 'echo') && args.argc === 2) {
      reply.bulk(args.u8, args.off[1]!, args.len[1]!);
      return SCRIPT_COMMAND.echo;
    }
    if (args.is(0, 'time') && args.argc === 1) {
      reply.array(2);
      reply.bulkInt(Math.floor(ctx.nowMs / 1000));
      reply.bulkInt((ctx.nowMs % 1000) * 1000);
      return SCRIPT_COMMAND.time;
    }
    if (args.is(0, 'select') && args.argc === 2) {
      const db = Number(args.latin1(1));
      if (!Number.isInteger(db)) reply.errorText('ERR value is not an integer or out of range');
      else if (db < 0 || db >= ctx.keyspaces[0]!.length) reply.errorText('ERR DB index is out of range');
      else {
        client.db = db;
        reply.ok();
      }
      return SCRIPT_COMMAND.select;
    }
    if (args.is(0, 'wait') && args.argc === 3) {
      reply.int(0);
      return SCRIPT_COMMAND.wait;
    }
    if (args.is(0, 'waitaof') && args.argc === 4) {
      this.waitAof();
      return SCRIPT_COMMAND.waitaof;
    }
    // A script must not read passwords.
    const allowed = ctx.control.i32[CONTROL.allowNoscript] !== 0;
    if (allowed && args.is(0, 'config') && args.argc >= 3 && args.is(1, 'get')) {
      this.configGet();
      return SCRIPT_COMMAND.configGet;
    }
    return -1;
  }

  /** As for clients, but nobody waits. There are no replicas and no journal yet. */
  private waitAof(): void {
    const { args, reply } = this;
    const local = args.latin1(1);
    if (!/^[01]$/.test(local)) reply.errorText('ERR value is out of range, value must between 0 and 1');
    else if (local === '1' && this.running!.ctx.control.i32[CONTROL.appendOnly] === 0) {
      reply.errorText('ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.');
    } else {
      reply.array(2);
      reply.int(0);
      reply.int(0);
    }
  }

  private configGet(): void {
    const { args, reply } = this;
    const found: string[] = [];
    for (let i = 2; i < args.argc; i++) {
      const name = args.latin1(i).toLowerCase();
      const value = this.directives.get(name);
      if (value !== undefined) found.push(name, value);
    }
    reply.map(found.length / 2);
    for (const text of found) reply.bulkText(text);
  }

  // ---- the rest

  private singleField(field: string): number {
    const { vm } = this;
    if (vm.top !== 1 || vm.type(1) !== T_STRING) {
      this.pushError('wrong number or type of arguments');
      return 1;
    }
    let text = vm.text(1);
    if (field === 'err') {
      // A text that begins with a code keeps it.
      if (text.startsWith('-')) text = text.slice(1);
      else if (!text.includes(' ')) text = `ERR ${text}`;
      text = text.replace(/[\r\n]+/g, ' ');
    }
    vm.newTable(0, 1);
    vm.pushText(text);
    vm.setField(-2, field);
    return 1;
  }

  private sha1hex(): number {
    const { vm } = this;
    if (vm.top !== 1) return this.fail('wrong number of arguments');
    vm.pushText(createHash('sha1').update(vm.bytes(1)).digest('hex'));
    return 1;
  }

  private log(): number {
    const { vm } = this;
    if (vm.top < 2) return this.fail('redis.log() requires two arguments or more.');
    if (vm.type(1) !== T_NUMBER) return this.fail('First argument must be a number (log level).');
    const level = vm.number(1);
    if (level < 0 || level > 3) return this.fail('Invalid log level.');
    const words: string[] = [];
    for (let i = 2; i <= vm.top; i++) words.push(vm.text(i));
    if (level >= 2) this.running?.ctx.log(words.join(' '));
    return 0;
  }

  private setresp(): number {
    const { vm } = this;
    if (vm.top !== 1) return this.fail('redis.setresp() requires one argument.');
    const proto = vm.number(1);
    if (proto !== 2 && proto !== 3) return this.fail('RESP version must be 2 or 3.');
    vm.resp = proto;
    return 0;
  }

  /** Sets which receivers get the effects of the script's calls from here on. */
  private setRepl(): number {
    const { vm } = this;
    if (vm.top !== 1) return this.fail('redis.set_repl() requires one argument.');
    const flags = vm.number(1);
    if ((flags & ~(REPL_AOF | REPL_REPLICA)) !== 0) {
      return this.fail('Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.');
    }
    if (this.running !== null) {
      this.running.ctx.effects.skips =
        ((flags & REPL_AOF) === 0 ? SKIP_JOURNAL : 0) | ((flags & REPL_REPLICA) === 0 ? SKIP_REPLICAS : 0);
    }
    return 0;
  }

  private aclCheck(): number {
    const { vm, args, registry } = this;
    if (vm.top === 0) return this.fail('Please specify at least one argument for this redis.acl_check_cmd() call');
    if (!this.collect()) return this.fail('redis.acl_check_cmd() command arguments must be strings or integers');
    if (registry.lookup(args.u8, args.off[0]!, args.len[0]!) < 0) {
      return this.fail('Invalid command passed to redis.acl_check_cmd()');
    }
    vm.pushBoolean(true);
    return 1;
  }
}

/** An error's text: with the code that stands in it behind '-', or ERR. */
function withCode(text: string): string {
  return text.startsWith('-') ? text.slice(1) : `ERR ${text}`;
}

/** A number as an argument of a command. */
function numberText(x: number): string {
  if (Number.isInteger(x) && Math.abs(x) < INT64_LIMIT)
    return Number.isSafeInteger(x) ? String(x) : BigInt(x).toString();
  return doubleText(x);
}
