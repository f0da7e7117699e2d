/**
 * What the clients do while something goes wrong: a row for each kind of work. `run` ends when all clients have done
 * theirs, and returns what must hold of the data then, whatever happened: each finding is a sentence.
 */
import type { SeededRandom } from '../harness/random.js';
import type { Value } from '../harness/resp-client.js';
import { until } from '../harness/waiting.js';
import { CLOSED, type LabClient } from './lab-client.js';

export interface LabWork {
  readonly random: SeededRandom;
  client(): LabClient;
}

/** Looks at the data when all is over; what is wrong. */
type Verdict = (observer: LabClient) => Promise<string[]>;

export interface LabWorkload {
  readonly name: string;
  readonly run: (work: LabWork) => Promise<Verdict>;
}

const ACCOUNTS = Array.from({ length: 8 }, (_, i) => `account:${i}`);
const TURNS = 8;

type Turn = (client: LabClient, i: number, t: number) => Promise<void>;

/** Does something with each of some clients at the same time, so many times. */
async function each(work: LabWork, clients: number, turn: Turn): Promise<void> {
  await Promise.all(
    Array.from({ length: clients }, async (_, i) => {
      const client = work.client();
      for (let t = 0; t < TURNS; t++) await turn(client, i, t);
      await client.close();
    }),
  );
}

async function words(observer: LabClient, ...command: string[]): Promise<Value> {
  const reply = await observer.ask(...command);
  if (reply === CLOSED) throw new Error(`${command[0]} of the observer was not answered`);
  return reply;
}

/** Whether the accounts hold what the answers say in all; a command without an answer moved all of it or nothing. */
async function sumIs(observer: LabClient, expected: number): Promise<string[]> {
  const balances = (await words(observer, 'MGET', ...ACCOUNTS)) as (string | null)[];
  const sum = balances.reduce((total, balance) => total + Number(balance ?? 0), 0);
  return sum === expected ? [] : [`the accounts hold ${sum}, not ${expected}: ${balances.join(' ')}`];
}

/** Transfers in MULTI over all shards, some of them under WATCH. */
const transfers: LabWorkload = {
  name: 'transfers in MULTI',
  async run(work) {
    const { random } = work;
    let expected = 0;
    await each(work, 4, async (client) => {
      const [from, to, amount] = [random.pick(ACCOUNTS), random.pick(ACCOUNTS), random.between(1, 9)];
      const watch = random.chance(0.4) ? [['WATCH', from, to]] : [];
      const moves = [['MULTI'], ['INCRBY', from, `${-amount}`], ['INCRBY', to, amount], ['EXEC']];
      const replies = await client.askAll([...watch, ...moves]);
      const results = replies === CLOSED ? null : replies.at(-1);
      // What memory was lacking for was not done, and says so.
      if (Array.isArray(results)) {
        if (typeof results[0] === 'number') expected -= amount;
        if (typeof results[1] === 'number') expected += amount;
      }
    });
    return (observer) => sumIs(observer, expected);
  },
};

const MOVE = `redis.call('DECRBY', KEYS[1], ARGV[1]) redis.call('INCRBY', KEYS[2], ARGV[1]) return 'moved'`;
/** Makes a table of a hash on the way, and gives it up again. */
const MOVE_SLOWLY = `redis.call('DECRBY', KEYS[1], ARGV[1])
  for i = 1, 40 do redis.call('HSET', KEYS[3], 'field' .. i, string.rep('v', 10 * i)) end
  redis.call('DEL', KEYS[3]) redis.call('INCRBY', KEYS[2], ARGV[1]) return 'moved'`;

const scripts: LabWorkload = {
  name: 'scripts over shards',
  async run(work) {
    const { random } = work;
    let failed = 0;
    // An account that is there needs no memory: only the hash of the script can lack some.
    await work.client().askAll(ACCOUNTS.map((name) => ['SET', name, 0]));
    const client0 = work.client();
    await each(work, 3, async (client, i) => {
      const [from, to] = [random.pick(ACCOUNTS), random.pick(ACCOUNTS)];
      const script = random.chance(0.5) ? MOVE : MOVE_SLOWLY;
      const reply = await client.ask('EVAL', script, 3, from, to, `scratch:${i}`, random.between(1, 9));
      if (reply instanceof Error) failed++;
    });
    await client0.close();
    // A script that failed in its middle has taken from the one and not given to the other.
    return async (observer) => (failed > 0 ? [] : sumIs(observer, 0));
  },
};

