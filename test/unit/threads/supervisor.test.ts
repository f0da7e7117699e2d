/** The supervisor with kinds of threads that are made up here: no worker is started. */
import { EventEmitter } from 'node:events';
import type { MessagePort } from 'node:worker_threads';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ControlBus } from '../../../src/main/threads/control-bus.js';
import { QUICK_MAX } from '../../../src/main/threads/restart-policy.js';
import { ShardLeases } from '../../../src/main/threads/shard-leases.js';
import { Supervisor } from '../../../src/main/threads/supervisor.js';
import type { SpawnedWorker, Thread, ThreadKind } from '../../../src/main/threads/thread-kind.js';
import { SEGMENT_BYTES } from '../../../src/shared/memory/ptr.js';
import { ControlBlock, ioThreadId, THREAD_STATE } from '../../../src/shared/sync/control-block.js';
import { ControlPort } from '../../../src/shared/sync/control-port.js';

/** A worker that lives in this thread: ready at once, ends when it is told to. */
class FakeWorker extends EventEmitter implements SpawnedWorker {
  readonly port: ControlPort;
  private isOver = false;

  constructor(kind: FakeKind, thread: Thread, port: MessagePort) {
    super();
    this.port = new ControlPort(port, kind.block, thread.id);
    this.port.on('close', () => {
      kind.told.push(`close ${kind.name} ${thread.index}`);
      if (kind.endsByItself) setImmediate(() => this.die());
      return null;
    });
    this.port.onIoCall('who', () => `${kind.name} ${thread.index}`);
    this.port.start();
    if (kind.comesUp) this.port.ready();
  }

  die(error?: Error): void {
    if (this.isOver) return;
    this.isOver = true;
    if (error !== undefined) this.emit('error', error);
    this.emit('exit', 1);
  }

  async terminate(): Promise<number> {
    this.die();
    return 1;
  }
}

class FakeKind implements ThreadKind {
  readonly name: string;
  readonly count: number;
  readonly hasClients: boolean;
  readonly endsByItself: boolean;
  readonly block: ControlBlock;
  readonly told: string[];
  readonly workers: FakeWorker[] = [];
  comesUp = true;
  /** What `spawn` throws. */
  refusal: Error | null = null;
  private readonly firstId: number;

  constructor(name: string, count: number, firstId: number, scene: { block: ControlBlock; told: string[] }) {
    this.name = name;
    this.count = count;
    this.firstId = firstId;
    this.hasClients = name === 'I/O';
    this.endsByItself = !this.hasClients;
    this.block = scene.block;
    this.told = scene.told;
  }

  idOf(index: number): number {
    return this.firstId + index;
  }

  spawn(thread: Thread, control: MessagePort): SpawnedWorker {
    if (this.refusal !== null) throw this.refusal;
    this.told.push(`spawn ${this.name} ${thread.index} life ${thread.generation} lease ${thread.heldLease}`);
    const worker = new FakeWorker(this, thread, control);
    this.workers[thread.index] = worker;
    return worker;
  }

  afterDeath(thread: Thread): void {
    this.told.push(`death ${this.name} ${thread.index}`);
  }

  renew(thread: Thread): void {
    this.told.push(`renew ${this.name} ${thread.index}`);
  }

  shardsOf(): readonly number[] {
    return [];
  }
}

/** A server of two I/O threads, one shard, and one thread of a third kind. */
function scene() {
  const block = ControlBlock.create(2, 1);
  const told: string[] = [];
  const logged: string[] = [];
  const segment = new SharedArrayBuffer(SEGMENT_BYTES);
  const leases = new ShardLeases({ find: () => segment }, block);
  const bus: ControlBus = new ControlBus(block, {
    ready: (id) => supervisor.ready(id),
    fatal: (id, error) => supervisor.failed(id, error),
    log: () => {},
    call: () => null,
  });
  const io = new FakeKind('I/O', 2, ioThreadId(0), { block, told });
  const shard = new FakeKind('shard', 1, block.shardThreadId(0), { block, told });
  const journal = new FakeKind('journal', 1, block.shardThreadId(1), { block, told });
  const supervisor: Supervisor = new Supervisor(
    { block, bus, leases, log: (level, message) => logged.push(`${level} ${message}`), fatal: () => {} },
    [io, shard, journal],
  );
  const isReady = (id: number) => vi.waitFor(() => expect(block.state(id)).toBe(THREAD_STATE.ready));
  ends.push(async () => {
    await supervisor.stop();
    bus.close();
  });
  return { block, told, logged, leases, supervisor, io, shard, journal, isReady };
}

