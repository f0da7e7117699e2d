import { describe, expect, it } from 'vitest';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { keyWord } from '../../../src/shard/entry/entry.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import type { Keyspace } from '../../../src/shard/keyspace/keyspace.js';
import { walkTables } from '../../../src/shard/keyspace/walk.js';
import { R_COUNT, R_DEPTH, R_DIR, R_VOLATILE } from '../../../src/shard/structures/extendible.js';
import {
  BUCKET_PTRS,
  BUCKETS,
  bucketWord,
  SLOTS_PER_BUCKET,
  T_COUNT,
  T_DEPTH,
  T_MIN_EXPIRE,
  T_PREFIX,
  T_STASHED,
} from '../../../src/shard/structures/table.js';
import { TYPES } from '../../../src/shard/types/table.js';
import {
  type Arena,
  CTL_DB_ROOTS,
  CTL_FREE_PAGES,
  CTL_GARBAGE,
  CTL_NEXT_PAGE,
  CTL_PARTIAL,
  CTL_USED_BYTES_F64,
} from '../../../src/shared/memory/arena.js';
import { segmentOf, wordIndex } from '../../../src/shared/memory/cell.js';
import type { Ptr } from '../../../src/shared/memory/ptr.js';
import { alloc, free } from '../../../src/shared/memory/slab.js';
import { SeededRandom, seedFrom } from '../../harness/random.js';
import { TestEngine, type Word } from '../engine-harness.js';

const seed = seedFrom('FSCK_SEED');

function check(engine: TestEngine): string[] {
  return engine.arenas.flatMap((arena) => {
    arena.sync();
    return fsckShard(arena, openDatabases(arena, TYPES));
  });
}

function randomCommand(random: SeededRandom, keys: number): Word[] {
  const key = (): string => {
    const name = `key:${random.below(keys)}`;
    return random.chance(0.02) ? name.padEnd(8190 + random.below(70_000), 'k') : name;
  };
  const value = (): string => 'v'.repeat(random.pick([0, 3, 40, 253, 254, 255, 300, 9000, 16_400, 66_000, 120_000]));
  switch (random.below(20)) {
    case 0:
    case 1:
      return ['DEL', key(), key()];
    case 2:
      return ['SET', key(), value()];
    case 3:
      return ['APPEND', key(), value()];
    case 4:
      return ['SETRANGE', key(), random.below(200_000), value()];
    case 5:
      return ['SETBIT', key(), random.below(2_000_000), random.below(2)];
    case 6:
      return ['EXPIRE', key(), random.between(-1, 100)];
    case 7:
      return ['PERSIST', key()];
    case 8:
      return ['RENAME', key(), key()];
    case 9:
      return ['COPY', key(), key(), 'DB', random.below(2), 'REPLACE'];
    case 10:
      return ['MOVE', key(), random.below(2)];
    case 11:
      return ['BITOP', 'XOR', key(), key(), key()];
    case 12:
      return ['INCRBYFLOAT', key(), 0.5];
    case 13:
      return random.chance(0.02) ? ['FLUSHDB', random.pick(['ASYNC', 'SYNC'])] : ['GETDEL', key()];
    case 14:
      return random.chance(0.1) ? ['SWAPDB', 0, 1] : ['GETEX', key(), 'PX', random.between(1, 5000)];
    default:
      return ['SET', key(), random.below(1000), 'PX', random.between(1, 100_000)];
  }
}

describe(`fsck (FSCK_SEED=${seed})`, () => {
  it.each([
    [1, 50],
    [1, 5000],
    [3, 1500],
  ])('finds nothing after random commands: %i shards, %i keys', (shards, keys) => {
    const random = new SeededRandom(seed);
    const engine = new TestEngine(shards);
    expect(check(engine)).toEqual([]);
    for (let round = 0; round < 8; round++) {
      for (let n = 0; n < 600; n++) {
        engine.db = random.below(2);
        engine.call(...randomCommand(random, keys));
      }
      expect(check(engine), `round ${round}`).toEqual([]);
      engine.advance(random.below(3000));
      if (round % 3 === 1) for (let shard = 0; shard < shards; shard++) engine.executor.idleWork(200, shard);
      expect(check(engine), `round ${round}, after idle work`).toEqual([]);
    }
    engine.call('FLUSHALL');
    expect(check(engine)).toEqual([]);
  });

  it('knows what FLUSHALL gave up and what is freed of it', () => {
    const engine = new TestEngine();
    for (let n = 0; n < 5000; n++) engine.call('SET', `key:${n}`, n % 100 === 0 ? 'x'.repeat(20_000) : n);
    engine.call('FLUSHALL', 'ASYNC');
    for (let n = 0; n < 100; n++) engine.call('SET', `key:${n}`, n);
    expect(engine.arenas[0]!.ctl[CTL_GARBAGE]).not.toBe(0);
    expect(check(engine)).toEqual([]);
    while (engine.executor.idleWork(20, 0)) expect(check(engine)).toEqual([]);
    expect(engine.arenas[0]!.ctl[CTL_GARBAGE]).toBe(0);
    expect(check(engine)).toEqual([]);
  });

  it('grows and shrinks a dictionary of many tables', () => {
    const engine = new TestEngine();
    for (let n = 0; n < 20_000; n++) engine.call('SET', `key:${n}`, n);
    expect(check(engine)).toEqual([]);
    for (let n = 0; n < 20_000; n++) if (n % 1000 !== 0) engine.call('DEL', `key:${n}`);
    expect(check(engine)).toEqual([]);
    for (let n = 0; n < 20_000; n += 1000) engine.call('DEL', `key:${n}`);
    expect(check(engine)).toEqual([]);
  });
});

