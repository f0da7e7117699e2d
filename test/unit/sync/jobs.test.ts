import { describe, expect, test } from 'vitest';
import { type JobHost, Jobs } from '../../../src/shard/thread/jobs.js';
import { Args } from '../../../src/shared/resp/args.js';
import type { Reply } from '../../../src/shared/resp/reply.js';
import { JOB_WORDS, JOBS_MAX } from '../../../src/shared/sync/thread-data.js';

type Steps = (args: Args, reply: Reply) => Generator<void, void, void>;

class Host implements JobHost {
  readonly sent: string[] = [];
  readonly errors: string[] = [];
  position = 0;
  private readonly steps: Steps;
  constructor(steps: Steps) {
    this.steps = steps;
  }
  startJob(_cmdId: number, args: Args, reply: Reply) {
    return this.steps(args, reply);
  }
  replyPosition(): number {
    return this.position;
  }
  sendReply(io: number, connId: number, seq: number, reply: Reply, close: boolean): void {
    const text = Buffer.concat(reply.takeChunks()).toString();
    this.sent.push(`${io}/${connId}/${seq} ${close ? 'close' : text.trim()}`);
  }
  gone = -1;
  isUnread(_cmdId: number, _io: number, connId: number): boolean {
    return connId === this.gone;
  }
  jobFailed(_cmdId: number, error: unknown): void {
    this.errors.push((error as Error).message);
  }
}

const table = (): SharedArrayBuffer => new SharedArrayBuffer(JOBS_MAX * JOB_WORDS * 4);
const client = { id: 1, db: 0, proto: 2 as const, flags: 0 };

function argsWith(n: number): Args {
  const args = new Args();
  const u8 = Uint8Array.from([n]);
  args.setBuffer(u8, new DataView(u8.buffer));
  args.argc = 1;
  args.len[0] = 1;
  return args;
}

function* countdown(args: Args, reply: Reply): Generator<void, void, void> {
  const n = args.u8[args.off[0]!]!;
  for (let i = 0; i < n; i++) yield;
  reply.int(n);
}

describe('jobs', () => {
  test('run in turn, one step each, with arguments of their own, and answer when they end', () => {
    const host = new Host(countdown);
    const jobs = new Jobs(host, table());
    const args = argsWith(3);
    jobs.start(0, 10, 1, 5, args, client);
    args.u8[0] = 1;
    jobs.start(1, 11, 2, 5, args, client);
    args.u8[0] = 99;
    let steps = 0;
    while (jobs.step()) steps++;
    expect(steps).toBe(4 + 2);
    expect(host.sent).toEqual(['1/11/2 :1', '0/10/1 :3']);
    expect(jobs.count).toBe(0);
  });

  test('that throw answer with an error and are reported', () => {
    const host = new Host(function* (_args, reply) {
      reply.array(3);
      yield;
      throw new Error('no luck');
    });
    const jobs = new Jobs(host, table());
    jobs.start(0, 10, 1, 5, argsWith(0), client);
    while (jobs.step());
    expect(host.sent).toEqual(['0/10/1 -ERR internal error: no luck']);
    expect(host.errors).toEqual(['no luck']);
  });

  test('are bounded, and their places are used again', () => {
    const host = new Host(countdown);
    const jobs = new Jobs(host, table());
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < JOBS_MAX; i++) jobs.start(0, i, round, 5, argsWith(1), client);
      expect(jobs.full).toBe(true);
      while (jobs.step());
      expect(jobs.full).toBe(false);
    }
    expect(host.sent).toHaveLength(3 * JOBS_MAX);
  });

  test('that died with their thread have their connections closed by its successor', () => {
    const memory = table();
    const before = new Jobs(new Host(countdown), memory);
    before.start(2, 20, 4_000_000_000, 5, argsWith(9), client);
    before.step();
    const host = new Host(countdown);
    const after = new Jobs(host, memory);
    expect(after.knows(2, 20, 4_000_000_000)).toBe(true);
    expect(after.dropLost([0, 0, 0])).toBe(1);
    expect(host.sent).toEqual(['2/20/4000000000 close']);
    expect(after.knows(2, 20, 4_000_000_000)).toBe(false);
  });

  test('whose answer was committed before the thread died are not answered twice', () => {
    const memory = table();
    const words = new Int32Array(memory);
    words.set([2, 0, 7, 8, 64]);
    const host = new Host(countdown);
    expect(new Jobs(host, memory).dropLost([128])).toBe(0);
    words.set([2, 0, 7, 8, 128]);
    expect(new Jobs(host, memory).dropLost([128])).toBe(1);
  });

  test('of a dead I/O thread end at their next finally', () => {
    let ended = 0;
    const host = new Host(function* () {
      try {
        for (;;) yield;
      } finally {
        ended++;
      }
    });
    const jobs = new Jobs(host, table());
    jobs.start(0, 1, 1, 5, argsWith(0), client);
    jobs.start(1, 2, 1, 5, argsWith(0), client);
    jobs.step();
    jobs.step();
    jobs.dropOf(0);
    expect(ended).toBe(1);
    expect(jobs.count).toBe(1);
    expect(host.sent).toEqual([]);
  });
});
