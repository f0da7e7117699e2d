/** What the main thread does with the leases of a dead thread: it checks the shards, and frees the sound ones (#12). */
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { isLoss, ShardLeases } from '../../../src/main/threads/shard-leases.js';
import {
  CTL_BLOCKED,
  CTL_GARBAGE,
  CTL_LEASE,
  CTL_PARTIAL,
  CTL_WATCHED,
  CTL_WATCHED_COUNT,
} from '../../../src/shared/memory/arena.js';
import { alloc } from '../../../src/shared/memory/slab.js';
import { CONTROL, THREAD } from '../../../src/shared/sync/control-block.js';
import { TestEngine } from '../engine-harness.js';

const DEAD = 3;
const OTHER = 4;

/** A server of two shards with some data; `DEAD` holds both leases. */
function scene(writing: boolean) {
  const engine = new TestEngine(2);
  for (let i = 0; i < 12; i++) {
    engine.call('SET', `string:${i}`, 'v'.repeat(i));
    engine.call('RPUSH', `list:${i}`, ...Array.from({ length: 40 }, () => 'element'.repeat(40)));
    engine.call('HSET', `hash:${i}`, ...Array.from({ length: 400 }, (_, k) => `f${k}`));
    engine.call('ZADD', `zset:${i}`, ...Array.from({ length: 200 }, (_, k) => [k, `member:${k}`]).flat());
  }
  const buffers = engine.arenas.map((arena) => arena.ctl.buffer as SharedArrayBuffer);
  const leases = new ShardLeases({ find: (shard) => buffers[shard]! }, engine.control);
  for (const shard of [0, 1]) expect(leases.lease(shard).tryAcquire(DEAD)).toBe(true);
  const word = engine.control.threadWord(DEAD) + THREAD.writing;
  engine.control.i32[word] = writing ? 1 : 0;
  const log: string[] = [];
  const bury = () => leases.breakOf(DEAD, (level, text) => log.push(`${level}: ${text}`));
  return { engine, leases, log, bury, isWriting: () => engine.control.i32[word] };
}

describe('#12 the leases of a dead thread', () => {
  test('of one that was changing nothing are given free as they are', () => {
    const { engine, leases, log, bury } = scene(false);
    // Nobody looks: it would be found.
    engine.arenas[0]!.ctl[CTL_PARTIAL] = 99;
    expect(bury()).toEqual({ held: true, torn: null });
    expect([leases.lease(0).holder(), leases.lease(1).holder()]).toEqual([0, 0]);
    expect(log[0]).toMatch(/^notice: .* died before it changed anything$/);
  });

  test('of one that was changing something are given free when the shards are sound', () => {
    const { leases, log, bury, isWriting } = scene(true);
    expect(bury()).toEqual({ held: true, torn: null });
    expect([leases.lease(0).holder(), leases.lease(1).holder()]).toEqual([0, 0]);
    expect(log[1]).toMatch(/^warning: the lease of shard 1 .* in the middle of a change; its memory is sound$/);
    expect(isWriting()).toBe(0);
    expect(bury()).toEqual({ held: false, torn: null });
  });

  test('are given free when cells are only lost', () => {
    const { engine, leases, log, bury } = scene(true);
    alloc(engine.arenas[1]!, 40);
    expect(bury()).toEqual({ held: true, torn: null });
    expect(leases.lease(1).holder()).toBe(0);
    expect(log.join()).toContain('warning: shard 1 has lost some memory');
  });

  test('are given free with the number of watched keys counted again', () => {
    const { engine, leases, bury } = scene(true);
    for (const shard of [0, 1]) leases.lease(shard).release();
    engine.call('WATCH', 'a', 'b', 'c', 'd');
    for (const shard of [0, 1]) expect(leases.lease(shard).tryAcquire(DEAD)).toBe(true);
    const { i32 } = engine.control;
    // The key was counted, and is not in the table yet.
    i32[CONTROL.watchedKeys]!++;
    engine.arenas[1]!.ctl[CTL_WATCHED_COUNT]!++;
    expect(bury()).toEqual({ held: true, torn: null });
    expect(i32[CONTROL.watchedKeys]).toBe(4);
  });

  test('stay taken where memory is damaged, and the reason is one line', () => {
    const { engine, leases, bury } = scene(true);
    engine.arenas[1]!.ctl[CTL_WATCHED] = 12345;
    const { held, torn } = bury();
    expect(held).toBe(true);
    expect(torn).toMatch(/^shard 1: [^\n]+$/);
    expect([leases.lease(0).holder(), leases.lease(1).holder()]).toEqual([0, DEAD]);
  });

  test('are those of the dead thread only', () => {
    const { engine, leases, bury } = scene(true);
    leases.lease(0).release();
    expect(leases.lease(0).tryAcquire(OTHER)).toBe(true);
    engine.arenas[0]!.ctl[CTL_WATCHED] = 12345;
    expect(bury()).toEqual({ held: true, torn: null });
    expect(leases.lease(0).holder()).toBe(OTHER);
  });

  test('wake whoever sleeps on a lease that is free already', async () => {
    const { leases, bury } = scene(false);
    // It gave the lease back, and died before it woke anybody.
    const words = leases.words(1);
    const state = Atomics.or(words, CTL_LEASE, 1) | 1;
    const sleeper = new Worker(
      `const { workerData: { words, at, state } } = require('node:worker_threads');
       Atomics.store(words, at + 2, 1);
       process.exit(Atomics.wait(words, at, state, 20_000) === 'ok' ? 7 : 8);`,
      { eval: true, workerData: { words, at: CTL_LEASE, state } },
    );
    const ended = new Promise((resolve) => sleeper.once('exit', resolve));
    while (Atomics.load(words, CTL_LEASE + 2) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise((resolve) => setTimeout(resolve, 50));
    Atomics.store(words, CTL_LEASE, 0);
    bury();
    expect(await ended).toBe(7);
  });
});

describe('#12 the check of a torn shard comes to an end', () => {
  /** Words of cells of all kinds, each made to name each other cell, itself among them. */
  test.each(Array.from({ length: 8 }, (_, i) => i))('whatever its pointers are: %d', (seed) => {
    const { engine, leases, bury } = scene(true);
    const arena = engine.arenas[0]!;
    const { i32 } = arena;
    let n = 1 + seed * 7919;
    const next = (below: number): number => {
      n = (Math.imul(n, 1103515245) + 12345) & 0x7fffffff;
      return n % below;
    };
    // The pages that are in use lie behind the first one.
    for (let k = 0; k < 400; k++) {
      const at = (1 << 16) + next(6 << 16);
      i32[0]![at] = next(3) === 0 ? i32[0]![(1 << 16) + next(6 << 16)]! : (1 << 15) + next(6 << 15);
    }
    for (const word of [CTL_BLOCKED, CTL_WATCHED, CTL_GARBAGE]) arena.ctl[word] = (1 << 15) + next(6 << 15);
    expect(bury().torn).toMatch(/^shard 0: /);
    expect(leases.lease(0).holder()).toBe(DEAD);
  });
});

test('#12 a finding is a loss when nobody can reach what it is about', () => {
  expect(isLoss('page 3 (class 0): used 2, reached 1')).toBe(true);
  expect(isLoss('page 3 (class 0): used 1, reached 2')).toBe(false);
  expect(isLoss('used bytes 5352, reached 5296')).toBe(true);
  expect(isLoss('blocked clients: request at 77: 1 waiters, 2 counted')).toBe(true);
  expect(isLoss('blocked clients: request at 77: 2 waiters, 1 counted')).toBe(false);
  expect(isLoss('entry at 64 is on the free list')).toBe(false);
});
