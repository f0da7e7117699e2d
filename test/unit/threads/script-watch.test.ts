import { describe, expect, test } from 'vitest';
import { ScriptWatch } from '../../../src/main/threads/script-watch.js';
import { CONTROL, CONTROL_F64, ControlBlock, THREAD } from '../../../src/shared/sync/control-block.js';
import { buryRun, ENDED, nextRun, RUN, runNumber, runWord } from '../../../src/shared/sync/script-run.js';

function scene() {
  const control = ControlBlock.create(1, 2);
  control.f64[CONTROL_F64.busyThresholdMs] = 300;
  const threadId = control.shardThreadId(1);
  const word = control.threadWord(threadId);
  let now = 0;
  const ended: number[] = [];
  const watch = new ScriptWatch(
    control,
    (shard) => ended.push(shard),
    () => now,
  );
  return {
    control,
    threadId,
    ended,
    run: (number: number, bits: number) => (control.i32[word + THREAD.scriptRun] = runWord(number, bits)),
    kill: (number: number) => (control.i32[word + THREAD.scriptKill] = number),
    busy: () => [control.i32[word + THREAD.scriptBusy], control.i32[CONTROL.busyScripts]],
    pass: (ms: number) => {
      for (const end = now + ms; now < end; now += 100) watch.look();
    },
  };
}

describe('#11 the watch of the main thread', () => {
  test('calls a run busy that lasts, and no row of short ones', () => {
    const { run, busy, pass, ended, control } = scene();
    for (let number = 1; number < 20; number++) {
      run(number, RUN.running);
      pass(100);
    }
    expect(busy()).toEqual([0, 0]);
    pass(400);
    expect(busy()).toEqual([RUN.running, 1]);
    run(19, 0);
    pass(100);
    expect(busy()).toEqual([0, 0]);
    control.f64[CONTROL_F64.busyThresholdMs] = 0;
    run(20, RUN.running);
    pass(5000);
    expect(busy()).toEqual([0, 0]);
    expect(ended).toEqual([]);
  });

  test('ends the thread of a run that is to end and does not, unless it wrote or is in a command', () => {
    for (const bits of [0, RUN.isFunction, RUN.wrote, RUN.command, RUN.pinned]) {
      const { run, kill, pass, ended } = scene();
      run(7, RUN.running | bits);
      kill(6);
      pass(2000);
      expect(ended).toEqual([]);
      kill(7);
      pass(500);
      expect(ended).toEqual([]);
      pass(100);
      expect(ended).toEqual((bits & ~RUN.isFunction) === 0 ? [1] : []);
    }
  });

  test('ends a finaliser that runs for a second while no script does, and calls nobody busy', () => {
    const { run, busy, pass, ended } = scene();
    run(3, RUN.running | RUN.background);
    pass(1000);
    expect(ended).toEqual([]);
    pass(100);
    expect(ended).toEqual([1]);
    expect(busy()).toEqual([0, 0]);
  });
});

test('#11 the heir of a thread hears whether the run of the dead one was to end', () => {
  const { control, threadId, run, kill, busy, pass } = scene();
  for (const [bits, wanted, what] of [
    [RUN.running, true, ENDED.script],
    [RUN.running | RUN.isFunction, true, ENDED.function],
    [RUN.running, false, ENDED.not],
    [RUN.running | RUN.wrote, true, ENDED.not],
    [0, true, ENDED.not],
  ] as const) {
    run(5, bits);
    kill(wanted ? 5 : 4);
    pass(500);
    expect(buryRun(control, threadId)).toBe(what);
    expect(busy()).toEqual([0, 0]);
    expect(buryRun(control, threadId)).toBe(ENDED.not);
  }
});

test('#11 numbers of runs come round without 0 and without touching the bits', () => {
  const last = runNumber(-1);
  expect(nextRun(last)).toBe(1);
  expect(runNumber(runWord(last, RUN.running))).toBe(last);
  expect(runWord(last, RUN.running) & 63).toBe(RUN.running);
});
