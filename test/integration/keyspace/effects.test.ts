/**
 * Effects: what write commands record is what Redis would propagate, and replaying it into an empty server gives the
 * same data. `DEBUG EFFECTS ON|TAKE|OFF` reads them: records of kind (`command` or `event`), database and words.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generateCommand } from '../../differential/commands.js';
import { checkAndStop } from '../../harness/fsck.js';
import { SeededRandom, seedFrom } from '../../harness/random.js';
import type { RespClient } from '../../harness/resp-client.js';
import {
  REDIS_AVAILABLE,
  type StartOptions,
  SUBJECT_IS_REDIS,
  startRedis,
  startSherd,
  type TestServer,
} from '../../harness/servers.js';
import { sleep } from '../../harness/waiting.js';

const seed = seedFrom('EFFECTS_SEED');

/** The commands recorded since the last call, with a SELECT wherever the database is another one. */
async function take(client: RespClient, firstDb = -1): Promise<string[][]> {
  const records = (await client.ok('DEBUG', 'EFFECTS', 'TAKE')) as string[][];
  const commands: string[][] = [];
  let selected = firstDb;
  for (const [kind, db, ...words] of records) {
    if (kind !== 'command') continue;
    if (Number(db) !== selected) commands.push(['SELECT', db!]);
    selected = Number(db);
    commands.push(words);
  }
  return commands;
}

/** Where the effects are replayed. */
let copy: TestServer;
beforeAll(async () => {
  copy = await startSherd({ shards: 2 });
});
afterAll(() => checkAndStop(copy));

