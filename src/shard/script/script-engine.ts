/**
 * Runs scripts on one shard thread: the interpreter with its sandbox, what it has compiled, and the limits of a run.
 *
 *     EVAL -> SHA1 -> compiled? else ScriptLog or the body -> KEYS, ARGV -> pcall -> reply
 *
 * The interpreter is made when the first script comes (`start`, asynchronous: the loop leaves for it), and made anew
 * when it has taken too much memory. Whatever scripts could leave behind in it is a cache: the scripts themselves are
 * in the ScriptLog.
 *
 * Invariants: (1) scripts do not nest; (2) the leases that a script needs are held before `run` (script-keys.ts); (3)
 * the stack of the interpreter holds the error handler and the globals between runs, nothing else.
 */

import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { monotonicMs } from '../../shared/clock.js';
import type { Registry } from '../../shared/command/registry.js';
import { OOM } from '../../shared/errors/replies.js';
import { noteShared } from '../../shared/memory/shared-garbage.js';
import type { Args } from '../../shared/resp/args.js';
import type { Reply } from '../../shared/resp/reply.js';
import { CONTROL_F64, type ControlBlock, SCRIPT_BUSY, THREAD } from '../../shared/sync/control-block.js';
import { clearBusy, markBusy, nextRun, RUN, runNumber, runWord } from '../../shared/sync/script-run.js';
import type { ExecContext } from '../context/context.js';
import { HANDLER, makeEnvironment, REAL_GLOBALS } from './environment.js';
import { type Callable, FunctionLibraries } from './function-libraries.js';
import { LibraryStore } from './library-store.js';
import { writeLuaValue } from './lua/lua-values.js';
import { LuaVm, MASK_COUNT, MASK_LINE, T_STRING, T_TABLE } from './lua/lua-vm.js';
import { RedisApi, RunningScript } from './redis-api.js';
import { FunctionRegistration } from './register-function.js';
import { writeRunningFunction } from './running-function.js';
import type { Sandbox } from './sandbox.js';
import { ALLOW_OOM, COMPAT, NO_WRITES, readShebang } from './script-flags.js';
import { ScriptLog } from './script-log.js';
import { SHA_CHARS, ShaTable } from './sha-table.js';

/** Instructions between two looks at the clock. */
const HOOK_EVERY = 100_000;
/**
 * A script that has run for so long leaves its processor now and then, on machines without one for each thread: the
 * kernel would let a waking I/O thread wait for the end of a time slice.
 */
const WAY_AFTER_MS = 5;
const WAY_MS = 0.05;
const NEVER = new Int32Array(new SharedArrayBuffer(4));
/** An interpreter that uses more is made anew after the run: its memory never shrinks. It takes some milliseconds. */
const HEAP_BYTES_MAX = 128 << 20;
/** Compiled scripts kept; beyond it all are compiled again. */
const COMPILED_MAX = 5000;
/** Runs between two looks at scratch memory. */
const TRIM_EVERY = 50;
/** What stays alive between scripts is little: at the usual 200 % it would be marked every few hundred runs. */
const COLLECT_PERCENT = 400;
/** An interpreter that was just made uses less. */
const FRESH_BYTES_MAX = 96 << 10;
/** Time for garbage collection between scripts, milliseconds, once in each cycle of the loop. */
const COLLECT_MS = 1;
const COLLECT_STEP_KB = 64;
/** When no interpreter could be made, the next try comes after this time. */
const RETRY_MS = 1000;

/** A script that is compiled, and where it stood in the ScriptLog last. */
interface Script extends Callable {
  place: number;
  version: number;
}

