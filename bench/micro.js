// @ts-check
/**
 * Micro-benchmarks of the hot parts, on the built package and in one thread: parser, reply, lease, ring, slab,
 * dictionary, GET and SET in the executor. `npm run bench -- ring slab` picks some. Each task does BATCH operations a
 * call; the table is in nanoseconds and millions of operations for one of them.
 */
import { Bench } from 'tinybench';
import { shardCommands } from '../dist/modules/shard/commands/table.js';
import { ExecContext } from '../dist/modules/shard/context/context.js';
import { EFFECT_LOG_BYTES, EffectLog } from '../dist/modules/shard/effects/effect-log.js';
import { Executor } from '../dist/modules/shard/execute/executor.js';
import { LeaseSet } from '../dist/modules/shard/execute/lease-set.js';
import { formatDatabases, openDatabases } from '../dist/modules/shard/keyspace/databases.js';
import { TYPES } from '../dist/modules/shard/types/table.js';
import { buildRegistry } from '../dist/modules/shared/command/registry.js';
import { Arena, formatShard } from '../dist/modules/shared/memory/arena.js';
import { SEGMENT_BYTES } from '../dist/modules/shared/memory/ptr.js';
import { alloc, free } from '../dist/modules/shared/memory/slab.js';
import { Args } from '../dist/modules/shared/resp/args.js';
import { PARSED, RespParser } from '../dist/modules/shared/resp/parser.js';
import { Reply } from '../dist/modules/shared/resp/reply.js';
import { StatsBlock } from '../dist/modules/shared/stats/stats-block.js';
import { ControlBlock } from '../dist/modules/shared/sync/control-block.js';
import { LEASE_WORDS, Lease } from '../dist/modules/shared/sync/lease.js';
import { RequestView, readRequest, writeRequest } from '../dist/modules/shared/sync/records.js';
import { createRing, RingConsumer, RingProducer } from '../dist/modules/shared/sync/ring.js';

const BATCH = 1000;
const KEYS = 1_000_000;
const THREAD = 1;

/** @param {number} shards */
function newEngine(shards) {
  /** @type {SharedArrayBuffer[][]} */
  const segments = [];
  const provider = {
    /** @param {number} shard @param {number} index */
    allocate: (shard, index) => {
      const sab = new SharedArrayBuffer(SEGMENT_BYTES);
      /** @type {SharedArrayBuffer[]} */ (segments[shard])[index] = sab;
      return sab;
    },
    /** @param {number} shard @param {number} index */
    attach: (shard, index) => /** @type {SharedArrayBuffer} */ (segments[shard]?.[index]),
  };
  const arenas = Array.from({ length: shards }, (_, shard) => {
    const first = new SharedArrayBuffer(SEGMENT_BYTES);
    segments.push([first]);
    formatShard(first, 0x1234567, 0x7abcdef);
    const arena = new Arena(shard, first, provider);
    formatDatabases(arena, 16);
    return arena;
  });
  const control = ControlBlock.create(1, shards);
  const stats = new StatsBlock(control.sab, control.statsOffset(THREAD));
  const effects = new EffectLog(new SharedArrayBuffer(EFFECT_LOG_BYTES));
  const keyspaces = arenas.map((arena) => openDatabases(arena, TYPES));
  const leases = new LeaseSet(THREAD, arenas);
  const newContext = () => new ExecContext(THREAD, control, stats, effects, arenas, keyspaces, leases, new Map());
  const registry = buildRegistry(shardCommands);
  const executor = new Executor(newContext(), registry, newContext, (where, error) => {
    throw new Error(where, { cause: error });
  });
  return { arena: arenas[0], executor, registry, keyspace: keyspaces[0]?.[0] };
}

