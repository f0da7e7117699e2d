import { expect, test } from 'vitest';
import { PAUSE_MS_MAX, QUICK_MAX, RestartPolicy } from '../../../src/main/threads/restart-policy.js';

test('#11 a thread that dies again and again is started less and less often, but always again', () => {
  let now = 0;
  const policy = new RestartPolicy(() => now);
  const pauses = Array.from({ length: QUICK_MAX + 6 }, () => {
    const pause = policy.died();
    now += pause;
    return pause;
  });
  expect(pauses.slice(0, QUICK_MAX).every((pause) => pause === 0)).toBe(true);
  expect(pauses.slice(QUICK_MAX)).toEqual([250, 500, 1000, 2000, PAUSE_MS_MAX, PAUSE_MS_MAX]);
  // A while later it begins anew.
  now += 60_000;
  expect(policy.died()).toBe(0);
});
