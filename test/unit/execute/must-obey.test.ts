/** What a client that must be obeyed sends (a master, a file that is loaded) happens as it happened there. */

import { expect, test } from 'vitest';
import { CLIENT_FLAG } from '../../../src/shared/command/client-state.js';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { GATE, setGate } from '../../../src/shared/sync/write-gate.js';
import { TestEngine } from '../engine-harness.js';

function engineWithOver(): TestEngine {
  const engine = new TestEngine();
  engine.call('SET', 'k', 'v', 'PX', 10);
  engine.call('RPUSH', 'l', 'a');
  engine.call('PEXPIRE', 'l', 10);
  engine.call('HSET', 'h', 'f', '1', 'g', '2');
  engine.call('HPEXPIRE', 'h', 10, 'FIELDS', 1, 'f');
  engine.advance(1000);
  return engine;
}

test('#12 expired keys and fields are there for a client that must be obeyed, until it deletes them', () => {
  const engine = engineWithOver();
  engine.record();
  engine.flags = CLIENT_FLAG.mustObey;
  expect(engine.call('APPEND', 'k', 'w')).toBe(2);
  expect(engine.call('RPUSHX', 'l', 'b')).toBe(2);
  expect(engine.call('HINCRBY', 'h', 'f', 1)).toBe(2);
  expect(engine.call('RENAME', 'k', 'k2')).toBe('OK');
  expect(engine.call('PEXPIREAT', 'l', 1)).toBe(1);
  expect(engine.call('LLEN', 'l')).toBe(2);
  expect(engine.call('DEL', 'l')).toBe(1);
  expect(engine.recorded().filter((line) => /DEL/.test(line))).toEqual(['0: DEL l']);
  engine.flags = 0;
  expect(engine.call('GET', 'k2')).toBe(null);
  expect(engine.call('HGET', 'h', 'f')).toBe(null);
});

test('#12 nothing expires by itself where expiry is commanded: what is over is hidden and stays', () => {
  const engine = engineWithOver();
  setGate(engine.control, GATE.keepsExpired, true);
  engine.record();
  expect(engine.call('GET', 'k')).toBe(null);
  expect(engine.call('HGET', 'h', 'f')).toBe(null);
  while (engine.executor.idleWork(1000, 0));
  expect(engine.call('DBSIZE')).toBe(3);
  expect(engine.recorded()).toEqual([]);
  setGate(engine.control, GATE.keepsExpired, false);
  expect(engine.call('GET', 'k')).toBe(null);
  expect(engine.call('DBSIZE')).toBe(2);
});

test('#12 a limit of memory is no reason to refuse what a client that must be obeyed sends', () => {
  const engine = new TestEngine();
  engine.control.f64[CONTROL_F64.maxmemory] = 1;
  setGate(engine.control, GATE.memoryLimit, true);
  engine.call('SET', 'a', '1');
  expect(engine.run('SET', 'a', '1')).toMatch(/^-OOM/);
  engine.flags = CLIENT_FLAG.mustObey;
  expect(engine.run('SET', 'a', '1')).toBe('+OK\r\n');
});
