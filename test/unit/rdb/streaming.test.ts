/** The writer and the reader as a file will use them: through bounded buffers, in pieces of any size. */

import { describe, expect, test } from 'vitest';
import type { ExecContext } from '../../../src/shard/context/context.js';
import { storeDetached } from '../../../src/shard/context/typed-key.js';
import { RDB_VERSION_MAX } from '../../../src/shard/rdb/rdb-format.js';
import { BAD_DATA, RdbReader } from '../../../src/shard/rdb/rdb-reader.js';
import { CHUNK_BYTES, RdbWriter } from '../../../src/shard/rdb/rdb-writer.js';
import { readValue, valueForm, writeValue } from '../../../src/shard/rdb/value-codec.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { Crc64 } from '../../../src/shared/crc64.js';
import { ArenaFullError } from '../../../src/shared/memory/arena.js';
import { SeededRandom, seedFrom } from '../../harness/random.js';
import { wordsToArgs } from '../engine-harness.js';
import { RdbEngine } from './rdb-engine.js';
import { SAMPLES } from './values.js';

/** Gives bytes in pieces of random size. */
class Pieces {
  private at = 0;
  readonly bytes: Uint8Array;
  private readonly random: SeededRandom;
  private readonly most: number;

  constructor(bytes: Uint8Array, random: SeededRandom, most: number) {
    this.bytes = bytes;
    this.random = random;
    this.most = most;
  }

  read(u8: Uint8Array, off: number, len: number): number {
    const n = Math.min(len, 1 + this.random.below(this.most), this.bytes.length - this.at);
    u8.set(this.bytes.subarray(this.at, this.at + n), off);
    this.at += n;
    return n;
  }
}

function contextOf(engine: RdbEngine): ExecContext {
  return (engine.executor as unknown as { ctx: ExecContext }).ctx;
}

function collect(): { writer: RdbWriter; bytes: () => Buffer; largest: () => number } {
  const parts: Buffer[] = [];
  const writer = new RdbWriter({ write: (u8, off, len) => void parts.push(Buffer.from(u8.slice(off, off + len))) });
  return {
    writer,
    bytes: () => Buffer.concat(parts),
    largest: () => Math.max(...parts.map((part) => part.length)),
  };
}

