/**
 * What the clients of the live test do: random actions over families of a few keys, so that they meet often. Every
 * value written is new, so that a reply tells who wrote what it shows.
 */
import type { SeededRandom } from '../harness/random.js';
import type { Action } from './operation.js';

/** Keys by family; the members of a family lie on different shards. */
const FAMILIES = {
  number: ['n1', 'n2', 'n3', 'n4'],
  text: ['t1', 't2', 't3'],
  list: ['l1', 'l2', 'l3'],
  set: ['s1', 's2', 's3'],
  hash: ['h1', 'h2'],
} as const;

type Family = keyof typeof FAMILIES;
const NAMES = Object.keys(FAMILIES) as Family[];
export const ALL_KEYS: readonly string[] = Object.values(FAMILIES).flat();

/** Blocking commands wait so long, seconds. */
const BLOCK_SECONDS = '0.02';

type Row = (random: SeededRandom, keys: readonly string[], fresh: () => string) => string[];

const command =
  (name: string, keyCount: number, ...more: ((random: SeededRandom, fresh: () => string) => string)[]): Row =>
  (random, keys, fresh) => [name, ...pickKeys(random, keys, keyCount), ...more.map((make) => make(random, fresh))];

const value = (_random: SeededRandom, fresh: () => string): string => fresh();
const amount = (random: SeededRandom): string => String(random.between(1, 5));
const member = (random: SeededRandom): string => random.pick(['a', 'b', 'c', 'd']);
const end = (random: SeededRandom): string => random.pick(['LEFT', 'RIGHT']);
const all = (): string => '-1';
const zero = (): string => '0';

const pairs =
  (name: string, make: (random: SeededRandom, fresh: () => string) => string): Row =>
  (random, keys, fresh) => [name, ...pickKeys(random, keys, 2).flatMap((key) => [key, make(random, fresh)])];

/** What is done to the keys of a family; a row that stands twice comes twice as often. */
const ROWS: Readonly<Record<Family, readonly Row[]>> = {
  number: [
    command('INCR', 1),
    command('INCR', 1),
    command('INCRBY', 1, amount),
    command('DECRBY', 1, amount),
    command('GET', 1),
    command('MGET', 3),
    command('MGET', 4),
    pairs('MSET', (random) => String(random.below(1000))),
    command('RENAME', 2),
    command('COPY', 2, () => 'REPLACE'),
    command('DEL', 2),
  ],
  text: [
    command('SET', 1, value),
    command('GET', 1),
    command('GETSET', 1, value),
    command('SETNX', 1, value),
    command('APPEND', 1, value),
    command('STRLEN', 1),
    command('MGET', 3),
    pairs('MSET', value),
    pairs('MSETNX', value),
    command('DEL', 1),
    command('EXISTS', 3),
    command('RENAME', 2),
  ],
  list: [
    command('LPUSH', 1, value),
    command('RPUSH', 1, value),
    command('RPUSH', 1, value, value),
    command('LPOP', 1),
    command('RPOP', 1),
    command('LLEN', 1),
    command('LRANGE', 1, zero, all),
    command('LMOVE', 2, end, end),
    command('LMOVE', 2, end, end),
    command('RENAME', 2),
    command('DEL', 1),
  ],
  set: [
    command('SADD', 1, member),
    command('SADD', 1, member, member),
    command('SREM', 1, member),
    command('SMOVE', 2, member),
    command('SMOVE', 2, member),
    command('SMEMBERS', 1),
    command('SUNION', 3),
    command('SUNIONSTORE', 3),
    command('SISMEMBER', 1, member),
    command('DEL', 1),
  ],
  hash: [
    command('HINCRBY', 1, member, amount),
    command('HINCRBY', 1, member, amount),
    command('HGETALL', 1),
    command('HGET', 1, member),
    command('HSET', 1, member, amount),
    command('HDEL', 1, member),
    command('RENAME', 2),
    command('DEL', 1),
  ],
};

/** The read of a whole value, for transactions. */
const READS: Readonly<Record<Family, (key: string) => string[]>> = {
  number: (key) => ['GET', key],
  text: (key) => ['GET', key],
  list: (key) => ['LRANGE', key, '0', '-1'],
  set: (key) => ['SMEMBERS', key],
  hash: (key) => ['HGETALL', key],
};

