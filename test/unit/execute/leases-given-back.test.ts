/** Leases that somebody else wants: a thread gives them back, and waits for none while it sits on others (#12). */
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { LeaseSet } from '../../../src/shard/execute/lease-set.js';
import { CTL_LEASE } from '../../../src/shared/memory/arena.js';
import { Reply } from '../../../src/shared/resp/reply.js';
import { Lease } from '../../../src/shared/sync/lease.js';
import { TestEngine, wordsToArgs } from '../engine-harness.js';

const SHARDS = 3;
const CLIENT = { id: 1, db: 0, proto: 2, flags: 0 } as const;

/** Runs commands as one batch of a shard thread; `between` comes behind each. */
function batch(engine: TestEngine, commands: readonly string[][], between: (i: number) => void): void {
  engine.executor.beginBatch();
  for (const [i, words] of commands.entries()) {
    engine.executor.executeBlocking(
      engine.registry.idOf(words[0]!.toLowerCase()),
      wordsToArgs(words),
      new Reply(),
      CLIENT,
    );
    between(i);
  }
  engine.executor.endBatch();
}

const held = (engine: TestEngine): number =>
  engine.arenas.filter((arena) => new Lease(arena.ctl, CTL_LEASE).holder() !== 0).length;

describe('#12 after a command over all shards', () => {
  const many = ['MSET', ...Array.from({ length: 30 }, (_, i) => [`key:${i}`, 'v']).flat()];

  test('the leases of other shards go back when somebody wants one of them', () => {
    for (let wanted = 0; wanted < SHARDS; wanted++) {
      const engine = new TestEngine(SHARDS);
      const after: number[] = [];
      batch(engine, [many, ['GET', 'key:1']], (i) => {
        after.push(held(engine));
        if (i === 0) Atomics.or(engine.arenas[wanted]!.ctl, CTL_LEASE, 1);
      });
      expect(after).toEqual([SHARDS, 1]);
    }
  });

  test('they are kept for the next such command as long as nobody does', () => {
    const engine = new TestEngine(SHARDS);
    const after: number[] = [];
    batch(engine, [many, many], () => after.push(held(engine)));
    expect(after).toEqual([SHARDS, SHARDS]);
    expect(held(engine)).toBe(0);
  });
});

test('#12 whoever waits for a late lease gives back the lower ones meanwhile', async () => {
  const engine = new TestEngine(SHARDS);
  const [low, late] = [engine.arenas[0]!.ctl, engine.arenas[2]!.ctl];
  new Lease(late, CTL_LEASE).acquire(9);
  const flag = new Int32Array(new SharedArrayBuffer(4));
  // Holds the late lease until the lower one is free again although somebody waits here.
  const holder = new Worker(
    `const { workerData: { low, late, flag, at } } = require('node:worker_threads');
     const end = Date.now() + 20_000;
     while ((Atomics.load(late, at) & 1) === 0 && Date.now() < end);
     while (Atomics.load(low, at) !== 0 && Date.now() < end);
     Atomics.store(flag, 0, Date.now() < end ? 1 : 2);
     Atomics.exchange(late, at, 0);
     Atomics.notify(late, at);`,
    { eval: true, workerData: { low, late, flag, at: CTL_LEASE } },
  );
  const exited = new Promise((resolve) => holder.once('exit', resolve));
  await new Promise((resolve) => holder.once('online', resolve));
  const leases = new LeaseSet(2, engine.arenas);
  leases.takeMarked(Uint8Array.of(1, 0, 1));
  expect(flag[0]).toBe(1);
  expect([...leases.held]).toEqual([1, 0, 1]);
  leases.giveAll();
  await exited;
});
