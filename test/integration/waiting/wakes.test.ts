/** Every way in which a key can appear, or go, under a client that waits for it: who is served, and with what. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import type { Arg, RespClient, Value } from '../../harness/resp-client.js';
import { type StartOptions, startSherd, type TestServer } from '../../harness/servers.js';
import { ioThreadOf, spreadClients } from '../../harness/spread.js';
import { untilBlocked } from '../../harness/waiting.js';

const SETUPS: readonly (StartOptions & { ioThreads: number })[] = [
  { shards: 1, dispatch: 'auto', ioThreads: 1 },
  { shards: 3, dispatch: 'auto', ioThreads: 2 },
  { shards: 1, dispatch: 'inline', ioThreads: 3 },
  { shards: 3, dispatch: 'ring', ioThreads: 3 },
];

type Command = readonly Arg[];

/** A type of value: how a key gets one, how a client waits for one, and what it then hears. */
interface Kind {
  readonly name: string;
  make(key: string): string;
  wait(key: string): string;
  heard(key: string): Value;
}

const KINDS: readonly Kind[] = [
  { name: 'list', make: (k) => `RPUSH ${k} x`, wait: (k) => `BLPOP ${k} 0`, heard: (k) => [k, 'x'] },
  { name: 'set', make: (k) => `ZADD ${k} 1 x`, wait: (k) => `BZPOPMIN ${k} 0`, heard: (k) => [k, 'x', '1'] },
  {
    name: 'stream',
    make: (k) => `XADD ${k} 1-1 f x`,
    wait: (k) => `XREAD BLOCK 0 STREAMS ${k} $`,
    heard: (k) => [[k, [['1-1', ['f', 'x']]]]],
  },
];

const words = (command: string): string[] => command.split(' ');
const script = (command: string): string => `redis.call('${words(command).join("','")}')`;

/** Commands after which key t has the value that `make` makes; `dump` is one of DUMP. */
const WAYS: Record<string, (make: Kind['make'], t: string, dump: Uint8Array) => (string | Command)[]> = {
  'the command itself': (make, t) => [make(t)],
  RENAME: (make, t) => [make('s'), `RENAME s ${t}`],
  'RENAME from another shard': (make, t) => [make('s2'), `RENAME s2 ${t}`],
  RENAMENX: (make, t) => [make('s'), `RENAMENX s ${t}`],
  MOVE: (make, t) => ['SELECT 1', make(t), `MOVE ${t} 0`, 'SELECT 0'],
  COPY: (make, t) => [make('s'), `COPY s ${t}`, 'DEL s'],
  'COPY REPLACE': (make, t) => [make('s'), `SET ${t} text`, `COPY s ${t} REPLACE`, 'DEL s'],
  'COPY DB': (make, t) => ['SELECT 1', make('s'), `COPY s ${t} DB 0`, 'DEL s', 'SELECT 0'],
  'COPY DB of the same key': (make, t) => ['SELECT 1', make(t), `COPY ${t} ${t} DB 0`, `DEL ${t}`, 'SELECT 0'],
  RESTORE: (_make, t, dump) => [['RESTORE', t, 0, dump]],
  SWAPDB: (make, t) => ['SELECT 1', make(t), 'SWAPDB 0 1', 'SELECT 0'],
  EVAL: (make, t) => [['EVAL', script(make(t)), 1, t]],
  'EVAL without keys': (make, t) => [['EVAL', script(make(t)), 0]],
  'EVAL that selects and moves': (make, t) => [
    ['EVAL', `redis.call('select','1') ${script(make(t))} ${script(`MOVE ${t} 0`)}`, 0],
  ],
  FCALL: (make, t) => [['FCALL', 'run', 1, t, ...words(make(t))]],
  EXEC: (make, t) => ['MULTI', make(t), 'EXEC'],
  'EXEC with a watched key': (make, t) => [`WATCH ${t}`, 'MULTI', make(t), 'EXEC'],
  'EXEC of RENAME': (make, t) => ['MULTI', make('s'), `RENAME s ${t}`, 'EXEC'],
  'EXEC of MOVE': (make, t) => ['SELECT 1', 'MULTI', make(t), `MOVE ${t} 0`, 'EXEC', 'SELECT 0'],
  'EXEC of SWAPDB': (make, t) => ['SELECT 1', make(t), 'MULTI', 'SWAPDB 0 1', 'EXEC', 'SELECT 0'],
  'EXEC of EVAL': (make, t) => ['MULTI', ['EVAL', script(make(t)), 1, t], 'EXEC'],
};