describe
  .skipIf(SUBJECT_IS_REDIS)
  .each<[StartOptions]>([[{ shards: 1 }], [{ shards: 3 }], [{ shards: 3, dispatch: 'ring' }]])(
  'effects with %o',
  (options) => {
    let server: TestServer;
    beforeAll(async () => {
      server = await startSherd(options);
    });
    afterAll(() => checkAndStop(server));

    test(`replayed into an empty server give the same data (EFFECTS_SEED=${seed})`, { timeout: 60_000 }, async () => {
      const client = await server.client();
      const replica = await copy.client();
      const random = new SeededRandom(seed);
      for (let round = 0; round < 5; round++) {
        const anew = [['RESET'], ['FLUSHALL'], ['CONFIG', 'SET', 'hll-sparse-max-bytes', '3000']];
        await Promise.all([client.pipelineRaw(anew), replica.pipelineRaw(anew)]);
        await client.ok('DEBUG', 'EFFECTS', 'ON');
        const sent: string[] = [];
        for (let batch = 0; batch < 20; batch++) {
          const commands = Array.from({ length: random.between(1, 40) }, () => generateCommand(random).args);
          // Settings are no effects, yet decide the bytes of a HyperLogLog: both servers have the same.
          const settings = commands.filter((args) => /^config$/i.test(String(args[0])));
          const broken = commands.filter((args) => !/^(flushall|swapdb|config)$/i.test(String(args[0])));
          sent.push(...[...settings, ...broken].map((args) => args.join(' ').slice(0, 100)));
          await Promise.all([client.pipelineRaw(settings), replica.pipelineRaw(settings)]);
          await client.pipelineRaw(broken);
          const effects = await take(client);
          const replies = effects.length === 0 ? [] : await replica.pipeline(effects);
          const refused = replies.flatMap((reply, i) => (reply instanceof Error ? [[effects[i], reply.message]] : []));
          expect(JSON.stringify(refused), `EFFECTS_SEED=${seed}`).toBe('[]');
          const [mine, theirs] = await Promise.all([client.ok('DEBUG', 'DIGEST'), replica.ok('DEBUG', 'DIGEST')]);
          expect(theirs, `EFFECTS_SEED=${seed} round ${round}, after ${sent.slice(-40).join('\n')}`).toBe(mine);
        }
        await client.ok('DEBUG', 'EFFECTS', 'OFF');
      }
    });

    test('concurrent writers over all shards leave one order that gives the same data', async () => {
      const client = await server.client();
      const replica = await copy.client();
      await Promise.all([client.ok('FLUSHALL'), replica.pipelineRaw([['RESET'], ['FLUSHALL']])]);
      await client.ok('DEBUG', 'EFFECTS', 'ON');
      const writers = await Promise.all(Array.from({ length: 6 }, () => server.client()));
      await Promise.all(
        writers.map(async (writer, i) => {
          const random = new SeededRandom(seed + i);
          for (let turn = 0; turn < 40; turn++) {
            await writer.pipelineRaw(
              Array.from({ length: 10 }, () => {
                const [a, b] = [`w${random.below(12)}`, `w${random.below(12)}`];
                return random.pick<(string | number)[]>([
                  ['SET', a, i * 1000 + turn],
                  ['APPEND', a, turn % 10],
                  ['MSET', a, turn, b, turn],
                  ['RENAME', a, b],
                  ['COPY', a, b, 'REPLACE'],
                  ['DEL', a, b],
                  ['SETBIT', a, 9, turn % 2],
                ]);
              }),
            );
          }
        }),
      );
      const effects = await take(client);
      expect(effects.length).toBeGreaterThan(100);
      const replies = await replica.pipeline(effects);
      expect(replies.filter((reply) => reply instanceof Error)).toEqual([]);
      expect(await replica.ok('DEBUG', 'DIGEST')).toBe(await client.ok('DEBUG', 'DIGEST'));
      await client.ok('DEBUG', 'EFFECTS', 'OFF');
    });

    test('a script says who gets what it does', async () => {
      const client = await server.client();
      await client.ok('FLUSHALL');
      await client.ok('DEBUG', 'EFFECTS', 'ON');
      const script = `
        redis.call('SET', KEYS[1], 1)
        redis.set_repl(redis.REPL_AOF) redis.call('SET', KEYS[1], 2)
        redis.set_repl(redis.REPL_REPLICA) redis.call('SET', KEYS[1], 3)
        redis.set_repl(redis.REPL_NONE) redis.call('SET', KEYS[1], 4)
        redis.set_repl(redis.REPL_ALL) redis.call('SET', KEYS[1], 5)
        redis.set_repl(redis.REPL_NONE)`;
      await client.ok('EVAL', script, 1, 'k');
      await client.ok('SET', 'k', 6);
      const records = (await client.ok('DEBUG', 'EFFECTS', 'TAKE')) as string[][];
      await client.ok('DEBUG', 'EFFECTS', 'OFF');
      const commands = records.filter(([kind]) => kind !== 'event').map(([kind, , ...words]) => `${kind} ${words}`);
      expect(commands).toEqual([
        'command MULTI',
        'command SET,k,1',
        'journal SET,k,2',
        'replicas SET,k,3',
        'command SET,k,5',
        'command EXEC',
        'command SET,k,6',
      ]);
      expect(await client.call('GET', 'k')).toBe('6');
    });

    test('#12 a group is whole although effects were switched on in the middle of one', async () => {
      const client = await server.client();
      await client.ok('FLUSHALL');
      await client.pipeline([['MULTI'], ['SET', 'a', 1], ['DEBUG', 'EFFECTS', 'ON'], ['SET', 'a', 2], ['EXEC']]);
      const script = "redis.call('SET', KEYS[1], 3) redis.call('SET', KEYS[1], 4)";
      await client.pipeline([['MULTI'], ['EVAL', script, 1, 'a'], ['SET', 'a', 5], ['EXEC']]);
      expect((await take(client)).slice(1).map((words) => words.join(' '))).toEqual([
        'SET a 2',
        ...['MULTI', 'SET a 3', 'SET a 4', 'SET a 5', 'EXEC'],
      ]);
      await client.ok('DEBUG', 'EFFECTS', 'OFF');
    });

    test('#12 a script hides what it does, not what has expired meanwhile', async () => {
      const client = await server.client();
      await client.ok('FLUSHALL');
      await client.pipeline([
        ['DEBUG', 'SET-ACTIVE-EXPIRE', 0],
        ['HSET', 'h', 'f', 1, 'g', 2],
        ['HPEXPIRE', 'h', 1, 'FIELDS', 1, 'f'],
        ['DEBUG', 'EFFECTS', 'ON'],
      ]);
      await sleep(5);
      const script = "redis.set_repl(redis.REPL_NONE) redis.call('HINCRBY', KEYS[1], 'f', 1)";
      await client.ok('EVAL', script, 1, 'h');
      expect((await take(client)).slice(1)).toEqual([['HDEL', 'h', 'f']]);
      await client.pipeline([
        ['DEBUG', 'EFFECTS', 'OFF'],
        ['DEBUG', 'SET-ACTIVE-EXPIRE', 1],
      ]);
    });

    test('nothing is recorded while nobody listens, nor when nothing changed', async () => {
      const client = await server.client();
      await client.ok('FLUSHALL');
      await client.ok('SET', 'unseen', 1);
      await client.ok('DEBUG', 'EFFECTS', 'ON');
      await client.pipelineRaw([
        ...[
          ['GET', 'unseen'],
          ['DEL', 'nothing'],
          ['SET', 'unseen', 2, 'NX'],
          ['SET', 'nothing', 2, 'XX'],
        ],
        ...[
          ['PERSIST', 'unseen'],
          ['EXPIRE', 'nothing', '10'],
          ['INCR', 'unseen', 'x'],
          ['SETRANGE', 'nothing', 0, ''],
        ],
        ...[
          ['GETDEL', 'nothing'],
          ['GETEX', 'unseen'],
          ['MSETNX', 'unseen', 1, 'b', 2],
          ['RENAME', 'nothing', 'b'],
        ],
        ...[
          ['COPY', 'nothing', 'b'],
          ['MOVE', 'nothing', 1],
          ['BITOP', 'AND', 'b', 'nothing'],
          ['TOUCH', 'unseen'],
        ],
        ...[
          ['BITFIELD', 'unseen', 'GET', 'u8', 0],
          ['SUBSTR', 'unseen', 0, 1],
          ['EXPIRE', 'unseen', '10', 'XX'],
        ],
      ]);
      expect(await take(client)).toEqual([]);
      await client.ok('DEBUG', 'EFFECTS', 'OFF');
    });
  },
);

