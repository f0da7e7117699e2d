/**
 * Claims: every order in which an I/O thread and the threads that serve can meet is tried. A request is answered by
 * exactly one of them, and a client that went is answered by nobody.
 */
import { describe, expect, test } from 'vitest';
import {
  beginClaim,
  endClaim,
  isOpen,
  isSettled,
  isUndecided,
  openClaim,
  takeClaim,
  takeLostClaims,
  ticketOf,
} from '../../../src/shared/sync/claims.js';

const SLOT = 3;
const SEQ = 41;

/** One thread: its steps in order. A step returns false when the thread has nothing more to do. */
type Steps = readonly ((claims: Int32Array) => boolean)[];

/** Calls `done` after each order of the steps of the threads. */
function eachOrder(
  makeThreads: (answered: string[]) => readonly Steps[],
  done: (claims: Int32Array, answers: string[]) => void,
): number {
  let orders = 0;
  const run = (order: readonly number[]): readonly number[] => {
    const claims = new Int32Array(new SharedArrayBuffer(64));
    openClaim(claims, SLOT, SEQ);
    const answers: string[] = [];
    const threads = makeThreads(answers);
    const at = threads.map(() => 0);
    const isOver = threads.map(() => false);
    for (const who of order) {
      if (!threads[who]![at[who]!++]!(claims) || at[who] === threads[who]!.length) isOver[who] = true;
    }
    const alive = threads.map((_, i) => i).filter((i) => !isOver[i]);
    if (alive.length === 0) {
      orders++;
      done(claims, answers);
    }
    return alive;
  };
  const go = (order: readonly number[]): void => {
    for (const who of run(order)) go([...order, who]);
  };
  go([]);
  return orders;
}

const serving = (name: string, answers: string[], isReady: boolean): Steps => [
  (claims) => beginClaim(claims, SLOT, SEQ),
  () => {
    if (isReady) answers.push(name);
    return true;
  },
  (claims) => {
    endClaim(claims, SLOT, SEQ, isReady);
    return true;
  },
];
const answering = (answers: string[]): Steps => [
  (claims) => {
    if (!takeClaim(claims, SLOT, SEQ)) return false;
    answers.push('here');
    return true;
  },
];

describe('whoever meets at a claim:', () => {
  test('two threads that serve and the client’s own thread give one answer', () => {
    const orders = eachOrder(
      (answers) => [serving('one', answers, true), serving('two', answers, true), answering(answers)],
      (claims, answers) => {
        expect(answers.length).toBe(1);
        expect(isSettled(claims, SLOT, SEQ)).toBe(true);
      },
    );
    expect(orders).toBeGreaterThan(10);
  });

  test('a request that is not ready after all stays blocked, or its own thread answers it', () => {
    eachOrder(
      (answers) => [serving('one', answers, false), answering(answers)],
      (claims, answers) => {
        expect(answers.filter((name) => name !== 'here')).toEqual([]);
        expect(isOpen(claims, SLOT, SEQ)).toBe(answers.length === 0);
      },
    );
  });

  test('while a thread decides the claim says so, and to nobody else', () => {
    const claims = new Int32Array(8);
    openClaim(claims, SLOT, SEQ);
    expect([isOpen(claims, SLOT, SEQ), isUndecided(claims, SLOT, SEQ), isSettled(claims, SLOT, SEQ)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(beginClaim(claims, SLOT, SEQ)).toBe(true);
    expect([isOpen(claims, SLOT, SEQ), isUndecided(claims, SLOT, SEQ), isSettled(claims, SLOT, SEQ)]).toEqual([
      false,
      true,
      false,
    ]);
    expect(takeClaim(claims, SLOT, SEQ)).toBe(false);
    expect(isUndecided(claims, SLOT, SEQ + 1)).toBe(false);
    expect(beginClaim(claims, SLOT, SEQ + 1)).toBe(false);
  });
});

test('a ticket is never 0, and its negative is no other word, for any sequence number', () => {
  const gone = -0x7fffffff;
  for (const seq of [0, 1, 2 ** 30 - 1, 2 ** 30, 2 ** 31, 2 ** 32 - 1]) {
    const ticket = ticketOf(seq);
    expect(ticket).toBeGreaterThan(0);
    expect(-ticket).not.toBe(gone);
    const claims = new Int32Array(8);
    openClaim(claims, SLOT, seq);
    beginClaim(claims, SLOT, seq);
    const lost: [number, number][] = [];
    takeLostClaims(claims, (slot, like) => lost.push([slot, ticketOf(like)]));
    expect(lost).toEqual([[SLOT, ticket]]);
    expect(claims[SLOT]).toBe(0);
  }
});
