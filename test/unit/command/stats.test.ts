import { describe, expect, it } from 'vitest';
import { STATS_BYTES } from '../../../src/shared/limits.js';
import { latencyBucket, StatsBlock } from '../../../src/shared/stats/stats-block.js';
import { STAT, STATS_ERRORS_MAX } from '../../../src/shared/stats/stats-layout.js';
import { StatsReader } from '../../../src/shared/stats/stats-reader.js';

function setup(): { a: StatsBlock; b: StatsBlock; reader: StatsReader } {
  const sab = new SharedArrayBuffer(3 * STATS_BYTES);
  const [base, a, b] = [0, 1, 2].map((i) => new StatsBlock(sab, i * STATS_BYTES)) as [
    StatsBlock,
    StatsBlock,
    StatsBlock,
  ];
  return { a, b, reader: new StatsReader([a, b], base) };
}

const line = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));

describe('statistics', () => {
  it('add up over threads', () => {
    const { a, b, reader } = setup();
    a.call(3);
    b.call(3);
    b.time(3, 10);
    b.fail(3);
    a.reject(3);
    a.f64[STAT.keyspaceHits]! += 5;
    b.f64[STAT.keyspaceHits]! += 2;
    expect(reader.command(3)).toEqual({ calls: 2, usec: 10, rejected: 1, failed: 1 });
    expect(reader.callsOfAll(10)).toBe(2);
    expect(reader.sum(STAT.keyspaceHits)).toBe(7);
  });

  it('count errors by their prefix, and only the sum once the table is full', () => {
    const { a, b, reader } = setup();
    a.error(line('xx-ERR syntax error\r\n'), 2);
    b.error(line('-ERR no\r\n'), 0);
    b.error(line('-WRONGTYPE Operation\r\n'), 0);
    b.error(line('-ERRA\r\n'), 0);
    expect(reader.errors()).toEqual([
      ['ERR', 2],
      ['ERRA', 1],
      ['WRONGTYPE', 1],
    ]);
    for (let i = 0; i < STATS_ERRORS_MAX + 10; i++) a.error(line(`-E${i} x\r\n`), 0);
    expect(reader.errors().length).toBe(STATS_ERRORS_MAX + 2);
    expect(reader.sum(STAT.unknownErrorPrefixes)).toBe(11);
    expect(reader.sum(STAT.errorReplies)).toBe(STATS_ERRORS_MAX + 14);
  });

  it('begin anew after a reset, states excepted, and a second reset as well', () => {
    const { a, b, reader } = setup();
    a.f64[STAT.connectedClients] = 4;
    for (let round = 0; round < 2; round++) {
      a.call(1);
      b.time(1, 100);
      a.f64[STAT.netInputBytes]! += 9;
      b.error(line('-ERR a\r\n'), 0);
      if (round === 1) a.error(line('-OOM a\r\n'), 0);
      expect(reader.command(1).calls).toBe(1);
      expect(reader.sum(STAT.netInputBytes)).toBe(9);
      expect(reader.errors()[0]).toEqual(['ERR', 1]);
      expect(reader.latency(1).reduce((sum, n) => sum + n, 0)).toBe(1);
      reader.reset();
      expect(reader.command(1)).toEqual({ calls: 0, usec: 0, rejected: 0, failed: 0 });
      expect(reader.errors()).toEqual([]);
      expect(reader.callsOfAll(5)).toBe(0);
      expect(reader.latency(1).every((n) => n === 0)).toBe(true);
      expect(reader.sum(STAT.connectedClients)).toBe(4);
    }
  });

  it('puts a duration into the bucket of the next power of two', () => {
    expect([0, 1, 1.5, 2, 3, 4, 5, 1024, 1025, 1e12].map(latencyBucket)).toEqual([0, 0, 1, 1, 2, 2, 3, 10, 11, 19]);
  });
});