const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  vi.useRealTimers();
  for (const end of ends.splice(0)) await end();
});

describe('#12 the supervisor with a third kind of thread', () => {
  test('starts its threads, the last kind first, and ends them in the order of the row', async () => {
    const { told, supervisor } = scene();
    await supervisor.start();
    expect(told.splice(0)).toEqual([
      'spawn journal 0 life 0 lease false',
      'spawn shard 0 life 0 lease false',
      'spawn I/O 0 life 0 lease false',
      'spawn I/O 1 life 0 lease false',
    ]);
    await supervisor.stop();
    expect(told.splice(0, 2).sort()).toEqual(['close I/O 0', 'close I/O 1']);
    expect(told).toEqual(['close shard 0', 'close journal 0']);
  });

  test('replaces a dead one, which is told that its lease was held until one life of it is ready', async () => {
    const { told, logged, leases, supervisor, journal, isReady } = scene();
    await supervisor.start();
    told.length = 0;
    leases.lease(0).tryAcquire(journal.idOf(0));
    journal.comesUp = false;
    journal.workers[0]!.die(new Error('the disk is gone'));
    journal.workers[0]!.die();
    journal.comesUp = true;
    journal.workers[0]!.die();
    await isReady(journal.idOf(0));
    journal.workers[0]!.die();
    await isReady(journal.idOf(0));
    const again = (life: number, lease: boolean) => [
      'death journal 0',
      'renew journal 0',
      `spawn journal 0 life ${life} lease ${lease}`,
    ];
    expect(told).toEqual([...again(1, true), ...again(2, true), ...again(3, true), ...again(4, false)]);
    expect(logged.filter((line) => !line.includes('lease'))).toEqual(
      new Array(4).fill('warning journal thread 0 died, starting it again'),
    );
    expect(logged).toContain('notice the lease of shard 0 was broken: its holder died before it changed anything');
  });

  test('waits longer each time when it dies again and again', async () => {
    const { logged, supervisor, journal } = scene();
    await supervisor.start();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    for (let i = 0; i < QUICK_MAX; i++) journal.workers[0]!.die();
    for (const pauseMs of [250, 500, 1000]) {
      const last = journal.workers[0]!;
      last.die();
      expect(logged.at(-1)).toBe(`warning journal thread 0 dies again and again: its next start is in ${pauseMs} ms`);
      vi.advanceTimersByTime(pauseMs - 1);
      expect(journal.workers[0]).toBe(last);
      vi.advanceTimersByTime(1);
      expect(journal.workers[0]).not.toBe(last);
    }
  });

  test('is tried again while there is nothing to start it with, and its first start fails with the cause', async () => {
    const { logged, supervisor, journal, isReady } = scene();
    await supervisor.start();
    journal.refusal = Object.assign(new Error('no threads left'), { code: 'EAGAIN' });
    journal.workers[0]!.die();
    await vi.waitFor(() =>
      expect(logged.at(-1)).toBe('warning journal thread 0 cannot be started, tries go on: no threads left'),
    );
    journal.refusal = null;
    await isReady(journal.idOf(0));
    expect(logged.at(-1)).toBe('notice journal thread 0 is started');

    const second = scene();
    second.journal.refusal = new Error('no such file');
    await expect(second.supervisor.start()).rejects.toThrow('no such file');
  });

  test('is ended on purpose without counting as a death, and is not asked what clients are asked', async () => {
    const { logged, supervisor, io, journal, isReady } = scene();
    await supervisor.start();
    for (let i = 0; i < QUICK_MAX + 5; i++) {
      supervisor.end(journal, 0, 'it is to begin anew');
      await isReady(journal.idOf(0));
    }
    expect(logged).toEqual(new Array(QUICK_MAX + 5).fill('warning journal thread 0 is ended: it is to begin anew'));
    expect(await io.workers[1]!.port.ioCall('all', 'who', null)).toEqual(['I/O 0', 'I/O 1']);
    await supervisor.terminate(journal, 0);
    await isReady(journal.idOf(0));
    await expect(supervisor.terminate(journal, 1)).rejects.toThrow('no journal thread 1');
  });
});
