/**
 * The sequential model: what an action answers and leaves behind when nothing else happens meanwhile. Commands are in
 * command-model.ts; here are what carries several of them, and the scripts.
 */
import { isReadCommand, keysOfCommand, type Outcome, runBlocking, runCommand } from './command-model.js';
import { Draft, type KeyspaceState } from './keyspace-model.js';
import type { Action, Reply } from './operation.js';

interface ScriptModel {
  readonly lua: string;
  /** Where a call of the script names its keys. */
  readonly keysIn: 'keys' | 'args';
  run(draft: Draft, keys: readonly string[], args: readonly string[]): Reply;
}

/** A script that fails gives its first error, and what it did before stays done. */
class ScriptError extends Error {
  readonly reply: Reply;
  constructor(reply: Reply) {
    super('script error');
    this.reply = reply;
  }
}

function call(draft: Draft, ...args: string[]): Reply {
  const reply = runCommand(draft, args);
  if (reply !== null && typeof reply === 'object' && 'error' in reply) throw new ScriptError(reply);
  return reply;
}

/** Scripts by name. Those whose keys are in KEYS take some leases, the others all. */
export const SCRIPTS: Readonly<Record<string, ScriptModel>> = {
  transfer: {
    lua:
      "local left = redis.call('decrby', KEYS[1], ARGV[1]) " + "return {left, redis.call('incrby', KEYS[2], ARGV[1])}",
    keysIn: 'keys',
    run: (d, [a, b], [by]) => [call(d, 'DECRBY', a!, by!), call(d, 'INCRBY', b!, by!)],
  },
  readTwice: {
    lua: "return {redis.call('get', KEYS[1]), redis.call('get', KEYS[2]), redis.call('get', KEYS[1])}",
    keysIn: 'keys',
    run: (d, [a, b]) => [call(d, 'GET', a!), call(d, 'GET', b!), call(d, 'GET', a!)],
  },
  compareAndSet: {
    lua: "if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('set', KEYS[1], ARGV[2]) return 1 end " + 'return 0',
    keysIn: 'keys',
    run: (d, [key], [old, next]) => {
      if (call(d, 'GET', key!) !== old) return 0;
      call(d, 'SET', key!, next!);
      return 1;
    },
  },
  moveTwo: {
    lua:
      "local moved = {} for i = 1, 2 do local item = redis.call('rpop', KEYS[1]) " +
      "if item then redis.call('lpush', KEYS[2], item) moved[#moved + 1] = item end end return moved",
    keysIn: 'keys',
    run: (d, [from, to]) => {
      const moved: Reply[] = [];
      for (let i = 0; i < 2; i++) {
        const item = call(d, 'RPOP', from!);
        if (item === null) continue;
        call(d, 'LPUSH', to!, item as string);
        moved.push(item);
      }
      return moved;
    },
  },
  swapUndeclared: {
    lua:
      "local a, b = redis.call('get', ARGV[1]), redis.call('get', ARGV[2]) " +
      "if a then redis.call('set', ARGV[2], a) end if b then redis.call('set', ARGV[1], b) end return {a, b}",
    keysIn: 'args',
    run: (d, _keys, [one, two]) => {
      const a = call(d, 'GET', one!) as string | null;
      const b = call(d, 'GET', two!) as string | null;
      if (a !== null) call(d, 'SET', two!, a);
      if (b !== null) call(d, 'SET', one!, b);
      return [a, b];
    },
  },
  drainUndeclared: {
    lua:
      "local n = 0 for i = 2, #ARGV do local item = redis.call('lpop', ARGV[i]) " +
      "while item do redis.call('rpush', ARGV[1], item) n = n + 1 item = redis.call('lpop', ARGV[i]) end end return n",
    keysIn: 'args',
    run: (d, _keys, [to, ...from]) => {
      let n = 0;
      for (const key of from) {
        for (let item = call(d, 'LPOP', key); item !== null; item = call(d, 'LPOP', key)) {
          call(d, 'RPUSH', to!, item as string);
          n++;
        }
      }
      return n;
    },
  },
};

/** The keys that an action concerns. */
export function keysOf(action: Action): readonly string[] {
  if (action.type === 'command') return keysOfCommand(action.args);
  if (action.type === 'transaction') return [...action.commands.flatMap(keysOfCommand), ...action.watched];
  if (SCRIPTS[action.script]!.keysIn === 'keys') return action.keys;
  return action.args;
}

/** Whether the action changes nothing, whatever the state. */
export function isRead(action: Action): boolean {
  if (action.type === 'command') return isReadCommand(action.args);
  return action.type === 'transaction' && action.watched.length === 0 && action.commands.every(isReadCommand);
}

/** Commands that have changed nothing when they answer 0. */
const NOTHING_IF_ZERO: ReadonlySet<string> = new Set([
  ...['SETNX', 'MSETNX', 'DEL', 'COPY', 'SADD', 'SREM', 'SMOVE', 'HDEL'],
]);
/** Commands that have changed nothing when they answer nil. */
const NOTHING_IF_NIL: ReadonlySet<string> = new Set(['LPOP', 'RPOP', 'LMOVE', 'BLPOP', 'BLMOVE']);

/** Whether an action that was answered so has changed nothing, whatever the state was. */
export function changedNothing(action: Action, reply: Reply): boolean {
  if (isRead(action)) return true;
  if (action.type !== 'command') return false;
  const name = action.args[0]!;
  if (reply === 0) return NOTHING_IF_ZERO.has(name);
  if (reply === null) return NOTHING_IF_NIL.has(name);
  return typeof reply === 'object' && 'error' in reply;
}

/** All ways in which `action` of `client` may go, taking effect at once in `state`. */
export function outcomesOf(state: KeyspaceState, client: string, action: Action): Outcome[] {
  const draft = new Draft(state);
  if (action.type === 'script') {
    const reply = runScript(draft, action.script, action.keys, action.args);
    return [{ reply, state: draft.freeze() }];
  }
  if (action.type === 'transaction') {
    const reply = draft.unwatch(client) ? null : action.commands.map((args) => runCommand(draft, args));
    return [{ reply, state: draft.freeze() }];
  }
  const { args } = action;
  if (args[0] === 'BLPOP' || args[0] === 'BLMOVE') return runBlocking(state, () => new Draft(state), args);
  if (args[0] === 'WATCH') draft.watch(client, args.slice(1));
  if (args[0] === 'UNWATCH') draft.unwatch(client);
  const reply = args[0] === 'WATCH' || args[0] === 'UNWATCH' ? 'OK' : runCommand(draft, args);
  return [{ reply, state: draft.freeze() }];
}

function runScript(draft: Draft, name: string, keys: readonly string[], args: readonly string[]): Reply {
  try {
    return SCRIPTS[name]!.run(draft, keys, args);
  } catch (error) {
    if (error instanceof ScriptError) return error.reply;
    throw error;
  }
}
