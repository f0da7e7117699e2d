/** A value type that is not of the server, added as one more row of the type table: everything else follows (#12). */
import { describe, expect, test } from 'vitest';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { shardCommands } from '../../../src/shard/commands/table.js';
import { TypeTable } from '../../../src/shard/entry/type-table.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { garbageNumber } from '../../../src/shard/structures/garbage.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { buildRegistry } from '../../../src/shared/command/registry.js';
import { CTL_GARBAGE_VALUES } from '../../../src/shared/memory/arena.js';
import { TestEngine } from '../engine-harness.js';
import { tallyCommand, tallyType } from './tally.js';

/** One of the numbers that have encodings, and one of the extended ones, which fill the low byte of the head. */
const NUMBERS = [6, 0x2f] as const;

class TallyEngine extends TestEngine {
  readonly types: TypeTable;

  constructor(type: number, shards: number) {
    const types = new TypeTable([...TYPES.types, tallyType(type)]);
    super(shards, buildRegistry([...shardCommands, tallyCommand(type)]), types);
    this.types = types;
  }

  findings(): string[] {
    return this.arenas.flatMap((arena) => {
      arena.sync();
      return fsckShard(arena, openDatabases(arena, this.types));
    });
  }

  dump(name: string): Buffer {
    const reply = Buffer.from(this.run('DUMP', name), 'latin1');
    return reply.subarray(reply.indexOf(10) + 1, reply.length - 2);
  }
}

describe.each(NUMBERS)('a new type with the number %i', (type) => {
  test('is made, named, and found by its name', () => {
    const engine = new TallyEngine(type, 1);
    expect(engine.call('TALLY', 't', 3)).toBe(3);
    expect(engine.call('TALLY', 't', 4)).toBe(7);
    engine.call('SET', 's', 'text');
    expect(engine.run('TYPE', 't')).toBe('+Tally-TY\r\n');
    expect(engine.call('SCAN', 0, 'TYPE', 'tally-ty')).toEqual(['0', ['t']]);
    expect(engine.call('OBJECT', 'ENCODING', 't')).toBe('tally');
    expect(engine.call('MEMORY', 'USAGE', 't')).toBeGreaterThan(64 + 7 * 8);
    expect(engine.run('GET', 't')).toMatch(/^-WRONGTYPE/);
    expect(engine.run('TALLY', 's', 1)).toMatch(/^-WRONGTYPE/);
    expect(engine.findings()).toEqual([]);
  });

  test('is dumped, restored, copied, renamed and reloaded, within a shard and between two', () => {
    const engine = new TallyEngine(type, 2);
    engine.call('TALLY', 't', 40);
    engine.call('PEXPIRE', 't', 100_000);
    engine.call('PERSIST', 't');
    expect(engine.run('RESTORE', 'restored', 0, engine.dump('t'))).toBe('+OK\r\n');
    for (let i = 0; i < 8; i++) expect(engine.call('COPY', 't', `copy${i}`)).toBe(1);
    for (let i = 0; i < 8; i++) engine.call('RENAME', `copy${i}`, `renamed${i}`);
    expect(engine.run('DEBUG', 'RELOAD')).toBe('+OK\r\n');
    const digests = new Set(engine.call('DEBUG', 'DIGEST-VALUE', 't', 'restored', 'renamed0', 'renamed7') as string[]);
    expect(digests.size).toBe(1);
    expect([...digests][0]).not.toBe('0'.repeat(40));
    expect(engine.call('TALLY', 'renamed7', 2)).toBe(42);
    expect(engine.call('DEBUG', 'DIGEST-VALUE', 'renamed7')).not.toEqual([...digests]);
    expect(engine.call('DEBUG', 'DIGEST')).toMatch(/^[0-9a-f]{40}$/);
    expect(engine.findings()).toEqual([]);
  });

  test('has dumps that a server without the type refuses', () => {
    const engine = new TallyEngine(type, 1);
    engine.call('TALLY', 't', 3);
    const other = new TestEngine(1);
    expect(other.run('RESTORE', 't', 0, engine.dump('t'))).toMatch(/^-ERR Bad data format/);
    expect(other.call('DBSIZE')).toBe(0);
  });

  test('is freed at once when small, later when big, and fsck sees it meanwhile', () => {
    const engine = new TallyEngine(type, 1);
    const arena = engine.arenas[0]!;
    const used = arena.usedBytes;
    engine.call('TALLY', 'small', 3);
    engine.call('DEL', 'small');
    expect(arena.ctl[CTL_GARBAGE_VALUES]).toBe(0);
    for (const way of [
      ['DEL', 'big'],
      ['UNLINK', 'big'],
      ['SET', 'big', 'x'],
      ['FLUSHALL', 'ASYNC'],
    ]) {
      engine.call('DEL', 'big');
      engine.call('TALLY', 'big', 1000);
      engine.call(...way);
      expect(engine.findings()).toEqual([]);
    }
    expect(arena.ctl[CTL_GARBAGE_VALUES]).not.toBe(0);
    while (engine.executor.idleWork(10_000, 0));
    engine.call('FLUSHALL');
    expect(engine.findings()).toEqual([]);
    expect(arena.usedBytes).toBeLessThanOrEqual(used + 1024);
  });
});

describe('the type table', () => {
  test('refuses two types with one number, one form or one kind of garbage', () => {
    expect(() => new TypeTable([...TYPES.types, tallyType(3)])).toThrow('number 3 is taken');
    expect(() => new TypeTable([tallyType(7), tallyType(8)])).toThrow('RDB form 200 is taken');
    expect(
      () => new TypeTable([tallyType(7), { ...tallyType(8), rdbForms: [], garbage: tallyType(7).garbage }]),
    ).toThrow(`garbage ${garbageNumber(7, 0)} is taken`);
  });

  test('knows neither a type nor an encoding that no row has', () => {
    expect(TYPES.has(0x00)).toBe(true);
    expect(TYPES.has(0x30)).toBe(false);
    expect(TYPES.has(0x06)).toBe(false);
    expect(TYPES.has(0x0f)).toBe(false);
    expect(TYPES.ofForm(7)).toBeNull();
  });
});