export class ScriptEngine {
  readonly log: ScriptLog;
  readonly store: LibraryStore;
  /** Functions that are compiled here; null until the interpreter is there. */
  libraries: FunctionLibraries | null = null;
  private readonly control: ControlBlock;
  private readonly registry: Registry;
  private readonly directives: ReadonlyMap<string, string>;
  private readonly threadId: number;
  private readonly threadWord: number;
  /** The number of the latest run (script-run.ts). */
  private runNumber: number;
  private readonly shard: number;
  private readonly makesWay: boolean;
  private vm: LuaVm | null = null;
  private api: RedisApi | null = null;
  private sandbox: Sandbox | null = null;
  /** References of the environments of scripts and of functions. */
  private envRef = 0;
  private functionEnvRef = 0;
  private hookFn = 0;
  private keysName = 0;
  private argvName = 0;
  private compiled = new ShaTable<Script>();
  private readonly running = new RunningScript();
  private generation = 0;
  private runs = 0;
  /** `runs` when everything had been collected last. */
  private runsCollected = 0;
  /** Uses much though nothing is left to collect: to be made anew. */
  private isWorn = false;
  private startedMs = 0;
  private killed = false;
  /** The script that runs, its command, and whether KEYS and ARGV stand in the globals. */
  private current: Callable | null = null;
  private args: Args | null = null;
  private globalsSet = false;
  /** The interpreter must be made (again): the loop calls `start`. */
  wanted = false;
  /** Before this time (of monotonicMs) no interpreter is made: there is no memory for one. */
  private retryAtMs = 0;
  /** Memory of interpreters that were given up: it comes back when the collector has run. */
  private droppedBytes = 0;
  /** Called now and then while a script runs for too long. Must not throw. */
  onBusy: (() => void) | null = null;

  /** @param directives all directives as CONFIG GET shows them, by name */
  constructor(control: ControlBlock, threadId: number, registry: Registry, directives: ReadonlyMap<string, string>) {
    this.control = control;
    this.directives = directives;
    this.registry = registry;
    this.log = new ScriptLog(control, threadId);
    this.store = new LibraryStore(control);
    this.shard = threadId - control.shardThreadId(0);
    this.threadId = threadId;
    this.threadWord = control.threadWord(threadId);
    this.runNumber = runNumber(control.i32[this.threadWord + THREAD.scriptRun]!);
    this.makesWay = availableParallelism() <= control.ioThreads + control.shards;
  }

  /** Whether scripts can run now. */
  get ready(): boolean {
    return this.vm !== null;
  }

  /** Whether a script runs. */
  get isRunning(): boolean {
    return this.api !== null && this.api.running !== null;
  }

  /**
   * Whether a script must wait until the loop has called `start`. When no interpreter can be made it need not: it is
   * answered with an error.
   */
  get mustWait(): boolean {
    if (this.vm !== null || monotonicMs() < this.retryAtMs) return false;
    this.wanted = true;
    return true;
  }

  /** Makes the interpreter. When that fails, scripts are refused for RETRY_MS. `report` is told why. */
  async start(report: (error: unknown) => void): Promise<void> {
    this.wanted = false;
    if (this.vm !== null) return;
    if (this.droppedBytes > 0) {
      // Only in a new turn of the event loop nothing of the last interpreter is reached any more.
      await new Promise((resolve) => setImmediate(resolve));
      noteShared(this.droppedBytes);
      this.droppedBytes = 0;
    }
    try {
      this.adopt(await LuaVm.create());
      this.retryAtMs = 0;
    } catch (error) {
      this.discard();
      this.wanted = false;
      this.retryAtMs = monotonicMs() + RETRY_MS;
      report(error);
    }
  }

  private adopt(vm: LuaVm): void {
    const api = new RedisApi(vm, this.registry, this.directives);
    const registration = new FunctionRegistration(vm);
    const { sandbox, envRef, functionEnvRef, loadSwitchRef } = makeEnvironment(vm, api, registration);
    const refs = { env: functionEnvRef, loadSwitch: loadSwitchRef };
    this.libraries = new FunctionLibraries(vm, this.store, registration, refs);
    this.functionEnvRef = functionEnvRef;
    this.envRef = envRef;
    this.hookFn = vm.hookOf(() => this.hook());
    vm.setHook(this.hookFn, MASK_COUNT, HOOK_EVERY);
    vm.setPause(COLLECT_PERCENT);
    this.keysName = vm.name('KEYS');
    this.argvName = vm.name('ARGV');
    this.compiled = new ShaTable();
    this.api = api;
    this.sandbox = sandbox;
    this.vm = vm;
  }