function pickKeys(random: SeededRandom, keys: readonly string[], count: number): string[] {
  const left = [...keys];
  return Array.from({ length: Math.min(count, left.length) }, () => left.splice(random.below(left.length), 1)[0]!);
}

export class Workload {
  readonly #random: SeededRandom;
  readonly #client: string;
  #written = 0;
  readonly #fresh = (): string => `${this.#client}.${++this.#written}`;

  constructor(random: SeededRandom, client: string) {
    this.#random = random;
    this.#client = client;
  }

  /** What is sent in one go; the answers to all are awaited before the next. */
  next(): Action[] {
    const random = this.#random;
    if (!random.chance(0.3)) return [this.#action()];
    return Array.from({ length: random.between(2, 5) }, () => this.#action());
  }

  /** A transaction under WATCH, in the steps in which it is sent: what was read is written again, changed. */
  watched(): { readonly watch: Action; readonly reads: readonly Action[]; readonly transaction: Action } {
    const family = this.#family();
    const keys = pickKeys(this.#random, FAMILIES[family], this.#random.between(1, 2));
    return {
      watch: { type: 'command', args: ['WATCH', ...keys] },
      reads: keys.map((key): Action => ({ type: 'command', args: READS[family](key) })),
      transaction: { type: 'transaction', commands: this.#queue(family), watched: keys },
    };
  }

  wantsWatch(): boolean {
    return this.#random.chance(0.2);
  }

  /** How long to wait before the next action, ms: what is over before others begin says more than what overlaps. */
  pauseMs(isInWatch: boolean): number {
    return isInWatch || this.#random.chance(0.3) ? this.#random.between(1, 4) : 0;
  }

  #family(): Family {
    return this.#random.pick(NAMES);
  }

  #action(): Action {
    const random = this.#random;
    const dice = random.next();
    const family = this.#family();
    if (dice < 0.12) return { type: 'transaction', commands: this.#queue(family), watched: [] };
    if (dice < 0.22) return this.#script();
    if (dice < 0.26) return { type: 'command', args: this.#blocking() };
    if (dice < 0.28) return { type: 'command', args: this.#mixed() };
    return { type: 'command', args: this.#command(family) };
  }

  #command(family: Family): string[] {
    return this.#random.pick(ROWS[family])(this.#random, FAMILIES[family], this.#fresh);
  }

  #queue(family: Family): string[][] {
    const other = this.#random.chance(0.1) ? this.#family() : family;
    return Array.from({ length: this.#random.between(1, 4) }, (_, i) => this.#command(i === 1 ? other : family));
  }

  /** A command over the keys of two families, which may leave a key with a value of the wrong type. */
  #mixed(): string[] {
    const random = this.#random;
    const keys = pickKeys(random, ALL_KEYS, 2);
    return [random.pick(['EXISTS', 'DEL', 'RENAME']), ...keys];
  }

  #blocking(): string[] {
    const random = this.#random;
    if (random.chance(0.4)) {
      return ['BLMOVE', ...pickKeys(random, FAMILIES.list, 2), end(random), end(random), BLOCK_SECONDS];
    }
    return ['BLPOP', ...pickKeys(random, FAMILIES.list, random.between(1, 2)), BLOCK_SECONDS];
  }

  #script(): Action {
    const random = this.#random;
    const numbers = pickKeys(random, FAMILIES.number, 2);
    const texts = pickKeys(random, FAMILIES.text, 2);
    const lists = pickKeys(random, FAMILIES.list, 3);
    const declared = (script: string, keys: readonly string[], args: readonly string[] = []): Action => ({
      type: 'script',
      script,
      keys,
      args,
    });
    switch (random.below(6)) {
      case 0:
        return declared('transfer', numbers, [amount(random)]);
      case 1:
        return declared('readTwice', random.chance(0.5) ? numbers : texts);
      case 2:
        return declared('compareAndSet', [texts[0]!], [`${this.#client}.${this.#written}`, this.#fresh()]);
      case 3:
        return declared('moveTwo', lists.slice(0, 2));
      case 4:
        return declared('swapUndeclared', [], random.chance(0.5) ? numbers : texts);
      default:
        return declared('drainUndeclared', [], lists.slice(0, 2));
    }
  }
}
