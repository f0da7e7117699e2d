import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ScriptLog } from '../../../src/shard/script/script-log.js';
import { type ControlBlock, THREAD_STATE } from '../../../src/shared/sync/control-block.js';

const sha = (body: string): string => createHash('sha1').update(body).digest('hex');

/** Logs of several threads over one small area, and the states of the threads. */
function logs(bytes: number) {
  const area = new Uint8Array(new SharedArrayBuffer(bytes));
  const states = new Map<number, number>();
  const control = { state: (id: number) => states.get(id) ?? THREAD_STATE.ready } as unknown as ControlBlock;
  const log = (threadId: number): ScriptLog => new ScriptLog(control, threadId, area);
  return { area, words: new Int32Array(area.buffer), states, log };
}

function add(log: ScriptLog, body: string, loaded = false): number {
  return log.add(sha(body), Buffer.from(body), loaded);
}

const text = (log: ScriptLog, body: string): string | null => {
  const found = log.find(sha(body));
  return found === null ? null : Buffer.from(found).toString();
};

describe('scripts that the server knows (#11)', () => {
  it('of EVAL the last 500 stay, of SCRIPT LOAD all', () => {
    const log = logs(1 << 20).log(5);
    for (let i = 0; i < 20; i++) add(log, `loaded ${i}`, true);
    for (let i = 0; i < 600; i++) add(log, `eval ${i}`);
    expect([log.count, log.evicted]).toEqual([520, 100]);
    expect([text(log, 'eval 99'), text(log, 'eval 100'), text(log, 'loaded 0')]).toEqual([
      null,
      'eval 100',
      'loaded 0',
    ]);
    log.flush();
    expect([log.count, text(log, 'loaded 0'), log.generation]).toEqual([0, null, 1]);
  });

  it('the script that was used last goes last, and one that is loaded later stays', () => {
    const log = logs(1 << 20).log(5);
    const place = add(log, 'used');
    const version = log.placeVersion;
    add(log, 'loaded later');
    for (let i = 0; i < 499; i++) {
      if (i === 300) expect(add(log, 'loaded later', true)).toBeGreaterThan(0);
      expect(log.use(place, version)).toBe(true);
      add(log, `eval ${i}`);
    }
    for (let i = 0; i < 400; i++) add(log, `more ${i}`);
    expect([text(log, 'used'), text(log, 'loaded later'), text(log, 'eval 0')]).toEqual(['used', 'loaded later', null]);
    for (let i = 400; i < 600; i++) add(log, `more ${i}`);
    expect([text(log, 'used'), text(log, 'loaded later')]).toEqual([null, 'loaded later']);
    expect(log.use(place, log.placeVersion)).toBe(false);
  });

  it('room is used again: more goes through than there is room for', () => {
    const log = logs(64 << 10).log(5);
    const body = (i: number): string => `${i} ${'x'.repeat(1000)}`;
    add(log, 'kept', true);
    for (let i = 0; i < 5000; i++) {
      expect(add(log, body(i))).toBeGreaterThan(0);
      if (i % 100 === 0) expect([text(log, body(i)), text(log, 'kept')]).toEqual([body(i), 'kept']);
    }
    expect(log.count).toBeGreaterThan(20);
    expect(log.usedBytes).toBeLessThanOrEqual(64 << 10);
  });

  it('loaded scripts may fill it; then one of EVAL finds no room, and nothing is lost', () => {
    const log = logs(8 << 10).log(5);
    let n = 0;
    while (add(log, `${n} ${'x'.repeat(500)}`, true) !== 0) n++;
    expect(n).toBeGreaterThan(10);
    expect(add(log, 'y'.repeat(500))).toBe(0);
    expect(add(log, 'z'.repeat(9000))).toBe(0);
    expect(log.count).toBe(n);
    for (let i = 0; i < n; i++) expect(text(log, `${i} ${'x'.repeat(500)}`)).not.toBeNull();
  });

  it('a place holds until records move', () => {
    const log = logs(16 << 10).log(5);
    add(log, 'a'.repeat(3000));
    const place = add(log, 'kept', true);
    const version = log.placeVersion;
    expect(log.use(place, version)).toBe(true);
    for (let i = 0; i < 20; i++) add(log, `${i}${'b'.repeat(2000)}`);
    expect(log.use(place, version)).toBe(false);
    const now = log.place(sha('kept'));
    expect(now).not.toBe(place);
    expect(log.use(now, log.placeVersion)).toBe(true);
  });

  it('the lock of a dead thread is taken over, that of a living one is waited for', () => {
    const { words, states, log } = logs(64 << 10);
    const first = log(5);
    add(first, 'one');
    // Thread 6 holds the lock and died before it counted what it had added.
    words[0] = 6;
    words[3] = 7;
    states.set(6, THREAD_STATE.dead);
    add(first, 'two');
    expect([first.count, text(first, 'one'), text(first, 'two'), words[0]]).toEqual([2, 'one', 'two', 0]);
    // Thread 5 died with the lock: its successor gives it back.
    words[0] = 5;
    expect(log(5).count).toBe(2);
    expect(words[0]).toBe(0);
  });

  it('a move that was cut by a death leaves nothing wrong', () => {
    const { words, states, log } = logs(64 << 10);
    const first = log(5);
    add(first, 'one', true);
    words[0] = 6;
    words[4]! += 1;
    // A reader does not trust what it finds.
    expect(text(first, 'one')).toBeNull();
    states.set(6, THREAD_STATE.dead);
    add(first, 'two');
    expect([first.count, text(first, 'one'), text(first, 'two'), first.generation]).toEqual([1, null, 'two', 1]);
  });
});