  /** For the hook of Lua: counts time, and ends the script when it was asked to end. Errors leave it by longjmp. */
  private hook(): undefined {
    const { vm, control, threadWord } = this;
    const running = this.api!.running;
    if (running === null) {
      this.endLateLoad();
      return;
    }
    const now = monotonicMs();
    // Most scripts end before the first hook: only then is the clock read.
    if (this.startedMs === 0) this.startedMs = now;
    const elapsed = now - this.startedMs;
    if (this.makesWay && elapsed > WAY_AFTER_MS) Atomics.wait(NEVER, 0, 0, WAY_MS);
    const busyAt = threadWord + THREAD.scriptBusy;
    const isKilled = this.killed || Atomics.load(control.i32, threadWord + THREAD.scriptKill) === this.runNumber;
    if (!isKilled && Atomics.load(control.i32, busyAt) === 0) {
      const threshold = control.f64[CONTROL_F64.busyThresholdMs]!;
      if (threshold <= 0 || elapsed < threshold) return;
      const { isFunction, name } = this.current!;
      if (isFunction) writeRunningFunction(control, this.shard, name, this.args!, elapsed);
      markBusy(control, this.threadId, running.run);
      this.onBusy?.();
      running.ctx.log(`Slow script detected: still in execution after ${Math.round(elapsed)} milliseconds.`);
      return;
    }
    this.onBusy?.();
    if (running.wrote) Atomics.or(control.i32, busyAt, SCRIPT_BUSY.wrote);
    if (!isKilled || running.wrote) return;
    // From now on each line raises, so no pcall of the script keeps it alive.
    vm!.setHook(this.hookFn, MASK_LINE | MASK_COUNT, 1);
    this.killed = true;
    const command = this.current!.isFunction ? 'FUNCTION' : 'SCRIPT';
    this.raise(`ERR Script killed by user with ${command} KILL...`);
  }

  /** Ends the code of a library that loads for too long. */
  private endLateLoad(): void {
    const { deadlineMs } = this.libraries!;
    if (deadlineMs === 0 || monotonicMs() < deadlineMs) return;
    this.vm!.setHook(this.hookFn, MASK_LINE | MASK_COUNT, 1);
    this.killed = true;
    this.raise('ERR FUNCTION LOAD timeout');
  }

  private raise(text: string): void {
    const vm = this.vm!;
    vm.newTable(0, 1);
    vm.pushText(text);
    vm.setField(-2, 'err');
    vm.error();
  }

  /** The SHA1 of a script, in hex. */
  static sha1(body: Uint8Array): string {
    return createHash('sha1').update(body).digest('hex');
  }

  /**
   * Compiles a script and makes it known; `loaded`: by SCRIPT LOAD, so it stays. A string is the error.
   * @requires ready
   */
  learn(body: Uint8Array, sha: string, loaded: boolean): Callable | string {
    this.sync();
    const known = this.compiled.get(sha);
    if (known !== null && !loaded && this.log.use(known.place, known.version)) return known;
    const compiled = known ?? this.compile(body, sha);
    if (typeof compiled === 'string') return compiled;
    compiled.place = this.log.add(sha, body, loaded);
    compiled.version = this.log.placeVersion;
    // A script of EVAL that finds no room runs all the same: nobody relies on it to be known.
    if (compiled.place === 0 && loaded) return 'OOM the script cache is full, SCRIPT FLUSH empties it';
    return compiled;
  }

  /** Forgets what was compiled before the last SCRIPT FLUSH, or when it is too much. */
  private sync(): void {
    const { generation } = this.log;
    const isFlushed = generation !== this.generation;
    if (!isFlushed && this.compiled.size < COMPILED_MAX) return;
    this.generation = generation;
    this.compiled.forEach(({ ref }) => {
      this.vm!.unref(ref);
    });
    this.compiled.clear();
    if (!isFlushed) return;
    // A fresh start: what does not shrink any more is made anew between two scripts.
    this.begin(0);
    this.vm!.collect();
    this.end();
    this.isWorn = this.vm!.usedBytes > FRESH_BYTES_MAX;
  }

  private compile(body: Uint8Array, sha: string): Script | string {
    const vm = this.vm!;
    const shebang = readShebang(body);
    if (typeof shebang === 'string') return `ERR ${shebang}`;
    this.begin(0);
    const loaded = vm.load(body.subarray(shebang.bytes), '@user_script');
    this.end();
    if (!loaded) {
      const message = vm.text(-1);
      vm.pop(1);
      return `ERR Error compiling script (new function): ${message}`;
    }
    vm.pushRef(this.envRef);
    vm.m.lua_setfenv(vm.l, -2);
    const compiled: Script = {
      ref: vm.ref(),
      flags: shebang.flags,
      name: sha,
      isFunction: false,
      place: 0,
      version: 0,
    };
    this.compiled.set(sha, compiled);
    return compiled;
  }

