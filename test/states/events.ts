/** The columns of the table: what can happen to a client in a state. */
import type { Arg } from '../harness/resp-client.js';
import type { Cell } from './cell.js';
import { FILL, type State } from './states.js';

export interface StateEvent {
  readonly name: string;
  /** For which states it is there; all if not given. */
  concerns?(state: State): boolean;
  /** What the client does before it enters its state; in RESP3. */
  readonly prepare?: readonly (readonly Arg[])[];
  /** The timeout with which the client waits, seconds. */
  readonly seconds?: number;
  /** It may close the connection in the middle of what goes over it. */
  readonly isAbrupt?: true;
  run(cell: Cell, state: State): Promise<void>;
}

const blocks = (state: State): boolean => state.blocks === true;
/** CLIENT UNBLOCK of a client that is paused ends Redis itself, up to 7.4.1. */
const canUnblock = (state: State): boolean => state.holds !== 'write' && state.holds !== 'all';
/** States whose server serves others at once. */
const isFree = (state: State): boolean => state.holds === undefined;
const hasKey = (state: State): boolean => isFree(state) && !/WAIT/.test(state.name);
const isString = (state: State): boolean => isFree(state) && state.type === 'string' && !blocks(state);

/** An event that is a few commands of somebody else. */
function given(name: string, ...commands: readonly (readonly Arg[])[]): StateEvent {
  return { name, concerns: hasKey, run: (cell) => cell.give(...commands) };
}

/** An event that is a few commands of the client itself. */
function said(name: string, ...commands: readonly (readonly Arg[])[]): StateEvent {
  return { name, run: (cell) => cell.say(...commands) };
}

/** CONFIG SET of something, and then what it may change. */
function configured(name: string, directives: readonly Arg[], ...then: readonly (readonly Arg[])[]): StateEvent {
  return { name: `CONFIG SET ${name}`, run: (cell) => cell.give(['CONFIG', 'SET', ...directives], ...then) };
}

/** CLIENT KILL with filters; `end`: whether the client goes. */
function killed(name: string, filters: (cell: Cell) => readonly Arg[]): StateEvent {
  return {
    name: `CLIENT KILL ${name}`,
    async run(cell) {
      await cell.give(['CLIENT', 'KILL', ...filters(cell)]);
    },
  };
}

/** A push to a client that has prepared for it. */
function pushed(name: string, prepare: readonly (readonly Arg[])[], run: (cell: Cell) => Promise<void>): StateEvent {
  return { name: `pushed: ${name}`, concerns: (state) => isFree(state) && !state.subscribed, prepare, run };
}

