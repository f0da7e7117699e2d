/**
 * The rows of the table: the states in which a client can be when something happens to it. `k` is the key that the
 * state is about; events change it, push to it, rename it.
 *
 * Loading becomes a row here as soon as there are files to load from.
 */
import type { Arg } from '../harness/resp-client.js';
import type { Cell } from './cell.js';

export interface State {
  readonly name: string;
  readonly proto: 2 | 3;
  /** What `k` holds, or what the state waits for it to hold. */
  readonly type: 'string' | 'list' | 'zset' | 'stream';
  /** The client waits in a command, which CLIENT UNBLOCK can end. */
  readonly blocks?: true;
  /** A command of the client does not come to its end by itself, so what it sends meanwhile waits as well. */
  readonly holds?: 'write' | 'all' | 'script';
  /** Says in RESP2 that it is subscribed: it may send hardly anything. */
  readonly subscribed?: true;
  /** What it is told is gathered over a turn of the server: events come one command at a time. */
  readonly isGatheredByTurn?: true;
  /** Only where the oracle has this command. */
  readonly needs?: string;
  /** What the state needs, carried out by somebody who has no part in it. */
  readonly setup?: readonly (readonly Arg[])[];
  enter(cell: Cell): Promise<void>;
  /** Shows what the event has done to the state, and leaves it. */
  observe(cell: Cell): Promise<void>;
}

/** What makes `k` ready. */
export const FILL: Readonly<Record<State['type'], readonly Arg[]>> = {
  string: ['SET', 'k', 'filled'],
  list: ['RPUSH', 'k', 'a', 'b'],
  zset: ['ZADD', 'k', 1, 'a', 2, 'b'],
  stream: ['XADD', 'k', '7-1', 'f', 'a'],
};

const GROUP = ['XGROUP', 'CREATE', 'k', 'g', '$', 'MKSTREAM'] as const;

/** A client that waits in a command for a key. */
function waiting(
  name: string,
  type: State['type'],
  command: (cell: Cell) => readonly Arg[],
  more: Partial<State> = {},
): State {
  return {
    name: `waits in ${name}`,
    proto: 2,
    type,
    blocks: true,
    enter: (cell) => cell.say(command(cell)),
    async observe(cell) {
      await cell.give(['DEL', 'k'], ['DEL', 'k2'], FILL[type], FILL[type === 'stream' ? 'string' : type]);
      await cell.ask('CLIENT', 'UNBLOCK', cell.id);
      await cell.say(['PING']);
    },
    ...more,
  };
}

/** A client that caches `k`. */
function tracking(how: string, options: readonly string[], enter: readonly (readonly Arg[])[]): State {
  return {
    name: `tracks keys${how}`,
    proto: 3,
    type: 'string',
    ...(options.includes('BCAST') ? { isGatheredByTurn: true as const } : {}),
    setup: [['SET', 'k', 'v']],
    enter: (cell) => cell.say(['CLIENT', 'TRACKING', 'ON', ...options], ...enter),
    async observe(cell) {
      await cell.give(['SET', 'k', 'changed'], ['SET', 'k', 'once more']);
      await cell.say(...enter, ['SET', 'k', 'by itself'], ['CLIENT', 'TRACKINGINFO']);
      await cell.give(['DEL', 'k']);
      await cell.say(['CLIENT', 'TRACKING', 'OFF'], ['PING']);
    },
  };
}

/** A client that has subscribed. */
function subscribed(proto: 2 | 3, command: string, channels: readonly string[], publish: readonly Arg[]): State {
  return {
    name: `is subscribed by ${command} in RESP${proto}`,
    proto,
    type: 'string',
    ...(proto === 2 ? { subscribed: true as const } : {}),
    setup: [['SET', 'k', 'v']],
    enter: (cell) => cell.say([command, ...channels]),
    async observe(cell) {
      await cell.give(publish);
      await cell.say(['PING'], [command.replace('SUB', 'UNSUB'), ...channels], ['GET', 'k'], ['PING']);
    },
  };
}

/** A script that does not end keeps everybody waiting. */
const ENDLESS = ['EVAL', 'while true do end', '0'] as const;