  /** The script whose SHA1 is argument 1, compiled; null when nobody loaded it. */
  // hot: EVALSHA
  lookup(args: Args): Callable | null {
    if (args.len[1] !== SHA_CHARS) return null;
    this.sync();
    const known = this.compiled.find(args.u8, args.off[1]!);
    if (known !== null && this.log.use(known.place, known.version)) return known;
    const sha = args.latin1(1).toLowerCase();
    const body = known === null ? this.log.find(sha) : null;
    if (known === null && body === null) return null;
    const compiled = known ?? this.compile(body!, sha);
    if (typeof compiled === 'string') return null;
    compiled.place = this.log.place(sha);
    compiled.version = this.log.placeVersion;
    return compiled.place === 0 ? null : compiled;
  }

  /**
   * Runs a script with KEYS from argument 3 on (`keys` of them) and ARGV behind them, and writes its reply.
   * @requires the leases that it needs
   */
  // hot: EVALSHA
  run(ctx: ExecContext, script: Callable, args: Args, keys: number, readOnly: boolean, reply: Reply): void {
    const { flags } = script;
    if ((flags & (COMPAT | NO_WRITES)) === 0) {
      if ((flags & ALLOW_OOM) === 0 && ctx.runner!.refusesMemory()) {
        reply.error(OOM);
        return;
      }
      if (readOnly) {
        reply.errorText('ERR Can not execute a script with write flag using *_ro command.');
        return;
      }
    }
    const vm = this.vm!;
    const api = this.api!;
    const { running } = this;
    running.ctx = ctx;
    running.readOnly = readOnly || ((flags & COMPAT) === 0 && (flags & NO_WRITES) !== 0);
    running.allowOom = (flags & COMPAT) === 0 && (flags & ALLOW_OOM) !== 0;
    running.wrote = false;
    running.run = this.begin((script.isFunction ? RUN.isFunction : 0) | (ctx.changedBefore ? RUN.pinned : 0));
    vm.resp = 2;
    vm.errorCounted = false;
    api.client.id = ctx.client.id;
    api.client.db = ctx.db;
    api.client.flags = ctx.client.flags;
    api.running = running;
    this.startedMs = 0;
    this.current = script;
    this.args = args;
    ctx.effects.beginGroup();
    const mark = reply.mark();
    try {
      if (script.isFunction) this.pushFunction(script, args, keys);
      else this.pushScript(script, args, keys);
      const returned = vm.call(script.isFunction ? 2 : 0, 1, HANDLER);
      if (returned) writeLuaValue(vm, reply);
      else this.writeError(script, reply);
    } catch (error) {
      // Errors of Lua do not come here: the interpreter itself is broken, or is so full that nothing can be passed in.
      reply.truncate(mark);
      reply.errorLatin1(
        `ERR Error running script ${script.name}, ${error instanceof Error ? error.message : 'aborted'}`,
      );
      this.discard();
    } finally {
      ctx.effects.skips = 0;
      ctx.effects.endGroup();
      ctx.ownEffects = true;
      ctx.errorCounted = vm.errorCounted;
      api.running = null;
      this.args = null;
      this.end();
    }
    this.settle();
  }

  /** Lua is going to run: says so to those who watch the clock. Returns the word that says it. */
  // hot: every script
  private begin(bits: number): number {
    const number = nextRun(this.runNumber);
    this.runNumber = number;
    const word = runWord(number, bits | RUN.running);
    this.control.i32[this.threadWord + THREAD.scriptRun] = word;
    return word;
  }

  /** Lua runs no more. */
  private end(): void {
    const { i32 } = this.control;
    i32[this.threadWord + THREAD.scriptRun] = runWord(this.runNumber, 0);
    // Where the watch says so later than this look, it takes it back itself.
    if (i32[this.threadWord + THREAD.scriptBusy] !== 0) clearBusy(this.control, this.threadId);
  }

  /** Gives the interpreter up; a new one is made at once, so that the next script finds it. */
  private discard(): void {
    this.droppedBytes += this.vm?.heap.length ?? 0;
    this.vm = null;
    this.api = null;
    this.libraries = null;
    this.isWorn = false;
    this.wanted = true;
  }

  /** A script finds its arguments in the globals KEYS and ARGV. */
  private pushScript(script: Callable, args: Args, keys: number): void {
    const vm = this.vm!;
    this.pushArguments(args, 3, keys);
    vm.m.lua_setfield(vm.l, REAL_GLOBALS, this.keysName);
    this.pushArguments(args, 3 + keys, args.argc - 3 - keys);
    vm.m.lua_setfield(vm.l, REAL_GLOBALS, this.argvName);
    this.globalsSet = true;
    vm.pushRef(script.ref);
  }

