// @ts-check
/**
 * Micro-benchmarks of the hot parts, on the built package and in one thread: parser, reply, lease, ring, slab,
 * dictionary, copies, and commands of each family in the executor. `npm run bench -- ring slab` picks some. Each task
 * does BATCH operations a call; the table is in nanoseconds and millions of operations for one of them.
 */
import { Bench } from 'tinybench';
import { shardCommands } from '../dist/modules/shard/commands/table.js';
import { ExecContext } from '../dist/modules/shard/context/context.js';
import { EFFECT_LOG_BYTES, EffectLog } from '../dist/modules/shard/effects/effect-log.js';
import { Executor } from '../dist/modules/shard/execute/executor.js';
import { LeaseSet } from '../dist/modules/shard/execute/lease-set.js';
import { formatDatabases, openDatabases } from '../dist/modules/shard/keyspace/databases.js';
import { TYPES } from '../dist/modules/shard/types/table.js';
import { Placement } from '../dist/modules/shared/command/placement.js';
import { buildRegistry } from '../dist/modules/shared/command/registry.js';
import { Crc64 } from '../dist/modules/shared/crc64.js';
import { slotOf } from '../dist/modules/shared/hash.js';
import { lzfCompress } from '../dist/modules/shared/lzf.js';
import { Arena, formatShard } from '../dist/modules/shared/memory/arena.js';
import { copyBytes, copyWords, moveUp } from '../dist/modules/shared/memory/copy-bytes.js';
import { SEGMENT_BYTES } from '../dist/modules/shared/memory/ptr.js';
import { alloc, free } from '../dist/modules/shared/memory/slab.js';
import { Args } from '../dist/modules/shared/resp/args.js';
import { PARSED, RespParser } from '../dist/modules/shared/resp/parser.js';
import { Reply } from '../dist/modules/shared/resp/reply.js';
import { StatsBlock } from '../dist/modules/shared/stats/stats-block.js';
import { ControlBlock } from '../dist/modules/shared/sync/control-block.js';
import { LEASE_WORDS, Lease } from '../dist/modules/shared/sync/lease.js';
import { RequestHead, RequestView, readRequest, writeRequest } from '../dist/modules/shared/sync/records.js';
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
  const newContext = () => new ExecContext(THREAD, control, stats, effects, arenas, keyspaces, leases);
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
  const head = Object.assign(new RequestHead(), { connId: 1, cmdId: 2, clientId: 1 });
  return () => {
    let read = 0;
    for (let i = 0; i < BATCH; i += 16) {
      for (let k = 0; k < 16 && i + k < BATCH; k++) {
        head.seq = i;
        if (!writeRequest(producer, head, args)) throw new Error('full');
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
  const placement = new Placement(registry, executor.arenas.length);
  return () => {
    parser.window(u8, dv, 0, u8.length);
    executor.beginBatch();
    while (parser.next(args) === PARSED) {
      const id = registry.lookup(args.u8, args.off[0] ?? 0, args.len[0] ?? 0);
      placement.place(id, args);
      if (!executor.tryInline(id, args, reply, client, placement)) throw new Error('not run');
    }
    executor.endBatch();
    reply.reset();
  };
}

/** @param {readonly string[][]} commands */
const pipelineOf = (commands) => commands.map(command).join('');
/** @param {() => string[]} make */
const many = (make) => pipelineOf(Array.from({ length: BATCH }, make));

/**
 * Commands in an engine of their own, after the `first` ones, which fill it.
 * @param {() => string[]} make @param {string[][]} first
 */
function commandTask(make, first = []) {
  const engine = newEngine(1);
  const task = executorTask(engine, many(make));
  if (first.length > 0) executorTask(engine, pipelineOf(first))();
  return task;
}

/** Something done to `bytes` bytes of unequal text. @param {number} bytes @param {(u8: Uint8Array) => unknown} work */
function bytesTask(bytes, work) {
  const u8 = bytesOf(many(() => ['SET', randomKey(), 'xxx']).slice(0, bytes));
  return () => {
    for (let i = 0; i < BATCH; i++) work(u8);
  };
}

/**
 * One of the ways to copy between two arrays.
 * @param {(to: Uint8Array, toView: DataView, from: Uint8Array, fromView: DataView) => void} copy
 */
function copyTask(copy) {
  const from = new Uint8Array(4096);
  const to = new Uint8Array(new SharedArrayBuffer(4096));
  const fromView = new DataView(from.buffer);
  const toView = new DataView(to.buffer);
  return () => {
    for (let i = 0; i < BATCH; i++) copy(to, toView, from, fromView);
  };
}

/** The number of each command, looked up by its name. */
function registryTask() {
  const { registry } = newEngine(1);
  const names = registry.defs.slice(0, 100).map((def) => bytesOf(def.name));
  return () => {
    for (let i = 0; i < BATCH; i++) {
      const name = /** @type {Uint8Array} */ (names[i % names.length]);
      if (registry.lookup(name, 0, name.length) < 0) throw new Error('unknown');
    }
  };
}

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

const upTo = (/** @type {number} */ n) => String(Math.floor(Math.random() * n));
const degrees = () => (Math.random() * 10).toFixed(5);
const places = () =>
  Array.from({ length: 1000 }, () => ['GEOADD', 'geo', degrees(), degrees(), `place:${upTo(10_000)}`]);
const near = () => ['GEOSEARCH', 'geo', 'FROMLONLAT', degrees(), degrees(), 'BYRADIUS', '10', 'km'];
const thousands = () => Array.from({ length: 10_000 }, (_, i) => ['PFADD', 'hll', `other:${i}`]);
const geoAdd = () => ['GEOADD', 'geo', degrees(), degrees(), `place:${upTo(10_000)}`];

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
  'executor SETBIT': () => commandTask(() => ['SETBIT', 'bits', upTo(100_000), '1']),
  'executor GETBIT': () => commandTask(() => ['GETBIT', 'bits', upTo(100_000)], [['SETBIT', 'bits', '100000', '1']]),
  'executor BITCOUNT of 1 KiB': () => commandTask(() => ['BITCOUNT', 'bits'], [['SET', 'bits', kilobyte]]),
  'executor BITOP of 1 KiB': () => commandTask(() => ['BITOP', 'NOT', 'to', 'bits'], [['SET', 'bits', kilobyte]]),
  'executor HSET': () => commandTask(() => ['HSET', 'hash', `field:${upTo(10_000)}`, 'xxx']),
  'executor HGET': () => commandTask(() => ['HGET', 'hash', 'field'], [['HSET', 'hash', 'field', 'xxx']]),
  'executor SADD': () => commandTask(() => ['SADD', 'set', `member:${upTo(10_000)}`]),
  'executor SADD of integers': () => commandTask(() => ['SADD', 'set', upTo(500)]),
  'executor ZADD': () => commandTask(() => ['ZADD', 'zset', upTo(1_000_000), `member:${upTo(10_000)}`]),
  'executor ZADD of few': () => commandTask(() => ['ZADD', 'zset', upTo(1_000_000), `member:${upTo(100)}`]),
  'executor XADD': () => commandTask(() => ['XADD', 'stream', 'MAXLEN', '~', '10000', '*', 'field', 'xxx']),
  'executor PFADD, sparse': () => commandTask(() => ['PFADD', 'hll', `member:${upTo(1_000_000)}`]),
  'executor PFADD, dense': () => commandTask(() => ['PFADD', 'hll', `member:${upTo(1_000_000)}`], thousands()),
  'executor GEOADD': () => commandTask(geoAdd),
  'executor GEOSEARCH': () => commandTask(near, places()),
  'registry lookup': () => registryTask(),
  slotOf: () => bytesTask(16, (u8) => slotOf(u8, 0, 16)),
  'copyBytes of 16': () => copyTask((to, _toView, from) => copyBytes(to, 16, from, 32, 16)),
  'copyBytes of 1 KiB': () => copyTask((to, _toView, from) => copyBytes(to, 16, from, 32, 1024)),
  'copyWords of 16': () => copyTask((to, toView, from, fromView) => copyWords(to, toView, 16, from, fromView, 32, 16)),
  'moveUp of 64': () => copyTask((to, toView) => moveUp(to, toView, 16, 8, 64)),
  'crc64 of 1 KiB': once(() => {
    const crc = new Crc64();
    return bytesTask(1024, (u8) => crc.update(u8, 0, 1024));
  }),
  'lzfCompress of 1 KiB': () => {
    const to = new Uint8Array(2048);
    return bytesTask(1024, (u8) => lzfCompress(u8, 0, 1024, to, 0, 2048));
  },
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
