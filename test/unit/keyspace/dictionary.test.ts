import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entryKeyBytes } from '../../../src/shard/entry/entry-key.js';
import { formatDatabases, openDatabases } from '../../../src/shard/keyspace/databases.js';
import type { Keyspace } from '../../../src/shard/keyspace/keyspace.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { Arena, formatShard, type SegmentProvider } from '../../../src/shared/memory/arena.js';
import { SEGMENT_BYTES } from '../../../src/shared/memory/ptr.js';

function newKeyspace(): Keyspace {
  const segments: SharedArrayBuffer[] = [new SharedArrayBuffer(SEGMENT_BYTES)];
  const provider: SegmentProvider = {
    allocate: (_shard, index) => (segments[index] = new SharedArrayBuffer(SEGMENT_BYTES)),
    attach: (_shard, index) => segments[index]!,
  };
  formatShard(segments[0]!, 0x12345678, 0x7abcdef0);
  const arena = new Arena(0, segments[0]!, provider);
  formatDatabases(arena, 16);
  return openDatabases(arena, TYPES)[0]!;
}

function find(ks: Keyspace, key: string): number {
  const u8 = Uint8Array.from(Buffer.from(key));
  return ks.find(u8, new DataView(u8.buffer), 0, u8.length);
}

function add(ks: Keyspace, key: string, expireAtMs = -1): void {
  const u8 = Uint8Array.from(Buffer.from(key));
  const dv = new DataView(u8.buffer);
  if (ks.find(u8, dv, 0, u8.length) !== 0) throw new Error('exists');
  ks.insert(ks.createEntry(u8, dv, 0, u8.length, 0x10, 0, expireAtMs, 0));
}

describe('dictionary', () => {
  it('behaves as a set of keys under random insertions and removals', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 3000 })), { maxLength: 6000 }), (ops) => {
        const ks = newKeyspace();
        const base = ks.arena.usedBytes;
        const model = new Set<string>();
        for (const [insert, n] of ops) {
          const key = `key:${n}${'x'.repeat(n % 7)}`;
          const e = find(ks, key);
          expect(e !== 0).toBe(model.has(key));
          if (insert && e === 0) {
            add(ks, key, n % 3 === 0 ? n : -1);
            model.add(key);
          } else if (!insert && e !== 0) {
            ks.remove(e as never);
            model.delete(key);
          }
        }
        expect(ks.dict.count).toBe(model.size);
        for (const key of model) {
          const e = find(ks, key);
          expect(Buffer.from(entryKeyBytes(ks.arena, e as never)).toString()).toBe(key);
        }
        for (const key of model) ks.remove(find(ks, key) as never);
        expect(ks.dict.count).toBe(0);
        expect(ks.dict.volatileCount).toBe(0);
        expect(ks.arena.usedBytes).toBe(base);
      }),
      { numRuns: 20 },
    );
  });

  it('finds all of 100000 keys through splits and shrinks to nothing when they go', () => {
    const ks = newKeyspace();
    const base = ks.arena.usedBytes;
    const n = 100_000;
    for (let i = 0; i < n; i++) add(ks, `k${i}`);
    expect(ks.dict.count).toBe(n);
    for (let i = 0; i < n; i++) if (find(ks, `k${i}`) === 0) throw new Error(`k${i} is lost`);
    expect(find(ks, 'absent')).toBe(0);
    expect(ks.dict.tables * 4096).toBeLessThan(n * 12);
    for (let i = 0; i < n; i++) ks.remove(find(ks, `k${i}`) as never);
    expect(ks.arena.usedBytes).toBe(base);
  });
});