/** Ways that only one type has: what waits, what happens, what is heard. */
const OWN_WAYS: readonly [wait: string, event: string[], heard: Value][] = [
  ['BRPOP t 0', ['LPUSH t x'], ['t', 'x']],
  ['BLMPOP 0 1 t LEFT COUNT 5', ['RPUSH t x y'], ['t', ['x', 'y']]],
  ['BLMOVE t u LEFT RIGHT 0', ['RPUSH t x', 'DEL u'], 'x'],
  ['BRPOPLPUSH t u 0', ['RPUSH t x', 'DEL u'], 'x'],
  ['BLPOP t 0', ['RPUSH s 2 1', 'SORT s STORE t', 'DEL s t'], ['t', '1']],
  ['BLPOP t 0', ['RPUSH s x', 'LMOVE s t LEFT LEFT'], ['t', 'x']],
  ['BLPOP t 0', ['RPUSH s x', 'RPOPLPUSH s t'], ['t', 'x']],
  ['BLPOP t 0', ['RPUSH s x', 'BLMOVE s t LEFT LEFT 0'], ['t', 'x']],
  ['BZPOPMAX t 0', ['ZADD t 1 x'], ['t', 'x', '1']],
  ['BZMPOP 0 1 t MIN', ['ZADD t 1 x'], ['t', [['x', '1']]]],
  ['BZPOPMIN t 0', ['ZINCRBY t 1 x'], ['t', 'x', '1']],
  ['BZPOPMIN t 0', ['ZADD s 1 x', 'ZUNIONSTORE t 1 s', 'DEL s'], ['t', 'x', '1']],
  ['BZPOPMIN t 0', ['ZADD s 1 x', 'ZINTERSTORE t 1 s', 'DEL s'], ['t', 'x', '1']],
  ['BZPOPMIN t 0', ['ZADD s 1 x', 'ZDIFFSTORE t 1 s', 'DEL s'], ['t', 'x', '1']],
  ['BZPOPMIN t 0', ['ZADD s 1 x', 'ZRANGESTORE t s 0 -1', 'DEL s'], ['t', 'x', '1']],
  ['BZPOPMIN t 0', ['GEOADD t 0 0 x'], ['t', 'x', '3377699720527872']],
  ['BZPOPMIN t 0', ['GEOADD s 0 0 x', 'GEORADIUS s 0 0 1 m STORE t', 'DEL s'], ['t', 'x', '3377699720527872']],
  [
    'BZPOPMIN t 0',
    ['GEOADD s 0 0 x', 'GEOSEARCHSTORE t s FROMLONLAT 0 0 BYRADIUS 1 m', 'DEL s'],
    ['t', 'x', '3377699720527872'],
  ],
  ['XREAD BLOCK 0 STREAMS t 1-1', ['XADD t 1-1 f a', 'XADD t 1-2 f x', 'DEL t'], [['t', [['1-2', ['f', 'x']]]]]],
];

/** DUMP of the string x. */
const TEXT_DUMP = '0001780b004b5f3b2c4077a159';
const NO_KEY = "NOGROUP No such key 't' or consumer group 'g' in XREADGROUP with GROUP option";

/** What ends the wait for a stream with a group. */
const GROUP_ENDS: readonly [event: (string | Command)[], heard: unknown][] = [
  [['XADD t 1-1 f x'], [['t', [['1-1', ['f', 'x']]]]]],
  [["EVAL return(redis.call('XADD',KEYS[1],'1-1','f','x')) 1 t"], [['t', [['1-1', ['f', 'x']]]]]],
  [['DEL t'], NO_KEY],
  [['UNLINK t'], NO_KEY],
  [['SET t x'], /^WRONGTYPE/],
  [['SUNIONSTORE t members'], /^WRONGTYPE/],
  [['RENAME t s', 'DEL s'], NO_KEY],
  [['SET s x', 'RENAME s t'], /^WRONGTYPE/],
  [['SET s x', 'COPY s t REPLACE', 'DEL s'], /^WRONGTYPE/],
  [['MOVE t 1'], NO_KEY],
  [['XGROUP DESTROY t g'], /^NOGROUP/],
  [['FLUSHDB'], NO_KEY],
  [['FLUSHALL ASYNC'], NO_KEY],
  [['SWAPDB 0 1'], NO_KEY],
  [["EVAL return(redis.call('DEL',KEYS[1])) 1 t"], NO_KEY],
  [['MULTI', 'DEL t', 'EXEC'], NO_KEY],
  [['MULTI', 'FLUSHALL', 'EXEC'], NO_KEY],
  [['PEXPIRE t 1', 'DEBUG SLEEP 0.003', 'EXISTS t'], NO_KEY],
  [['PEXPIRE t -1'], NO_KEY],
  [[['RESTORE', 't', 0, Buffer.from(TEXT_DUMP, 'hex'), 'REPLACE']], /^WRONGTYPE/],
];