/** @param {string} text */
const bytesOf = (text) => Uint8Array.from(Buffer.from(text, 'latin1'));
/** @param {readonly string[]} words */
const command = (words) => `*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
/** @param {number} i */
const keyName = (i) => `key:${String(i).padStart(12, '0')}`;
const randomKey = () => keyName(Math.floor(Math.random() * KEYS));

/** A task that parses a pipeline again and again. @param {string} pipeline */
function parserTask(pipeline) {
  const u8 = bytesOf(pipeline);
  const dv = new DataView(u8.buffer);
  const parser = new RespParser();
  const args = new Args();
  return () => {
    parser.window(u8, dv, 0, u8.length);
    let count = 0;
    while (parser.next(args) === PARSED) count++;
    if (count !== BATCH) throw new Error(`parsed ${count}`);
  };
}

/** A request written into a ring and read again, published in groups of 16. @param {string} request */
function ringTask(request) {
  const u8 = bytesOf(request);
  const parser = new RespParser();
  const args = new Args();
  parser.window(u8, new DataView(u8.buffer), 0, u8.length);
  if (parser.next(args) !== PARSED) throw new Error('not parsed');
  const sab = createRing(1 << 20);
  const producer = new RingProducer(sab);
  const consumer = new RingConsumer(sab);
  const view = new RequestView();
  return () => {
    let read = 0;
    for (let i = 0; i < BATCH; i += 16) {
      for (let k = 0; k < 16 && i + k < BATCH; k++) {
        if (!writeRequest(producer, 1, i, 2, 0, 2, 0, 1, args)) throw new Error('full');
      }
      producer.publish();
      for (let at = consumer.peek(); at >= 0; at = consumer.peek()) {
        if (!readRequest(consumer, at, view) || view.args.argc !== args.argc) throw new Error('not read');
        consumer.advance();
        read++;
      }
      consumer.release();
    }
    if (read !== BATCH) throw new Error(`read ${read}`);
  };
}

/** Cells of mixed sizes, allocated and freed in another order. */
function slabTask() {
  const { arena } = newEngine(1);
  const cells = new Uint32Array(BATCH);
  return () => {
    for (let i = 0; i < BATCH; i++) cells[i] = alloc(/** @type {any} */ (arena), 16 + ((i * 7) & 255));
    for (let i = 0; i < BATCH; i++) free(/** @type {any} */ (arena), /** @type {any} */ (cells[(i * 37) % BATCH]));
  };
}

/** Bulk replies of `bytes` bytes. @param {number} bytes */
function bulkTask(bytes) {
  const u8 = new Uint8Array(bytes).fill(120);
  const reply = new Reply();
  return () => {
    for (let i = 0; i < BATCH; i++) reply.bulk(u8, 0, bytes);
    reply.reset();
  };
}

/** Integer replies of one to six digits. */
function intTask() {
  const reply = new Reply();
  return () => {
    for (let i = 0; i < BATCH; i++) reply.int((i * 997) % 1_000_000);
    reply.reset();
  };
}

/** A free lease taken and given back. */
function leaseTask() {
  const lease = new Lease(new Int32Array(new SharedArrayBuffer(LEASE_WORDS * 4)), 0);
  return () => {
    for (let i = 0; i < BATCH; i++) {
      if (!lease.tryAcquire(THREAD)) throw new Error('held');
      lease.release();
    }
  };
}

/** @param {ReturnType<typeof newEngine>} engine @param {string} pipeline the commands of one call */
function executorTask({ executor, registry }, pipeline) {
  const u8 = bytesOf(pipeline);
  const dv = new DataView(u8.buffer);
  const parser = new RespParser();
  const args = new Args();
  const reply = new Reply();
  const client = { id: 1, db: 0, proto: /** @type {const} */ (2), flags: 0 };
  return () => {
    parser.window(u8, dv, 0, u8.length);
    executor.beginBatch();
    while (parser.next(args) === PARSED) {
      const id = registry.lookup(args.u8, args.off[0] ?? 0, args.len[0] ?? 0);
      if (!executor.tryInline(id, args, reply, client)) throw new Error('not run');
    }
    executor.endBatch();
    reply.reset();
  };
}

/** @param {readonly string[][]} commands */
const pipelineOf = (commands) => commands.map(command).join('');
/** @param {() => string[]} make */
const many = (make) => pipelineOf(Array.from({ length: BATCH }, make));

/** A full dictionary: KEYS keys of 16 bytes with short values. @param {number} shards */
function loadedEngine(shards) {
  const engine = newEngine(shards);
  for (let base = 0; base < KEYS; base += BATCH) {
    executorTask(engine, pipelineOf(Array.from({ length: BATCH }, (_, i) => ['SET', keyName(base + i), 'xxx'])))();
  }
  return engine;
}

/** @param {ReturnType<typeof newEngine>} engine */
function dictionaryTask({ keyspace }) {
  const u8 = bytesOf(Array.from({ length: BATCH }, randomKey).join(''));
  const dv = new DataView(u8.buffer);
  return () => {
    for (let i = 0; i < BATCH; i++) if (keyspace?.find(u8, dv, i * 16, 16) === 0) throw new Error('missing');
  };
}

/**
 * Entries made, inserted, found and removed again beside a million others; an operation is all of it.
 * @param {ReturnType<typeof newEngine>} engine
 */
function insertTask({ keyspace }) {
  if (keyspace === undefined) throw new Error('no keyspace');
  const u8 = bytesOf(Array.from({ length: BATCH }, (_, i) => `new:${String(i * 7919).padStart(12, '0')}`).join(''));
  const dv = new DataView(u8.buffer);
  return () => {
    for (let i = 0; i < BATCH; i++) {
      if (keyspace.find(u8, dv, i * 16, 16) !== 0) throw new Error('there already');
      // Type and encoding 0: an integer string, whose value is the two words in the entry.
      keyspace.insert(keyspace.createEntry(u8, dv, i * 16, 16, 0, 8, -1, 0));
    }
    for (let i = 0; i < BATCH; i++) keyspace.remove(keyspace.find(u8, dv, i * 16, 16));
  };
}

/** @template T @param {() => T} make @returns {() => T} makes it at the first call */
function once(make) {
  /** @type {T | undefined} */
  let made;
  return () => (made ??= make());
}

const loaded = once(() => loadedEngine(1));
const sharded = once(() => loadedEngine(4));
const kilobyte = 'x'.repeat(1024);
const get = () => many(() => ['GET', randomKey()]);
const set = () => many(() => ['SET', randomKey(), 'xxx']);
const mset = () => many(() => ['MSET', ...Array.from({ length: 20 }, randomKey)]);
const setKilobyte = () => many(() => ['SET', keyName(Math.floor(Math.random() * 10_000)), kilobyte]);

/** Half of them pops, so that the list stays as long as it is. */
const pushes = () =>
  pipelineOf([
    ['LPUSH', 'l', 'xxx'],
    ['RPOP', 'l'],
  ]).repeat(BATCH / 2);
const range = () => many(() => ['LRANGE', 'l', '0', '99']);
const listEngine = () => {
  const engine = newEngine(1);
  executorTask(engine, pipelineOf([['RPUSH', 'l', ...Array.from({ length: 1000 }, () => 'xxx')]]))();
  return engine;
};

/** Makes the task of each name. @type {Readonly<Record<string, () => () => void>>} */
const TASKS = {
  'parser GET': () => parserTask(get()),
  'parser SET': () => parserTask(set()),
  'parser SET 1 KiB': () => parserTask(setKilobyte()),
  'parser MSET of 10': () => parserTask(mset()),
  'reply bulk of 3': () => bulkTask(3),
  'reply bulk of 1 KiB': () => bulkTask(1024),
  'reply integer': () => intTask(),
  'lease try and release': () => leaseTask(),
  'ring GET': () => ringTask(command(['GET', randomKey()])),
  'ring SET': () => ringTask(command(['SET', randomKey(), 'xxx'])),
  'ring SET 1 KiB': () => ringTask(command(['SET', randomKey(), kilobyte])),
  'slab alloc and free': () => slabTask(),
  'dictionary find in 1 M': () => dictionaryTask(loaded()),
  'dictionary insert and remove': () => insertTask(loaded()),
  'executor GET': () => executorTask(loaded(), get()),
  'executor SET': () => executorTask(loaded(), set()),
  'executor SET 1 KiB': () => executorTask(newEngine(1), setKilobyte()),
  'executor INCR': () =>
    executorTask(
      newEngine(1),
      many(() => ['INCR', randomKey()]),
    ),
  'executor LPUSH and RPOP': () => executorTask(listEngine(), pushes()),
  'executor LRANGE of 100': () => executorTask(listEngine(), range()),
  'executor GET, 4 shards': () => executorTask(sharded(), get()),
  'executor MSET of 10, 4 shards': () => executorTask(sharded(), mset()),
};

const wanted = process.argv.slice(2);
const bench = new Bench({ time: 500, warmupTime: 200 });
for (const [name, make] of Object.entries(TASKS)) {
  if (wanted.length === 0 || wanted.some((word) => name.includes(word))) bench.add(name, make());
}
await bench.run();
console.log(`Node ${process.version}, ${BATCH} operations a call`);
console.table(
  bench.tasks.map((task) => {
    const result = /** @type {any} */ (task.result);
    const failure = result?.error;
    if (failure) throw failure;
    const ns = (result.latency.p50 * 1e6) / BATCH;
    return { name: task.name, 'ns/op (median)': Number(ns.toFixed(1)), 'M op/s': Number((1e3 / ns).toFixed(2)) };
  }),
);