/** Items are pushed and popped, by clients that wait for them. */
const queues: LabWorkload = {
  name: 'pushes to blocked clients',
  async run(work) {
    const { random } = work;
    const lists = Array.from({ length: 4 }, (_, i) => `queue:${i}`);
    const pushed = new Set<string>();
    const popped: string[] = [];
    let unknown = 0;
    const producers = each(work, 3, async (client, i, t) => {
      const items = Array.from({ length: random.between(1, 3) }, (_, k) => `${i}.${t}.${k}`);
      const reply = await client.ask('LPUSH', random.pick(lists), ...items);
      if (typeof reply === 'number') for (const item of items) pushed.add(item);
    });
    const consumers = each(work, 4, async (client) => {
      const name = random.pick(['BLPOP', 'BRPOP', 'BLMPOP']);
      const keys = [random.pick(lists), random.pick(lists)];
      const command = name === 'BLMPOP' ? [name, '0.05', '2', ...keys, 'LEFT'] : [name, ...keys, '0.05'];
      const reply = await client.ask(...command);
      if (reply === CLOSED) unknown++;
      else if (Array.isArray(reply)) popped.push(...[reply[1]!].flat().map(String));
    });
    await Promise.all([producers, consumers]);
    return async (observer) => {
      const left: string[] = [];
      for (const list of lists) left.push(...((await words(observer, 'LRANGE', list, '0', '-1')) as string[]));
      const found = [...popped, ...left];
      const twice = found.filter((item, i) => found.indexOf(item) !== i);
      const lost = [...pushed].filter((item) => !found.includes(item));
      const findings = twice.length > 0 ? [`came twice: ${twice}`] : [];
      // A pop whose answer did not arrive took one item.
      if (lost.length > unknown) findings.push(`${lost.length} items are lost, ${unknown} pops got no answer: ${lost}`);
      return findings;
    };
  },
};

/** Over 256 KiB: such replies name the memory. */
const BIG = 270_000;

/** Replies that name memory (pins) or lie in many chunks. */
const bigReplies: LabWorkload = {
  name: 'big replies',
  async run(work) {
    const { random } = work;
    const broken: string[] = [];
    await each(work, 4, async (client, i, t) => {
      const key = `big:${random.below(3)}`;
      if (t % 3 === 0) {
        await client.ask('SET', key, String.fromCharCode(97 + random.below(26)).repeat(BIG));
        await client.ask('RPUSH', `rows:${i}`, ...Array.from({ length: 200 }, () => 'row'.repeat(random.below(40))));
      } else if (t % 3 === 1) {
        const replies = await client.askAll([
          ['GET', key],
          ['LRANGE', `rows:${i}`, 0, -1],
          ['GET', key],
        ]);
        for (const text of replies === CLOSED ? [] : [replies[0], replies[2]]) {
          if (typeof text !== 'string') continue;
          if (text.length !== BIG || text !== text[0]!.repeat(BIG))
            broken.push(`GET ${key} gives ${text.length} bytes`);
        }
      } else await client.ask('DEL', key);
    });
    return async () => broken;
  },
};

/** Keys and fields that expire while they are used. */
const expiry: LabWorkload = {
  name: 'expiry',
  async run(work) {
    const { random } = work;
    await each(work, 4, async (client, i) => {
      const key = `short:${random.below(10)}`;
      await client.askAll([
        ['SET', key, 'v'.repeat(random.below(200)), 'PX', random.between(1, 30)],
        ['RPUSH', `${key}:list`, ...Array.from({ length: 30 }, () => 'element')],
        ['PEXPIRE', `${key}:list`, random.between(1, 30)],
        ['HSET', `hash:${i}`, `f${random.below(5)}`, 'v'],
        ['HPEXPIRE', `hash:${i}`, random.between(1, 30), 'FIELDS', 1, `f${random.below(5)}`],
        ['GET', key],
      ]);
    });
    return async (observer) => {
      await until('all keys with a time are gone', async () => {
        // A key that was cut between its making and its time stays.
        const keyspace = String(await words(observer, 'INFO', 'keyspace'));
        return !/expires=[1-9]|subexpiry=[1-9]/.test(keyspace);
      });
      return [];
    };
  },
};

export const WORKLOADS: readonly LabWorkload[] = [transfers, scripts, queues, bigReplies, expiry];