/** Several keys filled at once, several clients: since 7.2 who is woken carries out its whole command again. */
const ORDERS: readonly { title: string; waits: string[]; event: (string | Command)[]; heard: unknown[] }[] = [
  {
    title: 'BLPOP of several lists is served by its own order of keys',
    waits: ['BLPOP k1 k2 k3 0'],
    event: ['MULTI', 'RPUSH k3 c', 'RPUSH k1 a', 'EXEC'],
    heard: [['k1', 'a']],
  },
  {
    title: 'BRPOP of several lists that a script has filled is served by its own order',
    waits: ['BRPOP k1 k2 k3 0'],
    event: [['EVAL', `${script('RPUSH k3 c')} ${script('RPUSH k1 a')}`, 0]],
    heard: [['k1', 'a']],
  },
  {
    title: 'BLMPOP is served by its own order',
    waits: ['BLMPOP 0 3 k1 k2 k3 LEFT COUNT 5'],
    event: [['EVAL', "redis.call('RPUSH',KEYS[1],'c') redis.call('RPUSH',KEYS[2],'a')", 2, 'k3', 'k1']],
    heard: [['k1', ['a']]],
  },
  {
    title: 'BZPOPMIN is served by its own order',
    waits: ['BZPOPMIN k1 k2 0'],
    event: ['MULTI', 'ZADD k2 1 b', 'ZADD k1 1 a', 'EXEC'],
    heard: [['k1', 'a', '1']],
  },
  {
    title: 'BZMPOP is served by its own order',
    waits: ['BZMPOP 0 2 k1 k2 MIN COUNT 5'],
    event: ['MULTI', 'ZADD k2 1 b', 'ZADD k1 1 a', 'EXEC'],
    heard: [['k1', [['a', '1']]]],
  },
  {
    title: 'each of two clients gets the list that it named first',
    waits: ['BLPOP k1 k3 0', 'BLPOP k3 k1 0'],
    event: ['MULTI', 'RPUSH k3 c', 'RPUSH k1 a', 'EXEC'],
    heard: [
      ['k1', 'a'],
      ['k3', 'c'],
    ],
  },
  {
    title: 'who waited first for the key that came first is served first',
    waits: ['BLPOP k1 0', 'BRPOP k1 0', 'BLPOP k2 k1 0'],
    event: ['MULTI', 'RPUSH k1 a b c', 'RPUSH k2 z', 'EXEC'],
    heard: [
      ['k1', 'a'],
      ['k1', 'c'],
      ['k2', 'z'],
    ],
  },
  {
    title: 'XREAD returns all streams that are ready, in its own order',
    waits: ['XREAD BLOCK 0 STREAMS k1 k2 k3 $ $ $'],
    event: ['MULTI', 'XADD k3 1-1 f c', 'XADD k1 1-1 f a', 'EXEC'],
    heard: [
      [
        ['k1', [['1-1', ['f', 'a']]]],
        ['k3', [['1-1', ['f', 'c']]]],
      ],
    ],
  },
  {
    title: 'XREADGROUP returns all streams that are ready, and the next consumer waits on',
    waits: ['XREADGROUP GROUP g c BLOCK 0 STREAMS k1 k2 > >', 'XREADGROUP GROUP g d BLOCK 0 STREAMS k2 k1 > >'],
    event: ['MULTI', 'XADD k2 1-1 f b', 'XADD k1 1-1 f a', 'EXEC', 'XADD k2 2-1 f z'],
    heard: [
      [
        ['k1', [['1-1', ['f', 'a']]]],
        ['k2', [['1-1', ['f', 'b']]]],
      ],
      [['k2', [['2-1', ['f', 'z']]]]],
    ],
  },
  {
    title: 'a key of another type in front of the one that is ready is an error',
    waits: ['BLPOP {k}1 {k}2 0', 'BZPOPMIN {k}1 {k}3 0', 'XREAD BLOCK 0 STREAMS {k}1 {k}4 0 0'],
    event: ['SET {k}1 x', 'RPUSH {k}2 v', 'ZADD {k}3 1 v', 'XADD {k}4 1-1 f v'],
    heard: [/^WRONGTYPE/, /^WRONGTYPE/, /^WRONGTYPE/],
  },
];