/** An engine with some of everything, to be damaged. */
class Patient {
  readonly engine = new TestEngine();
  readonly arena: Arena = this.engine.arenas[0]!;
  readonly keyspace: Keyspace = openDatabases(this.arena, TYPES)[0]!;
  readonly root: number = this.keyspace.dict.root;

  constructor() {
    for (let n = 0; n < 1200; n++) this.engine.call('SET', `key:${n}`, `value:${n}`, ...(n % 3 ? [] : ['EX', 100]));
    this.engine.call('SET', 'blob', 'x'.repeat(200_000));
    this.engine.call('SET', 'K'.repeat(9000), 'y');
    expect(check(this.engine)).toEqual([]);
  }

  entry(key: string): Ptr {
    const u8 = Uint8Array.from(Buffer.from(key));
    return this.keyspace.find(u8, new DataView(u8.buffer), 0, u8.length);
  }

  /** Word index of a cell in segment 0. */
  word(ptr: Ptr): number {
    if (segmentOf(ptr) !== 0) throw new Error('not in segment 0');
    return wordIndex(ptr);
  }

  /** Word index of the first table. */
  table(): number {
    return this.word([...walkTables(this.keyspace.dict)][0]!);
  }

  /** Word indexes of slots in use, in the regular buckets of the first table. */
  slots(): number[] {
    const tw = this.table();
    const slots: number[] = [];
    for (let b = 0; b < BUCKETS; b++) {
      for (let slot = 0; slot < SLOTS_PER_BUCKET; slot++) {
        const w = bucketWord(tw, b) + BUCKET_PTRS + slot;
        if (this.arena.ctl[w] !== 0) slots.push(w);
      }
    }
    return slots;
  }
}

/** Where the value of `blob` lies: its directory's pointer and its length. */
function blobWord(p: Patient): number {
  return keyWord(p.arena, p.entry('blob')) + 1;
}

