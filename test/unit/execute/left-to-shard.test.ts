/** What an I/O thread begins and leaves to the shard's thread: too much to read, too much to copy. */
import { describe, expect, it } from 'vitest';
import { Placement } from '../../../src/shared/command/placement.js';
import { Reply } from '../../../src/shared/resp/reply.js';
import { CMD_CALLS, COMMAND_CELL, COMMANDS_AT } from '../../../src/shared/stats/stats-layout.js';
import { REGISTRY, TestEngine, type Word, wordsToArgs } from '../engine-harness.js';

const BIG = new Uint8Array(100 * 1024).fill(97);

/** Runs a command as an I/O thread does. The reply, or null when the command was left to the shard. */
function inline(engine: TestEngine, reply: Reply, ...words: Word[]): string | null {
  const args = wordsToArgs(words);
  const id = REGISTRY.idOf(String(words[0]));
  const placement = new Placement(REGISTRY, 1);
  const { executor } = engine;
  executor.beginBatch();
  placement.place(id, args);
  const before = reply.byteLength;
  const ran = executor.tryInline(id, args, reply, { id: 1, db: 0, proto: 2, flags: 0 }, placement);
  executor.endBatch();
  expect(executor.bigReply).toBe(!ran);
  executor.bigReply = false;
  if (!ran) expect(reply.byteLength).toBe(before);
  return ran ? Buffer.concat(reply.takeChunks()).toString('latin1') : null;
}

describe('a command that is too much for an I/O thread (#12)', () => {
  it('leaves neither reply nor count nor change behind, and runs on the shard', () => {
    const engine = new TestEngine();
    const reply = new Reply();
    engine.run('set', 'big', BIG);
    engine.run('set', 'small', 'x');
    engine.run('rpush', 'list', BIG, 'last');
    engine.run('rpush', 'long', ...Array.from({ length: 3000 }, (_, i) => String(i)));
    const calls = (): unknown =>
      ['get', 'mget', 'lpop', 'lrange'].map(
        (name) => engine.stats.f64[COMMANDS_AT + REGISTRY.idOf(name) * COMMAND_CELL + CMD_CALLS],
      );
    const before = calls();
    expect(inline(engine, reply, 'get', 'big')).toBe(null);
    expect(inline(engine, reply, 'mget', 'small', 'big', 'small')).toBe(null);
    expect(inline(engine, reply, 'lrange', 'long', '0', '-1')).toBe(null);
    expect(inline(engine, reply, 'lpop', 'list')).toBe(null);
    expect(calls()).toEqual(before);
    expect(engine.call('llen', 'list')).toBe(2);
    expect(engine.run('get', 'big').length).toBe(BIG.length + '$102400\r\n\r\n'.length);
    // Nothing of it is left for the next command.
    expect(inline(engine, reply, 'get', 'small')).toBe('$1\r\nx\r\n');
    expect(inline(engine, reply, 'lrange', 'long', '0', '1')).toBe('*2\r\n$1\r\n0\r\n$1\r\n1\r\n');
  });

  it('is carried out here all the same when it gives a value back and changes it', () => {
    const engine = new TestEngine();
    engine.run('set', 'big', BIG);
    expect(inline(engine, new Reply(), 'getdel', 'big')?.length).toBe(BIG.length + '$102400\r\n\r\n'.length);
    expect(engine.call('exists', 'big')).toBe(0);
  });
});
