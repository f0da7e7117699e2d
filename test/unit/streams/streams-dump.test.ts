/** Streams through their RDB form and back, copies of them, and big ones that are freed later. */

import { describe, expect, it } from 'vitest';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import type { Value } from '../../harness/resp-client.js';
import { TestEngine } from '../engine-harness.js';

const HIGH = '18446744073709551615';

/** A stream with all that one can have: deleted entries, other fields, long entries, groups, pending entries. */
function fill(engine: TestEngine, key: string): void {
  for (let i = 1; i <= 250; i++) engine.run('XADD', key, `${i}-${i % 7}`, 'name', `value ${i}`, 'n', i);
  engine.run('XADD', key, '300-1', 'other', 'x'.repeat(300));
  engine.run('XADD', key, '301-0', 'big', 'y'.repeat(200_000), 'n', 5);
  engine.run('XADD', key, '9007199254740993-9007199254740995', 'name', '', 'n', '-7');
  engine.run('XADD', key, `9223372036854775809-${HIGH}`, 'f', 'v');
  engine.run('XDEL', key, '1-1', '77-0', '250-5');
  engine.run('XGROUP', 'CREATE', key, 'g', 0);
  engine.run('XGROUP', 'CREATE', key, 'quiet', '$', 'ENTRIESREAD', 12);
  engine.run('XREADGROUP', 'GROUP', 'g', 'alice', 'COUNT', 40, 'STREAMS', key, '>');
  engine.run('XREADGROUP', 'GROUP', 'g', 'bob', 'COUNT', 3, 'STREAMS', key, '>');
  engine.run('XACK', key, 'g', '5-5', '6-6');
}

const whole = (engine: TestEngine, key: string): Value => engine.call('XINFO', 'STREAM', key, 'FULL', 'COUNT', 0);

function sound(engine: TestEngine): void {
  for (const arena of engine.arenas) {
    expect(fsckShard(arena, openDatabases(arena, TYPES))).toEqual([]);
  }
  expect(engine.unannounced()).toEqual([]);
}

describe('streams as a whole', () => {
  it('come back from a dump as they were', () => {
    const engine = new TestEngine();
    fill(engine, 'a');
    const before = whole(engine, 'a');
    const dump = engine.call('DUMP', 'a') as string;
    expect(engine.call('RESTORE', 'b', 0, Buffer.from(dump, 'latin1'))).toBe('OK');
    expect(whole(engine, 'b')).toEqual(before);
    expect(engine.call('XADD', 'b', '*', 'f', 'v')).toEqual(engine.call('XADD', 'a', '*', 'f', 'v'));
    expect(engine.call('DEBUG', 'DIGEST-VALUE', 'b')).toEqual(engine.call('DEBUG', 'DIGEST-VALUE', 'a'));
    sound(engine);
  });

  it('are rebuilt by DEBUG RELOAD, with groups alone too', () => {
    const engine = new TestEngine();
    fill(engine, 'a');
    engine.run('XGROUP', 'CREATE', 'empty', 'g', '5-5', 'MKSTREAM');
    engine.run('XGROUP', 'CREATECONSUMER', 'a', 'g', 'carol');
    const before = [whole(engine, 'a'), whole(engine, 'empty')];
    expect(engine.call('DEBUG', 'RELOAD')).toBe('OK');
    expect([whole(engine, 'a'), whole(engine, 'empty')]).toEqual(before);
    sound(engine);
  });

  it('are copied, and share nothing afterwards', () => {
    const engine = new TestEngine(2);
    fill(engine, 'a');
    const before = whole(engine, 'a');
    for (const to of ['b', 'c', 'd']) expect(engine.call('COPY', 'a', to)).toBe(1);
    engine.run('XTRIM', 'a', 'MAXLEN', 0);
    engine.run('XGROUP', 'DESTROY', 'a', 'g');
    for (const to of ['b', 'c', 'd']) expect(whole(engine, to)).toEqual(before);
    expect(engine.call('DEL', 'a', 'b', 'c', 'd')).toBe(4);
    sound(engine);
  });

  it('take nodes apart that do not fit into a cell here', () => {
    const engine = new TestEngine();
    engine.control.f64[CONTROL_F64.streamNodeMaxBytes] = 0;
    engine.control.f64[CONTROL_F64.streamNodeMaxEntries] = 0;
    for (let i = 1; i <= 3000; i++) engine.run('XADD', 'a', `${i}-0`, 'f', 'z'.repeat(60));
    const info = engine.call('XINFO', 'STREAM', 'a') as Value[];
    expect(info[3]).toBeGreaterThan(2);
    expect(engine.call('XLEN', 'a')).toBe(3000);
    expect(engine.call('XRANGE', 'a', '-', '+', 'COUNT', 1)).toEqual([['1-0', ['f', 'z'.repeat(60)]]]);
    sound(engine);
  });
});

describe('streams given up', () => {
  it('are freed later with their groups, and nothing stays behind', () => {
    const engine = new TestEngine();
    const empty = engine.usedBytes();
    for (let i = 1; i <= 30_000; i++) engine.run('XADD', 'a', `${i}-0`, 'f', i);
    engine.run('XGROUP', 'CREATE', 'a', 'g', 0);
    engine.run('XGROUP', 'CREATE', 'a', 'h', 0);
    engine.run('XREADGROUP', 'GROUP', 'g', 'alice', 'COUNT', 20_000, 'STREAMS', 'a', '>');
    engine.run('XREADGROUP', 'GROUP', 'h', 'bob', 'COUNT', 5000, 'STREAMS', 'a', '>');
    engine.run('XGROUP', 'DESTROY', 'a', 'h');
    sound(engine);
    expect(engine.call('DEL', 'a')).toBe(1);
    const left = engine.usedBytes();
    expect(left).toBeGreaterThan(empty + 100_000);
    sound(engine);
    for (let i = 0; i < 10_000 && engine.executor.idleWork(200, 0); i++) if (i % 50 === 0) sound(engine);
    sound(engine);
    expect(engine.usedBytes() - empty).toBeLessThan(4096);
  });
});