const LIBRARY = `#!lua name=lib
redis.register_function('run', function(keys, args) return redis.call(unpack(args)) end)`;

describe.each(SETUPS)('with $shards shards, $ioThreads I/O threads, --dispatch $dispatch', (setup) => {
  let server: TestServer;
  let a: RespClient;
  /** For each I/O thread, as many clients as there are kinds. */
  let waiters: RespClient[][];
  /** A client of another I/O thread than `a`, if there is one. */
  let far: RespClient;
  beforeAll(async () => {
    server = await startSherd(setup);
    a = await server.client();
    const sets = KINDS.map(() => spreadClients(() => server.client(), setup.ioThreads, setup.ioThreads));
    const spread = await Promise.all(sets);
    waiters = Array.from({ length: setup.ioThreads }, (_, n) => spread.map((clients) => clients[n]!));
    const own = await ioThreadOf(a);
    far = waiters.flat()[0]!;
    for (const client of waiters.flat()) if ((await ioThreadOf(client)) !== own) far = client;
    await a.ok('FUNCTION', 'LOAD', LIBRARY);
  });
  afterAll(() => checkAndStop(server));

  /** Runs `event` while `far` waits in `wait`; what it hears. */
  async function heard(wait: string, event: readonly (string | Command)[]): Promise<Value> {
    const reply = far.call(...words(wait));
    await untilBlocked(a, 1);
    await happens(event);
    return reply;
  }

  async function happens(event: readonly (string | Command)[]): Promise<void> {
    const commands = event.map((command): Arg[] => (typeof command === 'string' ? words(command) : [...command]));
    for (const value of await a.pipeline(commands)) expect(value).not.toBeInstanceOf(Error);
  }

  test.each(Object.entries(WAYS))(
    '%s serves whoever waits for a list, a sorted set, a stream (#11)',
    async (_, way) => {
      const dumps: Buffer[] = [];
      for (const kind of KINDS) {
        await a.ok(...words(kind.make('s')));
        dumps.push(Buffer.from((await a.ok('DUMP', 's')) as string, 'latin1'));
        await a.ok('DEL', 's');
      }
      const waiting: { client: RespClient; kind: Kind; key: string; dump: Buffer; reply: Promise<Value> }[] = [];
      for (const [n, clients] of waiters.entries()) {
        for (const [k, client] of clients.entries()) {
          const [kind, key] = [KINDS[k]!, `t${n}${k}`];
          waiting.push({ client, kind, key, dump: dumps[k]!, reply: client.call(...words(kind.wait(key))) });
        }
      }
      await untilBlocked(a, waiting.length);
      for (const { kind, key, dump, reply } of waiting) {
        await happens(way(kind.make, key, dump));
        expect(await reply, kind.name).toEqual(kind.heard(key));
        await a.ok('DEL', key);
      }
      expect(await a.ok('DBSIZE')).toBe(0);
    },
  );

  test.each(OWN_WAYS)('%s is served by %j (#11)', async (wait, event, expected) => {
    expect(await heard(wait, event)).toEqual(expected);
    expect(await a.ok('DBSIZE')).toBe(0);
  });

  test.each(GROUP_ENDS)('XREADGROUP hears of %j (#11)', async (event, expected) => {
    await a.ok('SADD', 'members', '1');
    await a.ok('XGROUP', 'CREATE', 't', 'g', '$', 'MKSTREAM');
    const reply = await heard('XREADGROUP GROUP g c BLOCK 0 STREAMS t >', event);
    if (reply instanceof Error) expect(reply.message).toMatch(expected as RegExp);
    else expect(reply).toEqual(expected);
    await a.ok('FLUSHALL');
  });

  test.each(ORDERS)('$title (#11)', async ({ waits, event, heard: expected }) => {
    for (const key of ['k1', 'k2'])
      if (waits[0]!.includes('GROUP')) await a.ok('XGROUP', 'CREATE', key, 'g', '$', 'MKSTREAM');
    const clients = waiters.flat();
    const replies: Promise<Value>[] = [];
    for (const [n, wait] of waits.entries()) {
      replies.push(clients[n]!.call(...words(wait)));
      await untilBlocked(a, n + 1);
    }
    await happens(event);
    for (const [n, reply] of replies.entries()) {
      const value = await reply;
      if (value instanceof Error) expect(value.message).toMatch(expected[n] as RegExp);
      else expect(value).toEqual(expected[n]);
    }
    await a.ok('FLUSHALL');
  });
});