/** Commands whose propagated form is compared with the append-only file of a real redis-server. */
const PROPAGATED: readonly (readonly (string | number)[])[] = [
  ...[
    ['SET', 'a', '1'],
    ['SET', 'a', '2', 'KEEPTTL'],
    ['SET', 'a', '3', 'EX', '1000'],
    ['SET', 'a', '4', 'PX', '1000000'],
  ],
  ...[
    ['SET', 'a', '5', 'EXAT', '4000000000'],
    ['SET', 'a', '6', 'XX', 'GET'],
    ['SETEX', 'b', '1000', 'v'],
  ],
  ...[
    ['PSETEX', 'b', '1000000', 'v'],
    ['SETNX', 'c', 'v'],
    ['SETNX', 'c', 'w'],
    ['GETSET', 'c', 'x'],
    ['APPEND', 'c', 'y'],
  ],
  ...[
    ['SETRANGE', 'c', '5', 'zz'],
    ['INCR', 'n'],
    ['DECR', 'n'],
    ['INCRBY', 'n', '10'],
    ['DECRBY', 'n', '3'],
  ],
  ...[
    ['INCRBYFLOAT', 'f', '1.5'],
    ['EXPIRE', 'f', '1000'],
    ['INCRBYFLOAT', 'f', '0.25'],
    ['PERSIST', 'f'],
  ],
  ...[
    ['EXPIREAT', 'f', '4000000000'],
    ['PEXPIRE', 'f', '5000000'],
    ['PEXPIREAT', 'f', '4000000000000'],
  ],
  ...[
    ['EXPIRE', 'f', '100', 'GT'],
    ['EXPIRE', 'f', '-1'],
    ['GETEX', 'b'],
    ['GETEX', 'b', 'EX', '2000'],
    ['GETEX', 'b', 'PERSIST'],
  ],
  ...[
    ['GETEX', 'b', 'PXAT', '4000000000000'],
    ['GETEX', 'b', 'EXAT', '1'],
    ['GETDEL', 'c'],
    ['MSET', 'x', '1', 'y', '2'],
  ],
  ...[
    ['MSETNX', 'x', '1', 'z', '2'],
    ['MSETNX', 'z', '1', 'w', '2'],
    ['RENAME', 'x', 'xx'],
    ['RENAMENX', 'xx', 'x'],
  ],
  ...[
    ['RENAMENX', 'x', 'y'],
    ['COPY', 'x', 'cp'],
    ['COPY', 'x', 'cp'],
    ['COPY', 'x', 'cp', 'REPLACE'],
    ['MOVE', 'cp', '1'],
  ],
  ...[
    ['SELECT', '1'],
    ['SET', 'one', '1'],
    ['DEL', 'cp', 'nothing'],
    ['SELECT', '0'],
    ['COPY', 'x', 'far', 'DB', '2'],
  ],
  ...[
    ['SETBIT', 'bits', '7', '1'],
    ['SETBIT', 'bits', '7', '1'],
    ['BITOP', 'OR', 'dest', 'bits', 'x'],
    ['BITOP', 'AND', 'dest', 'no'],
  ],
  ...[
    ['BITFIELD', 'bits', 'SET', 'u8', '0', '200'],
    ['BITFIELD', 'bits', 'GET', 'u8', '0'],
    ['UNLINK', 'y', 'z'],
    ['TOUCH', 'x'],
  ],
  ...[['SET', 'gone', 'v', 'PX', '20'], ['DEBUG', 'SLEEP', '0.05'], ['GET', 'gone'], ['SWAPDB', '0', '1'], ['FLUSHDB']],
];

