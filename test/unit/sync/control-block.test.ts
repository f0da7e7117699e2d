/** The layout of the control block: its tables of words and regions (#12). */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CLAIM_SLOTS } from '../../../src/shared/sync/claims.js';
import { CONTROL, CONTROL_F64, ControlBlock, REGIONS, THREAD } from '../../../src/shared/sync/control-block.js';
import { regionOffsets, Words } from '../../../src/shared/sync/layout.js';

/** Source files that mention a word of the control block, but those that only say which directive writes it. */
function sources(): string[] {
  const root = new URL('../../../', import.meta.url);
  const paths = execFileSync('git', ['grep', '-l', '-E', 'CONTROL(_F64)?[.]|THREAD[.]', '--', 'src'], {
    cwd: root,
    encoding: 'utf8',
  });
  return paths
    .trim()
    .split('\n')
    .filter((path) => !path.startsWith('src/main/config/'))
    .map((path) => readFileSync(new URL(path, root), 'utf8'));
}

/** Lines that do nothing with the word but write it. */
const WRITES = /Atomics\.store\(|\]!? = (?!=)/;

describe('the control block', () => {
  it('gives every word a place of its own', () => {
    const taken = new Map<number, string>();
    const several: Record<string, number> = { hashSeed: 4, scriptCommands: 7 };
    const take = (word: number, name: string): void => {
      expect(taken.get(word), `${name} and ${taken.get(word)}`).toBeUndefined();
      taken.set(word, name);
    };
    for (const [name, word] of Object.entries(CONTROL)) {
      for (let i = 0; i < (several[name] ?? 1); i++) take(word + i, name);
    }
    for (const [name, double] of Object.entries(CONTROL_F64)) {
      take(2 * double, name);
      take(2 * double + 1, name);
    }
    expect(Math.max(...taken.keys())).toBeLessThan(REGIONS.words.bytes / 4);
  });

  it('keeps words that are written often out of the cache lines of switches', () => {
    const line = (word: number): number => word >> 4;
    const switches = [CONTROL.notifyFlags, CONTROL.writeGate, CONTROL.pauseMode, CONTROL.maxmemoryPolicy].map(line);
    for (const name of ['clientIds', 'clients', 'watchedKeys', 'busyScripts'] as const) {
      expect(switches).not.toContain(line(CONTROL[name]));
    }
    expect(line(THREAD.doorbell)).not.toBe(line(THREAD.state));
  });

  it('has no word that nobody reads', () => {
    const lines = sources().flatMap((text) => text.split('\n'));
    const isRead = (name: string): boolean => lines.some((line) => line.includes(name) && !WRITES.test(line));
    for (const [table, words] of Object.entries({ CONTROL, CONTROL_F64, THREAD })) {
      const unread = Object.keys(words).filter((name) => !isRead(`${table}.${name}`));
      expect(unread, table).toEqual([]);
    }
  });

  it('lays the regions one behind the other, and a view of each lies within its own', () => {
    const [ioThreads, shards] = [2, 3];
    const block = ControlBlock.create(ioThreads, shards);
    const counts = { server: 1, thread: block.threads, ioThread: ioThreads, shard: shards };
    const offsets = regionOffsets(REGIONS, counts);
    const names = Object.keys(REGIONS) as (keyof typeof REGIONS)[];
    for (let i = 0; i < names.length; i++) {
      const { bytes, per } = REGIONS[names[i]!];
      expect(offsets[names[i + 1] ?? 'end']).toBe(offsets[names[i]!] + bytes * counts[per]);
    }
    expect(block.sab.byteLength).toBe(offsets.end);
    expect(block.threadWord(block.threads) * 4).toBe(offsets.stats);
    expect(block.statsOffset(block.threads)).toBe(offsets.claims);
    expect(block.claims(1).byteOffset + CLAIM_SLOTS * 4).toBe(offsets.scripts);
    expect(block.runningFunction(2).byteOffset + REGIONS.running.bytes).toBe(offsets.slowLog);
    expect(block.latencyEvents().byteOffset + block.latencyEvents().byteLength).toBe(offsets.faults);
    expect(block.faults().byteOffset + block.faults().byteLength).toBe(offsets.end);
  });

  it('is refused when it was made for another number of threads', () => {
    const block = ControlBlock.create(1, 1);
    block.i32[CONTROL.shards] = 2;
    expect(() => new ControlBlock(block.sab)).toThrow('wrong size');
  });
});

describe('a table of words', () => {
  it('refuses the word that does not fit', () => {
    const words = new Words('test', 16);
    expect([words.word(), words.double()]).toEqual([0, 1]);
    expect(() => words.word()).toThrow('test: 5 words, 4 fit');
  });

  it('refuses regions that would put numbers at odd places', () => {
    expect(() => regionOffsets({ a: { bytes: 12, per: 'one' } }, { one: 1 })).toThrow('multiple of 8');
  });
});
