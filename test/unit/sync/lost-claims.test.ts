/** What a thread leaves behind that dies while it serves a client that waits. */
import { expect, test } from 'vitest';
import { beginClaim, endClaim, isSettled, isUndecided, openClaim } from '../../../src/shared/sync/claims.js';
import { TestEngine } from '../engine-harness.js';

test('#11 whoever was being served when a thread died is closed, whoever waits goes on waiting', () => {
  const engine = new TestEngine(2);
  const claims = engine.control.claims(0);
  for (const slot of [5, 6, 7]) openClaim(claims, slot, 1000 + slot);
  expect(beginClaim(claims, 6, 1006)).toBe(true);
  expect(beginClaim(claims, 7, 1007)).toBe(true);
  endClaim(claims, 7, 1007, true);
  const { blocking } = engine.executor;
  blocking.everybody = true;
  engine.executor.serveDeferred();
  expect(blocking.served).toEqual([{ io: 0, slot: 6, seq: 1006, chunks: [], isLost: true }]);
  expect(isUndecided(claims, 6, 1006)).toBe(false);
  expect(isSettled(claims, 6, 1006)).toBe(true);
  expect(isSettled(claims, 5, 1005)).toBe(false);
});