async function enterBusy(cell: Cell, by: 'subject' | 'runner'): Promise<void> {
  await cell.ask('CONFIG', 'SET', 'busy-reply-threshold', '5');
  const runner = by === 'subject' ? cell.subject : await cell.other('runner');
  runner.send(...ENDLESS);
  await cell.until('the script is busy', async () => String(await cell.ask('PING')).startsWith('ReplyError: BUSY'));
}

async function endBusy(cell: Cell): Promise<void> {
  await cell.ask('SCRIPT', 'KILL');
  await cell.until('the script has ended', async () => (await cell.ask('PING')) === 'PONG');
  // What waited behind the script, before somebody else changes what it reads.
  await cell.fence();
  await cell.give(['SET', 'k', 'after']);
  await cell.say(['GET', 'k'], ['PING']);
}

/** How long a pause of all commands takes: nothing can end it but time. */
const PAUSE_MS = 60;

export const STATES: readonly State[] = [
  {
    name: 'is idle',
    proto: 2,
    type: 'string',
    setup: [['SET', 'k', 'v']],
    enter: async () => {},
    observe: (cell) => cell.say(['GET', 'k'], ['PING']),
  },
  {
    name: 'is in MULTI',
    proto: 2,
    type: 'string',
    setup: [['SET', 'k', 'v']],
    enter: (cell) => cell.say(['MULTI'], ['APPEND', 'k', 'm'], ['GET', 'k']),
    observe: (cell) => cell.say(['STRLEN', 'k'], ['EXEC'], ['PING']),
  },
  {
    name: 'is in MULTI in RESP3',
    proto: 3,
    type: 'string',
    setup: [['SET', 'k', 'v']],
    enter: (cell) => cell.say(['MULTI'], ['PUBLISH', 'ch', 'own'], ['GET', 'k']),
    observe: (cell) => cell.say(['STRLEN', 'k'], ['EXEC'], ['PING']),
  },
  {
    name: 'watches',
    proto: 2,
    type: 'string',
    setup: [['SET', 'k', 'v']],
    enter: (cell) => cell.say(['WATCH', 'k', 'none']),
    observe: (cell) => cell.say(['MULTI'], ['SET', 'done', 'yes'], ['EXEC'], ['PING']),
  },
  {
    name: 'watches in MULTI',
    proto: 2,
    type: 'list',
    setup: [['RPUSH', 'k', 'a']],
    enter: (cell) => cell.say(['WATCH', 'k'], ['MULTI'], ['SET', 'done', 'yes']),
    observe: (cell) => cell.say(['EXEC'], ['PING']),
  },
  {
    name: 'is paused (WRITE)',
    proto: 2,
    type: 'string',
    holds: 'write',
    setup: [['SET', 'k', 'v']],
    async enter(cell) {
      await cell.ask('CLIENT', 'PAUSE', '1000000', 'WRITE');
      await cell.say(['SET', 'p', 'v'], ['GET', 'k']);
    },
    async observe(cell) {
      await cell.ask('CLIENT', 'UNPAUSE');
      await cell.say(['GET', 'p'], ['PING']);
    },
  },
  {
    name: 'is paused (ALL)',
    proto: 2,
    type: 'string',
    holds: 'all',
    setup: [['SET', 'k', 'v']],
    async enter(cell) {
      await cell.ask('CLIENT', 'PAUSE', String(PAUSE_MS), 'ALL');
      cell.subject.send('SET', 'p', 'v');
    },
    observe: (cell) => cell.say(['GET', 'p'], ['PING']),
  },
  waiting('BLPOP', 'list', (cell) => ['BLPOP', 'k', 'k2', cell.seconds]),
  waiting('BLMOVE', 'list', (cell) => ['BLMOVE', 'k', 'dst', 'LEFT', 'RIGHT', cell.seconds]),
  waiting('BLMPOP', 'list', (cell) => ['BLMPOP', cell.seconds, '2', 'k2', 'k', 'LEFT', 'COUNT', '5']),
  waiting('BZPOPMIN', 'zset', (cell) => ['BZPOPMIN', 'k2', 'k', cell.seconds]),
  waiting('XREAD', 'stream', (cell) => ['XREAD', 'BLOCK', cell.seconds * 1000, 'STREAMS', 'k', 'k2', '$', '$']),
  waiting(
    'XREADGROUP',
    'stream',
    (cell) => ['XREADGROUP', 'GROUP', 'g', 'me', 'BLOCK', cell.seconds * 1000, 'STREAMS', 'k', '>'],
    {
      setup: [GROUP],
      async observe(cell) {
        await cell.give(['DEL', 'k'], GROUP, FILL.stream);
        await cell.ask('CLIENT', 'UNBLOCK', cell.id);
        await cell.say(['PING']);
      },
    },
  ),
  waiting('BLPOP in RESP3', 'list', (cell) => ['BLPOP', 'k', cell.seconds], { proto: 3 }),
  waiting('WAIT', 'string', (cell) => ['WAIT', '1', cell.seconds * 1000], { setup: [['SET', 'k', 'v']] }),
  waiting('WAITAOF', 'string', (cell) => ['WAITAOF', '0', '1', cell.seconds * 1000], {
    setup: [['SET', 'k', 'v']],
    needs: 'WAITAOF',
  }),
  subscribed(2, 'SUBSCRIBE', ['ch'], ['PUBLISH', 'ch', 'message']),
  subscribed(2, 'PSUBSCRIBE', ['c*'], ['PUBLISH', 'ch', 'message']),
  subscribed(2, 'SSUBSCRIBE', ['ch'], ['SPUBLISH', 'ch', 'message']),
  subscribed(3, 'SUBSCRIBE', ['ch'], ['PUBLISH', 'ch', 'message']),
  tracking('', [], [['GET', 'k']]),
  tracking(' with BCAST', ['BCAST'], [['GET', 'k']]),
  tracking(' with BCAST and prefixes', ['BCAST', 'PREFIX', 'k', 'PREFIX', 'x'], [['GET', 'k']]),
  tracking(
    ' with OPTIN',
    ['OPTIN'],
    [
      ['CLIENT', 'CACHING', 'YES'],
      ['GET', 'k'],
      ['GET', 'dst'],
    ],
  ),
  tracking(
    ' with OPTOUT',
    ['OPTOUT'],
    [
      ['CLIENT', 'CACHING', 'NO'],
      ['GET', 'dst'],
      ['GET', 'k'],
    ],
  ),
  tracking(
    ' with NOLOOP',
    ['NOLOOP'],
    [
      ['GET', 'k'],
      ['APPEND', 'k', 'x'],
    ],
  ),
  {
    ...tracking(' with REDIRECT', [], [['GET', 'k']]),
    proto: 2,
    async enter(cell) {
      const target = await cell.other('target');
      target.pipeline([['SUBSCRIBE', '__redis__:invalidate']]);
      target.send('PING');
      await cell.until('the target listens', async () => target.lines.length >= 2 || target.isClosed);
      const id = /id=(\d+) addr=\S+ laddr=\S+ fd=\S+ name=\S* age=\d+ idle=\d+ flags=P /.exec(
        String(await cell.ask('CLIENT', 'LIST', 'TYPE', 'PUBSUB')),
      )?.[1];
      await cell.say(['CLIENT', 'TRACKING', 'ON', 'REDIRECT', id ?? 0], ['GET', 'k']);
    },
    async observe(cell) {
      await cell.give(['SET', 'k', 'changed'], ['SET', 'k', 'once more']);
      await cell.say(['GET', 'k']);
      await cell.give(['DEL', 'k']);
      await cell.say(['CLIENT', 'TRACKING', 'OFF'], ['PING']);
    },
  },
  {
    name: 'asks while a script is busy',
    proto: 2,
    type: 'string',
    holds: 'script',
    setup: [['SET', 'k', 'v']],
    async enter(cell) {
      await enterBusy(cell, 'runner');
      await cell.say(['GET', 'k']);
    },
    observe: endBusy,
  },
  {
    name: 'runs a script that is busy',
    proto: 2,
    type: 'string',
    holds: 'script',
    setup: [['SET', 'k', 'v']],
    enter: (cell) => enterBusy(cell, 'subject'),
    observe: endBusy,
  },
];
