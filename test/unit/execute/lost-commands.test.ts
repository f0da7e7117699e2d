/** What the successor of a shard thread does for a command at which the thread died (#12). */
import { describe, expect, test } from 'vitest';
import { CLIENT_IO_SHIFT } from '../../../src/shared/command/client-state.js';
import type { Args } from '../../../src/shared/resp/args.js';
import { CONTROL } from '../../../src/shared/sync/control-block.js';
import { TestEngine, wordsToArgs } from '../engine-harness.js';

const CLIENT = { id: 1, db: 0, proto: 2, flags: 0 } as const;

/** `transaction|apply` or `transaction|unwatch` of a client that watches `keys` and queued nothing. */
function ending(name: string, keys: readonly string[]): Args {
  const meta = new Int32Array(3 + keys.length);
  meta[0] = keys.length;
  const words = [name, new Uint8Array(meta.buffer), ...keys];
  // The words of meta must lie where an int32 can be read.
  const args = wordsToArgs(words);
  return args;
}

describe('#12 a command that died with its thread', () => {
  test('has the state of its keys recorded, whether it was carried out or not', () => {
    const engine = new TestEngine(2);
    engine.call('SET', 'a', '1');
    engine.call('RPUSH', 'c', 'x');
    engine.record();
    const id = engine.registry.idOf('mset');
    engine.executor.tellLost(id, wordsToArgs(['MSET', 'a', '2', 'b', '3']), CLIENT);
    engine.executor.tellLost(engine.registry.idOf('get'), wordsToArgs(['GET', 'a']), CLIENT);
    const recorded = engine.recorded();
    expect(recorded).toHaveLength(2);
    expect(recorded[0]).toMatch(/^0: RESTORE a 0 .* REPLACE ABSTTL$/s);
    expect(recorded[1]).toBe('0: DEL b');
  });

  test('has whoever watches its keys find them changed', () => {
    const engine = new TestEngine(1);
    engine.call('WATCH', 'a');
    engine.executor.tellLost(engine.registry.idOf('set'), wordsToArgs(['SET', 'a', '2']), CLIENT);
    const changed = ending('transaction|changed', ['a']);
    expect(engine.runArgs('transaction|changed', changed)).toBe(':1\r\n');
  });

  test.each(['transaction|apply', 'transaction|apply-all', 'transaction|unwatch'])(
    'ends the watches of its client: %s',
    (name) => {
      const engine = new TestEngine(2);
      const watched = (): number => engine.control.i32[CONTROL.watchedKeys]!;
      engine.call('WATCH', 'a', 'b', 'c');
      engine.flags = 1 << CLIENT_IO_SHIFT;
      engine.call('WATCH', 'c');
      expect(watched()).toBe(3);
      const tell = (): void =>
        engine.executor.tellLost(engine.registry.idOf(name), ending(name, ['a', 'b', 'c']), CLIENT);
      tell();
      // The client of another I/O thread goes on watching.
      expect(watched()).toBe(1);
      tell();
      expect(watched()).toBe(1);
    },
  );
});