const DAMAGES: readonly [string, (p: Patient, w: Int32Array) => void, RegExp][] = [
  ['a cell that nothing points to', (p) => void alloc(p.arena, 100), /used \d+, reached \d+/],
  ['an entry that was freed', (p) => free(p.arena, p.entry('key:1')), /free list/],
  ['a byte total that is wrong', (p) => void (p.arena.ctlF64[CTL_USED_BYTES_F64]! += 16), /used bytes/],
  ['an entry in two slots', (p, w) => void (w[p.slots()[0]!] = w[p.slots()[1]!]!), /reached twice/],
  ['entries in the wrong buckets', swapEntries, /fingerprint|entry of bucket|foreign/],
  ['a pointer between cells', (p, w) => void w[p.slots()[0]!]!++, /at no cell|free list|reached twice/],
  ['a pointer out of the arena', (p, w) => void (w[p.slots()[0]!] = -12345), /no slab page/],
  ['a slot whose pointer is gone', (p, w) => void (w[p.slots()[0]!] = 0), /no slab page/],
  ['a fingerprint', (p, w) => void (w[bucketWord(p.table(), 5) + 1]! ^= 1), /fingerprint|free slot/],
  ['a count of neighbours', (p, w) => void (w[bucketWord(p.table(), 5)]! ^= 1 << 24), /neighbours/],
  ['a count of stashed keys', (p, w) => void (w[bucketWord(p.table(), 5)]! ^= 1 << 28), /stashed/],
  ['a count of the stash', (p, w) => void w[p.table() + T_STASHED]!++, /stashed/],
  ['a count of a table', (p, w) => void w[p.table() + T_COUNT]!++, /counted/],
  ['a table that claims another depth', (p, w) => void w[p.table() + T_DEPTH]!++, /depth|directory position|foreign/],
  ['a table of impossible depth', (p, w) => void (w[p.table() + T_DEPTH] = 1000), /depth|directory position/],
  ['a table with another prefix', (p, w) => void (w[p.table() + T_PREFIX]! ^= 0x4000), /prefix/],
  ['a bound of expiry that is too late', lateBound, /bound/],
  ['a count of keys', (p, w) => void w[p.root + R_COUNT]!++, /keys, \d+ counted/],
  ['a count of expiring keys', (p, w) => void w[p.root + R_VOLATILE]!++, /expiring/],
  ['a directory that is none', (p, w) => void (w[p.root + R_DIR] = 777), /no slab page/],
  ['a directory that is gone', (p, w) => void (w[p.root + R_DIR] = 0), /no directory/],
  ['a directory of impossible depth', (p, w) => void (w[p.root + R_DEPTH] = 40), /depth/],
  ['roots that are none', (_p, w) => void (w[CTL_DB_ROOTS] = 3), /roots/],
  ['a type that does not exist', (p, w) => void (w[p.word(p.entry('key:1'))]! |= 15), /head/],
  ['a key that is too long', (p, w) => void (w[p.word(p.entry('key:1'))]! |= 0x1fff0000), /head/],
  ['a key with a changed byte', (p, w) => void (w[keyWord(p.arena, p.entry('key:1'))]! ^= 1), /fingerprint|bucket/],
  ['padding that is not zero', (p, w) => void (w[keyWord(p.arena, p.entry('key:1')) + 1]! ^= 1 << 24), /padding/],
  ['a value longer than its cell', (p, w) => void (w[p.word(p.entry('key:1')) + 1]! |= 0xf0), /in a cell of/],
  ['a directory of a value that is none', (p, w) => void (w[blobWord(p)] = 5), /no slab page/],
  ['a block used twice', doubleBlock, /reached twice/],
  ['a value that lost a block', (p, w) => void (w[p.word(w[blobWord(p)]! as Ptr)] = 0), /used \d+, reached \d+/],
  ['a page that is lost', (_p, w) => void w[CTL_NEXT_PAGE]!++, /lost/],
  ['a free page with a class', (_p, w) => void (w[CTL_FREE_PAGES] = 1), /free page/],
  ['a page that is not on its list', unlistPages, /listed false/],
  ['garbage that is none', (_p, w) => void (w[CTL_GARBAGE] = 4), /garbage/],
];

function swapEntries(p: Patient, w: Int32Array): void {
  const slots = p.slots();
  const [a, b] = [slots[0]!, slots.at(-1)!];
  [w[a], w[b]] = [w[b]!, w[a]!];
}

function lateBound(p: Patient): void {
  p.arena.ctlF64[(p.table() + T_MIN_EXPIRE) >> 1]! += 1e9;
}

function doubleBlock(p: Patient, w: Int32Array): void {
  const directory = p.word(w[blobWord(p)]! as Ptr);
  w[directory] = w[directory + 1]!;
}

function unlistPages(_p: Patient, w: Int32Array): void {
  w.fill(0, CTL_PARTIAL, CTL_PARTIAL + 96);
}

describe('fsck of a damaged shard', () => {
  it.each(DAMAGES)('finds %s', (_name, damage, finding) => {
    const patient = new Patient();
    damage(patient, patient.arena.ctl);
    expect(check(patient.engine).join('\n')).toMatch(finding);
  });

  it(`ends with an answer whatever is damaged (FSCK_SEED=${seed})`, { timeout: 60_000 }, () => {
    const random = new SeededRandom(seed);
    const patient = new Patient();
    const words = patient.arena.ctl;
    const pages = patient.arena.ctl[CTL_NEXT_PAGE]!;
    const healthy = words.slice(0, pages << 16);
    let found = 0;
    for (let round = 0; round < 60; round++) {
      words.set(healthy);
      for (let n = 0; n < 20; n++) {
        const word = random.chance(0.5) ? random.pick([patient.root, patient.table(), ...patient.slots()]) : 0;
        const at = word === 0 ? (1 << 16) + random.below((pages - 1) << 16) : word;
        words[at] = random.pick([0, -1, random.below(2 ** 31), words[at]! ^ (1 << random.below(31))]);
        if (word !== 0) break;
      }
      if (check(patient.engine).length > 0) found++;
    }
    expect(found).toBeGreaterThan(20);
    words.set(healthy);
    expect(check(patient.engine)).toEqual([]);
  });
});
