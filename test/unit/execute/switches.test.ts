/** What decides about a write is read under its leases, command by command; and a group of effects always ends. */
import { expect, test } from 'vitest';
import { EFFECT_LOG_BYTES, EffectLog } from '../../../src/shard/effects/effect-log.js';
import { Reply } from '../../../src/shared/resp/reply.js';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { GATE, setGate } from '../../../src/shared/sync/write-gate.js';
import { TestEngine, wordsToArgs } from '../engine-harness.js';

const CLIENT = { id: 1, db: 0, proto: 2, flags: 0 } as const;

function execute(engine: TestEngine, ...words: string[]): string {
  const reply = new Reply();
  engine.executor.executeBlocking(engine.registry.idOf(words[0]!.toLowerCase()), wordsToArgs(words), reply, CLIENT);
  return Buffer.concat(reply.takeChunks()).toString('latin1');
}

test('#12 a write is recorded if effects are wanted when it gets its leases, not when its batch began', () => {
  const engine = new TestEngine(2);
  engine.executor.beginBatch();
  execute(engine, 'SET', 'a', '1');
  setGate(engine.control, GATE.effects, true);
  execute(engine, 'SET', 'a', '2');
  setGate(engine.control, GATE.effects, false);
  execute(engine, 'SET', 'a', '3');
  engine.executor.endBatch();
  expect(engine.recorded()).toEqual(['0: SET a 2']);
});

test('#12 a limit of memory holds from the next command of a batch on', () => {
  const engine = new TestEngine();
  engine.executor.beginBatch();
  expect(execute(engine, 'SET', 'a', '1')).toBe('+OK\r\n');
  engine.control.f64[CONTROL_F64.maxmemory] = 1;
  setGate(engine.control, GATE.memoryLimit, true);
  expect(execute(engine, 'SET', 'a', '1')).toMatch(/^-OOM/);
  engine.executor.endBatch();
});

test('#12 the clock goes on between the commands of a batch', () => {
  const engine = new TestEngine();
  engine.executor.beginBatch();
  execute(engine, 'SET', 'a', '1', 'PX', '500');
  engine.advance(1000);
  expect(execute(engine, 'GET', 'a')).toBe('$-1\r\n');
  engine.executor.endBatch();
});

test('#12 a group that an exception left open ends, and swallows nothing', () => {
  const log = new EffectLog(new SharedArrayBuffer(EFFECT_LOG_BYTES));
  const set = (key: string): void => {
    log.begin(2);
    log.text('DEL');
    log.text(key);
    log.commit(0);
  };
  const taken = (): string[] => log.take().map(({ args }) => args.map((arg) => Buffer.from(arg).toString()).join(' '));
  log.beginGroup();
  log.beginGroup();
  set('a');
  log.endAll();
  set('b');
  expect(taken()).toEqual(['DEL a', 'DEL b']);
  // An end too many, as when effects were switched on in between, does no harm to the groups after it.
  log.endGroup();
  log.beginGroup();
  log.beginGroup();
  set('c');
  log.endGroup();
  set('d');
  log.endGroup();
  expect(taken()).toEqual(['MULTI', 'DEL c', 'DEL d', 'EXEC']);
});