describe.skipIf(!REDIS_AVAILABLE || SUBJECT_IS_REDIS)('the form of effects', () => {
  test('is that of the append-only file of redis-server', async () => {
    const redis = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always', '--appenddirname', 'aof']);
    const sherd = await startSherd({ shards: 1 });
    try {
      const [a, b] = [await redis.client(), await sherd.client()];
      await a.ok('DEBUG', 'SET-ACTIVE-EXPIRE', 0);
      await b.pipelineRaw([
        ['DEBUG', 'SET-ACTIVE-EXPIRE', 0],
        ['DEBUG', 'EFFECTS', 'ON'],
      ]);
      for (const command of PROPAGATED) {
        await a.raw(...command);
        await b.raw(...command);
      }
      await sleep(50);
      const dir = join(redis.dir, 'aof');
      const file = readdirSync(dir).find((name) => name.endsWith('.incr.aof'))!;
      expect(normalize(await take(b))).toEqual(normalize(parseAof(readFileSync(join(dir, file)))));
    } finally {
      await Promise.all([redis.stop(), sherd.stop()]);
    }
  });
});

/** Times near now depend on the moment: only their unit is compared. The database's number and case do not differ. */
function normalize(commands: readonly (readonly string[])[]): string[] {
  const near = (word: string): string => (/^1[5-9]\d{11}$|^2\d{12}$/.test(word) ? '<ms>' : word);
  return commands
    .filter((words) => words[0]?.toUpperCase() !== 'SELECT')
    .map((words) => [words[0]?.toUpperCase(), ...words.slice(1).map(near)].join(' '));
}

/** The commands of an append-only file. */
function parseAof(bytes: Buffer): string[][] {
  const commands: string[][] = [];
  let pos = 0;
  const number = (): number => {
    const end = bytes.indexOf(10, pos);
    const value = Number(bytes.toString('latin1', pos + 1, end - 1));
    pos = end + 1;
    return value;
  };
  while (pos < bytes.length) {
    const words: string[] = [];
    for (let count = number(); count > 0; count--) {
      const length = number();
      words.push(bytes.toString('latin1', pos, pos + length));
      pos += length + 2;
    }
    commands.push(words);
  }
  return commands;
}