/** `k` gets a value that has expired, and nobody has noticed. */
async function expireUnseen(cell: Cell, state: State): Promise<void> {
  await cell.ask('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
  if (blocks(state) && state.type !== 'stream') await cell.give(['SET', 'k', 'v']);
  await cell.give(['PEXPIRE', 'k', '1']);
  // That a key has expired shows without anybody touching it: a copy of it that is looked at.
  await cell.ask('SET', 'clock', 'v', 'PX', '2');
  await cell.until('the time has come', async () => (await cell.ask('EXISTS', 'clock')) === 0);
}

const TRACKED_AND_SUBSCRIBED = [
  ['CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'mine'],
  ['SUBSCRIBE', 'other'],
];

export const EVENTS: readonly StateEvent[] = [
  { name: 'nothing', run: async () => {} },
  // ---- the connection ends ----
  {
    name: 'closed by its peer',
    async run(cell) {
      cell.subject.destroy();
      await cell.untilGone();
    },
  },
  {
    name: 'half-closed',
    async run(cell) {
      cell.subject.finish();
      await cell.untilGone();
    },
  },
  {
    name: 'half-closed behind commands',
    async run(cell) {
      cell.subject.pipeline([
        ['GET', 'k'],
        ['SET', 'last', 'words'],
      ]);
      cell.subject.finish();
      await cell.untilGone();
    },
  },
  {
    name: 'closed behind half a command',
    async run(cell) {
      cell.subject.pipeline([['PING']]);
      cell.subject.destroy();
      await cell.untilGone();
    },
  },
  { ...said('asks further', ['GET', 'k'], ['PING', 'x'], ['SET', 'k3', 'v']) },
  { ...said('sends QUIT', ['QUIT'], ['PING']) },
  { ...said('sends RESET', ['RESET'], ['GET', 'k']) },
  { ...said('selects another database and comes back', ['SELECT', '1'], ['SET', 'k', 'in 1'], ['SELECT', '0']) },
  // ---- killed, unblocked, timed out ----
  killed('ID', (cell) => ['ID', cell.id]),
  killed('ADDR', (cell) => ['ADDR', cell.subject.address]),
  killed('of old, by address', (cell) => [cell.subject.address]),
  killed('LADDR', () => ['LADDR', '127.0.0.1:1']),
  killed('TYPE normal', () => ['TYPE', 'normal', 'SKIPME', 'yes']),
  killed('TYPE pubsub', () => ['TYPE', 'pubsub']),
  killed('USER', (cell) => ['USER', 'default', 'ID', cell.id]),
  killed('ID with another type', (cell) => ['ID', cell.id, 'TYPE', 'replica']),
  {
    name: 'CLIENT KILL by itself',
    run: (cell) => cell.say(['CLIENT', 'KILL', 'ID', cell.id, 'SKIPME', 'no'], ['PING']),
  },
  {
    name: 'CLIENT KILL of both, by the other',
    run: (cell) => cell.give(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'no'], ['PING']),
  },
  { name: 'CLIENT UNBLOCK', concerns: canUnblock, run: (cell) => cell.give(['CLIENT', 'UNBLOCK', cell.id]) },
  {
    name: 'CLIENT UNBLOCK TIMEOUT',
    concerns: canUnblock,
    run: (cell) => cell.give(['CLIENT', 'UNBLOCK', cell.id, 'TIMEOUT']),
  },
  {
    name: 'CLIENT UNBLOCK ERROR',
    concerns: canUnblock,
    run: (cell) => cell.give(['CLIENT', 'UNBLOCK', cell.id, 'ERROR']),
  },
  {
    name: 'CLIENT UNBLOCK ERROR, with commands behind',
    concerns: blocks,
    async run(cell) {
      await cell.say(['SET', 'behind', '1'], ['GET', 'k']);
      await cell.give(['CLIENT', 'UNBLOCK', cell.id, 'ERROR'], ['CLIENT', 'UNBLOCK', cell.id]);
    },
  },
  { name: 'its time runs out', concerns: blocks, seconds: 0.05, run: (cell) => cell.untilBlocked(0) },
  {
    name: 'its time runs out, with commands behind',
    concerns: blocks,
    seconds: 0.05,
    async run(cell) {
      await cell.say(['SET', 'behind', '1'], ['EXISTS', 'behind']);
      await cell.untilBlocked(0);
    },
  },
  {
    name: 'its time runs out while writing is paused',
    concerns: blocks,
    seconds: 0.05,
    async run(cell) {
      await cell.ask('CLIENT', 'PAUSE', '100000', 'WRITE');
      await cell.untilBlocked(0);
      await cell.ask('CLIENT', 'UNPAUSE');
    },
  },
  {
    name: 'paused and unpaused',
    concerns: isFree,
    async run(cell, state) {
      await cell.ask('CLIENT', 'PAUSE', '100000', 'WRITE');
      await cell.give(FILL[state.type]);
      await cell.ask('CLIENT', 'UNPAUSE');
    },
  },
  // ---- pushed to ----
  pushed('a message', [['SUBSCRIBE', 'other']], (cell) => cell.give(['PUBLISH', 'other', 'hello'])),
  pushed('a message of a shard channel', [['SSUBSCRIBE', 'other']], (cell) =>
    cell.give(['SPUBLISH', 'other', 'hello']),
  ),
  pushed('a keyspace event', [['PSUBSCRIBE', '__key*__:*']], (cell) =>
    cell.give(['CONFIG', 'SET', 'notify-keyspace-events', 'KEA'], ['SET', 'k3', 'v'], ['DEL', 'k3']),
  ),
  {
    ...pushed(
      'an invalidation',
      [
        ['CLIENT', 'TRACKING', 'ON'],
        ['GET', 'mine'],
      ],
      (cell) => cell.give(['SET', 'mine', 'v'], ['SET', 'mine', 'again']),
    ),
    concerns: (state) => isFree(state) && !/track|RESP2/.test(state.name),
  },
  {
    ...pushed('an invalidation and a message', TRACKED_AND_SUBSCRIBED, async (cell) => {
      await cell.give(['SET', 'mine', 'v']);
      await cell.give(['PUBLISH', 'other', 'between']);
      await cell.give(['SET', 'mine', 'again']);
    }),
    concerns: (state) => isFree(state) && !/track|RESP2/.test(state.name),
  },
  {
    name: 'published to',
    run: (cell) => cell.give(['PUBLISH', 'ch', 'm1'], ['SPUBLISH', 'ch', 'm2'], ['PUBLISH', 'ch2', 'm3']),
  },
  // ---- configuration ----
  configured('notify-keyspace-events', ['notify-keyspace-events', 'KEA'], ['SET', 'k3', 'v']),
  configured('timeout', ['timeout', '1000'], ['GET', 'k']),
  configured('busy-reply-threshold', ['busy-reply-threshold', '100000'], ['GET', 'k']),
  configured('maxclients', ['maxclients', '1'], ['GET', 'k']),
  configured('maxclients and back', ['maxclients', '1'], ['CONFIG', 'SET', 'maxclients', '9000']),
  configured('tracking-table-max-keys', ['tracking-table-max-keys', '1'], ['GET', 'k']),
  configured('requirepass', ['requirepass', 'secret'], ['GET', 'k'], ['CONFIG', 'SET', 'requirepass', '']),
  {
    name: 'requirepass while it asks further',
    concerns: isFree,
    async run(cell) {
      await cell.give(['CONFIG', 'SET', 'requirepass', 'secret']);
      await cell.say(['GET', 'k'], ['PING']);
      await cell.give(['CONFIG', 'SET', 'requirepass', '']);
    },
  },
  {
    isAbrupt: true,
    name: 'its output limit is reached by a reply',
    concerns: isString,
    async run(cell) {
      await cell.give(
        ['CONFIG', 'SET', 'client-output-buffer-limit', 'normal 100000 0 0 pubsub 100000 0 0'],
        ['SETRANGE', 'k', '1000000', 'x'],
      );
      await cell.say(['GETRANGE', 'k', '0', '-1']);
    },
  },
  {
    isAbrupt: true,
    name: 'its output limit is reached by what it waits for',
    concerns: (state) => blocks(state) && state.type !== 'string',
    async run(cell, state) {
      await cell.give(['CONFIG', 'SET', 'client-output-buffer-limit', 'normal 100000 0 0']);
      await cell.give([...FILL[state.type].slice(0, -1), 'x'.repeat(1_000_000)]);
    },
  },
  {
    isAbrupt: true,
    name: 'its output limit is reached by messages',
    async run(cell) {
      await cell.give(['CONFIG', 'SET', 'client-output-buffer-limit', 'normal 100000 0 0 pubsub 100000 0 0']);
      await cell.give(['PUBLISH', 'ch', 'x'.repeat(1_000_000)], ['SPUBLISH', 'ch', 'x'.repeat(1_000_000)]);
    },
    concerns: isFree,
  },
  // ---- the key ----
  {
    name: 'k expires, it reads',
    concerns: (state) =>
      hasKey(state) && (state.type === 'string' || state.type === 'stream' || /watch/.test(state.name)),
    async run(cell, state) {
      await expireUnseen(cell, state);
      await cell.say(['EXISTS', 'k'], ['GET', 'k']);
    },
  },
  {
    name: 'k expires, another one reads',
    concerns: hasKey,
    async run(cell, state) {
      await expireUnseen(cell, state);
      await cell.give(['EXISTS', 'k'], ['TYPE', 'k']);
    },
  },
  {
    name: 'k expires, another one writes',
    concerns: hasKey,
    async run(cell, state) {
      await expireUnseen(cell, state);
      await cell.give(['DEL', 'k'], FILL[state.type]);
    },
  },
  {
    name: 'k expires by itself',
    concerns: hasKey,
    async run(cell, state) {
      if (blocks(state) && state.type !== 'stream') await cell.give(['SET', 'k', 'v']);
      await cell.give(['PEXPIRE', 'k', '1']);
      await cell.until('k is gone', async () => !String(await cell.ask('DEBUG', 'OBJECT', 'k')).startsWith('Value'));
    },
  },
  { name: 'k is filled', concerns: hasKey, run: (cell, state) => cell.give(FILL[state.type]) },
  {
    name: 'k is filled in a transaction',
    concerns: hasKey,
    run: (cell, state) => cell.give(['MULTI'], ['SET', 'k3', 'v'], FILL[state.type], ['DEL', 'k3'], ['EXEC']),
  },
  {
    name: 'k is filled and taken in a transaction',
    concerns: hasKey,
    run: (cell, state) => cell.give(['MULTI'], FILL[state.type], ['DEL', 'k'], ['EXEC']),
  },
  {
    name: 'k is filled by a script',
    concerns: hasKey,
    run: (cell, state) =>
      cell.give(['EVAL', "redis.call('set', 'k3', 1) return redis.call(unpack(ARGV))", '1', 'k', ...FILL[state.type]]),
  },
  {
    name: 'k is renamed to and from',
    concerns: hasKey,
    run: (cell, state) => {
      const fill = [...FILL[state.type]];
      fill[1] = 'k9';
      return cell.give(fill, ['RENAME', 'k9', 'k'], ['RENAME', 'k', 'k9'], ['RENAMENX', 'k9', 'k']);
    },
  },
  {
    name: 'k is moved away',
    concerns: hasKey,
    run: (cell) => cell.give(['MOVE', 'k', '1'], ['SELECT', '1'], ['MOVE', 'k', '0']),
  },
  {
    name: 'k comes from another database',
    concerns: hasKey,
    run: (cell, state) => cell.give(['SELECT', '1'], FILL[state.type], ['DEL', 'x'], ['MOVE', 'k', '0']),
  },
  {
    name: 'k is copied from another database',
    concerns: hasKey,
    run: (cell, state) => cell.give(['SELECT', '1'], FILL[state.type], ['COPY', 'k', 'k', 'DB', '0', 'REPLACE']),
  },
  {
    name: 'databases are swapped, k is in the other',
    concerns: hasKey,
    run: (cell, state) => cell.give(['SELECT', '1'], FILL[state.type], ['SWAPDB', '0', '1'], ['EXISTS', 'k']),
  },
  {
    name: 'databases are swapped and back',
    concerns: hasKey,
    run: (cell) => cell.give(['SWAPDB', '0', '1'], ['SWAPDB', '1', '0']),
  },
  given('FLUSHALL', ['FLUSHALL']),
  given('FLUSHDB of its database', ['FLUSHDB', 'SYNC']),
  given('FLUSHDB of another database', ['SELECT', '1'], ['SET', 'k', '1'], ['FLUSHDB']),
  given('DEL of k', ['DEL', 'k']),
  given('UNLINK of k', ['UNLINK', 'k']),
  given('k gets another type', ['SET', 'k', 'v'], ['DEL', 'k'], ['HSET', 'k', 'f', 'v']),
  given('k is written as it was', ['SET', 'k', 'v', 'KEEPTTL']),
  given('k gets no value, as the condition fails', ['SET', 'k', 'v', 'XX', 'GET']),
  given('k is restored', ['SET', 'from', 'v'], ['COPY', 'from', 'k', 'REPLACE']),
  given('RENAME of k', ['RENAME', 'k', 'k4']),
  given('EXPIRE of k in the past', ['EXPIRE', 'k', '-1']),
  given('PERSIST and EXPIRE of k', ['EXPIRE', 'k', '1000'], ['PERSIST', 'k']),
  given('SORT into k', ['RPUSH', 'src', '2', '1'], ['SORT', 'src', 'STORE', 'k']),
  {
    name: 'its group is destroyed',
    concerns: (state) => /XREADGROUP/.test(state.name),
    run: (cell) => cell.give(['XGROUP', 'DESTROY', 'k', 'g']),
  },
];