  /** A function is called with them. */
  private pushFunction(script: Callable, args: Args, keys: number): void {
    const vm = this.vm!;
    if (this.globalsSet) {
      this.globalsSet = false;
      vm.pushNil();
      vm.m.lua_setfield(vm.l, REAL_GLOBALS, this.keysName);
      vm.pushNil();
      vm.m.lua_setfield(vm.l, REAL_GLOBALS, this.argvName);
    }
    vm.pushRef(script.ref);
    this.pushArguments(args, 3, keys);
    this.pushArguments(args, 3 + keys, args.argc - 3 - keys);
  }

  private pushArguments(args: Args, from: number, count: number): void {
    const vm = this.vm!;
    vm.newTable(count, 0);
    for (let i = 0; i < count; i++) {
      vm.pushBytes(args.u8, args.off[from + i]!, args.len[from + i]!);
      vm.m.lua_rawseti(vm.l, -2, i + 1);
    }
  }

  /** Writes the error on top of the stack, which the handler has made a table, and pops it. */
  private writeError(script: Callable, reply: Reply): void {
    const vm = this.vm!;
    if (vm.type(-1) === T_TABLE) {
      vm.noteCounted();
      vm.getField(-1, 'err');
      let text = vm.text(-1);
      vm.pop(1);
      vm.getField(-1, 'source');
      const source = vm.type(-1) === T_STRING ? vm.text(-1) : '';
      vm.pop(1);
      vm.getField(-1, 'line');
      const line = vm.text(-1);
      vm.pop(1);
      if (source !== '' && line !== '') text += ` script: ${script.name}, on ${source}:${line}.`;
      reply.errorLatin1(text);
    } else reply.errorLatin1(`ERR Error running script ${script.name}, ${vm.text(-1) || 'execution failure'}`);
    vm.pop(1);
  }

  /** After a run: the limits are lifted, memory is looked at. */
  private settle(): void {
    const { vm } = this;
    if (vm === null) {
      this.killed = false;
      return;
    }
    vm.top = REAL_GLOBALS;
    const { ref, isFunction } = this.current!;
    this.sandbox!.restore(ref, isFunction ? this.functionEnvRef : this.envRef);
    this.rearm();
    if (vm.heap.length > HEAP_BYTES_MAX) this.discard();
    else if (++this.runs % TRIM_EVERY === 0) vm.trim();
  }

  /** After what was ended by force: the hook looks at the clock again, now and then. */
  private rearm(): void {
    if (!this.killed) return;
    this.killed = false;
    this.vm!.setHook(this.hookFn, MASK_COUNT, HOOK_EVERY);
  }

  /** As FunctionLibraries.find: libraries that other threads have loaded are run first. @requires ready */
  findFunction(name: string): Callable | null {
    this.begin(RUN.isFunction);
    const found = this.libraries!.find(name);
    this.end();
    return found;
  }

  /** As FunctionLibraries.load. @requires ready; the leases of all shards */
  loadLibrary(code: Uint8Array, replace: boolean): string | { readonly error: string } {
    this.begin(RUN.isFunction);
    const loaded = this.libraries!.load(code, replace);
    this.end();
    this.rearm();
    return loaded;
  }

  /** As FunctionLibraries.restore. @requires ready; the leases of all shards */
  restoreLibraries(codes: readonly Uint8Array[], flush: boolean, replace: boolean): string | null {
    this.begin(RUN.isFunction);
    const error = this.libraries!.restore(codes, flush, replace);
    this.end();
    this.rearm();
    return error;
  }

  /** Bytes that the interpreter uses. Collects a bit of what scripts left behind. @requires no script runs */
  collect(): number {
    const { vm } = this;
    if (vm === null) return 0;
    if (this.isWorn) {
      this.discard();
      return 0;
    }
    if (this.runs === this.runsCollected) return vm.usedBytes;
    // Finalisers may run.
    this.begin(RUN.background);
    const endMs = monotonicMs() + COLLECT_MS;
    let isDone = false;
    try {
      do isDone = vm.collectStep(COLLECT_STEP_KB);
      while (!isDone && monotonicMs() < endMs);
    } catch {
      // The interpreter itself is broken.
      this.discard();
      isDone = true;
    }
    this.end();
    if (isDone) this.runsCollected = this.runs;
    return this.vm === null ? 0 : vm.usedBytes;
  }

  /** Forgets all scripts, in all threads. */
  flush(): void {
    this.log.flush();
  }
}