describe('RdbWriter and RdbReader', () => {
  test('lengths, numbers and strings come back through pieces of any size', () => {
    const random = new SeededRandom(seedFrom('RDB_SEED'));
    for (let run = 0; run < 30; run++) {
      const { writer, bytes } = collect();
      writer.compress = random.chance(0.7);
      const checks: ((reader: RdbReader) => void)[] = [];
      for (let i = 0; i < 200; i++) {
        switch (random.below(6)) {
          case 0: {
            const n = Math.floor(2 ** (random.next() * 53));
            writer.length(n);
            checks.push((reader) => expect(reader.length()).toBe(n));
            break;
          }
          case 1: {
            const [hi, lo] = [random.below(2 ** 32) | 0, random.below(2 ** 32) | 0];
            writer.length64(hi, lo);
            checks.push((reader) => {
              reader.length64();
              expect([reader.hi, reader.lo]).toEqual([hi, lo]);
            });
            break;
          }
          case 2: {
            const n = random.below(2 ** 45) * (random.chance(0.5) ? 1 : -1);
            writer.milliseconds(n);
            checks.push((reader) => expect(reader.milliseconds()).toBe(n));
            break;
          }
          case 3: {
            const x = (random.next() - 0.5) * 10 ** random.between(-300, 300);
            writer.double(x);
            checks.push((reader) => expect(reader.double()).toBe(x));
            break;
          }
          default: {
            const repeated = 'ab'.repeat(random.below(3000));
            const text = random.pick([repeated, String(random.below(2 ** 40)), random.bytes(300).toString('latin1')]);
            const u8 = Uint8Array.from(Buffer.from(text, 'latin1'));
            writer.string(u8, 0, u8.length);
            writer.string(u8, 0, u8.length);
            checks.push((reader) => {
              reader.pair();
              const { first, text: second } = reader;
              const shown = [first, second].map((t) =>
                Buffer.from(t.u8.slice(t.off, t.off + t.len)).toString('latin1'),
              );
              expect(shown).toEqual([text, text]);
            });
          }
        }
      }
      writer.flush();
      const all = bytes();
      const crc = new Crc64();
      crc.update(all, 0, all.length);
      expect([writer.checksum().hi, writer.checksum().lo, writer.byteLength]).toEqual([crc.hi, crc.lo, all.length]);
      const reader = new RdbReader().openSource(new Pieces(all, random, random.pick([1, 7, 1000, 1_000_000])));
      for (const check of checks) check(reader);
      expect(() => reader.byte()).toThrow(BAD_DATA);
    }
  });

  test('values of every type pass through the bounded buffer and are read from pieces', { timeout: 30_000 }, () => {
    const random = new SeededRandom(seedFrom('RDB_SEED'));
    const engine = new RdbEngine();
    const ctx = contextOf(engine);
    for (const { name, commands } of SAMPLES.flatMap(([, samples]) => samples)) {
      for (const command of commands) engine.run(...(command as string[]));
      const { writer, bytes, largest } = collect();
      writer.version = RDB_VERSION_MAX;
      writer.compress = random.chance(0.5);
      const args = wordsToArgs([name]);
      engine.executor.beginBatch();
      ctx.leases.takeAll();
      ctx.useShard(0);
      const e = ctx.keyspace.find(args.u8, args.dv, 0, args.len[0]!);
      const form = valueForm(TYPES, ctx.arena, e, writer.version);
      writeValue(TYPES, writer, ctx.arena, e, form);
      writer.flush();
      expect(largest()).toBeLessThanOrEqual(CHUNK_BYTES);
      const reader = new RdbReader().openSource(new Pieces(bytes(), random, 100_000));
      const copy = wordsToArgs([`copy:${name}`]);
      storeDetached(ctx, copy, 0, readValue(TYPES, ctx, copy, 0, form, reader));
      engine.executor.endBatch();
      expect([name, engine.digest(`copy:${name}`)]).toEqual([name, engine.digest(name)]);
      engine.run('DEL', name, `copy:${name}`);
    }
    expect(engine.findings()).toEqual([]);
  });

  test('a length that promises more than there is takes no memory', () => {
    const claims = Buffer.from([0x80, 0x3f, 0xff, 0xff, 0xff, 65, 66]);
    const reader = new RdbReader().openSource(new Pieces(claims, new SeededRandom(1), 100));
    expect(() => reader.string()).toThrow(BAD_DATA);
    expect(reader.u8.length).toBeLessThan(1_000_000);
  });
});

describe('RESTORE without memory', () => {
  test('leaves everything as it was', { timeout: 60_000 }, () => {
    const source = new RdbEngine();
    const samples = SAMPLES.flatMap(([, list]) => list);
    for (const { commands } of samples) for (const command of commands) source.run(...(command as string[]));
    const engine = new RdbEngine();
    const ctx = contextOf(engine);
    for (const arena of ctx.arenas) {
      arena.addSegment = () => {
        throw new ArenaFullError(0);
      };
    }
    let fills = 0;
    for (let bytes = 65_000; bytes > 8; ) {
      if (engine.run('SET', `fill:${fills++}`, 'x'.repeat(bytes)).startsWith('-OOM')) bytes = Math.floor(bytes * 0.6);
    }
    let refused = 0;
    for (let round = 0; round < samples.length * 3; round++) {
      const { name } = samples[round % samples.length]!;
      const used = engine.usedBytes();
      const reply = engine.restore('k', source.dump(name), 'REPLACE');
      if (reply.startsWith('-OOM')) {
        refused++;
        expect([name, engine.usedBytes()]).toEqual([name, used]);
      } else expect([name, engine.digest('k')]).toEqual([name, source.digest(name)]);
      if (round % 10 === 0) expect(engine.findings()).toEqual([]);
      engine.run('DEL', 'k');
      if (round % 6 === 0) engine.run('DEL', `fill:${--fills}`);
    }
    expect(refused).toBeGreaterThan(samples.length / 4);
    expect(engine.findings()).toEqual([]);
  });
});
