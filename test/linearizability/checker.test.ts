/** The checker of histories, and its model: what is in order is let through, and what is not is seen. */
import { describe, expect, test } from 'vitest';
import { SeededRandom, seedFrom } from '../harness/random.js';
import { outcomesOf } from './action-model.js';
import { checkGroup, checkSegment, checkSegments, groupsOf } from './checker.js';
import { stateOf } from './command-model.js';
import type { KeyspaceState } from './keyspace-model.js';
import { type Action, actionText, type Operation, type Reply, replyText } from './operation.js';
import { failureText, smallestFailure } from './smallest-failure.js';
import { Workload } from './workload.js';

const seed = seedFrom('LINEARIZE_SEED');
const EMPTY = stateOf({});
const NEVER = Number.POSITIVE_INFINITY;

/** A command of a client from moment `call` to moment `end`. */
function op(client: string, call: number, end: number, text: string, reply: Reply = null): Operation {
  return { id: call, client, call, end, action: { type: 'command', args: text.split(' ') }, reply, after: [] };
}

/** A transaction, its commands apart by ';'. */
function multi(client: string, call: number, end: number, text: string, reply: Reply, watched = ''): Operation {
  const commands = text.split(' ; ').map((each) => each.split(' '));
  const action: Action = { type: 'transaction', commands, watched: watched.split(' ').filter((key) => key !== '') };
  return { id: call, client, call, end, action, reply, after: [] };
}

function isLinearizable(operations: readonly Operation[], initial: KeyspaceState = EMPTY): boolean {
  const verdict = checkGroup(operations, [initial]);
  expect(verdict.is).not.toBe('unknown');
  return verdict.is === 'linearizable';
}

const text = (value: string) => ({ kind: 'string', text: value }) as const;

describe('histories that are linearizable', () => {
  test.each<[string, Operation[]]>([
    ['nothing at all', []],
    ['one after the other', [op('a', 1, 2, 'SET x 1', 'OK'), op('b', 3, 4, 'GET x', '1')]],
    ['a read during a write sees the old value', [op('a', 1, 4, 'SET x 1', 'OK'), op('b', 2, 3, 'GET x', null)]],
    ['a read during a write sees the new value', [op('a', 1, 4, 'SET x 1', 'OK'), op('b', 2, 3, 'GET x', '1')]],
    [
      'two reads during a write, the first old and the second new',
      [op('a', 1, 8, 'SET x 1', 'OK'), op('b', 2, 3, 'GET x', null), op('c', 4, 5, 'GET x', '1')],
    ],
    [
      'writes at the same time take effect in the other order',
      [op('a', 1, 4, 'SET x 1', 'OK'), op('b', 2, 3, 'SET x 2', 'OK'), op('a', 5, 6, 'GET x', '1')],
    ],
    ['increments at the same time', [op('a', 1, 4, 'INCR n', 2), op('b', 2, 3, 'INCR n', 1)]],
    [
      'an unanswered write that took effect late',
      [op('a', 1, NEVER, 'SET x 1'), op('b', 2, 3, 'GET x', null), op('b', 4, 5, 'GET x', '1')],
    ],
    ['an unanswered write that never took effect', [op('a', 1, NEVER, 'SET x 1'), op('b', 2, 3, 'GET x', null)]],
    [
      'a transaction under WATCH that fails, since there was a write',
      [
        op('a', 1, 2, 'WATCH x', 'OK'),
        op('b', 3, 4, 'SET x 1', 'OK'),
        multi('a', 5, 6, 'SET x 2', null, 'x'),
        op('a', 7, 8, 'GET x', '1'),
      ],
    ],
    [
      'a blocked pop that gets what is pushed while it waits',
      [op('a', 1, 4, 'BLPOP l 1', ['l', 'v']), op('b', 2, 3, 'RPUSH l v', 1), op('b', 5, 6, 'LLEN l', 0)],
    ],
  ])('%s', (_title, operations) => {
    expect(isLinearizable(operations)).toBe(true);
  });
});

describe('histories that are not linearizable', () => {
  test.each<[string, Operation[]]>([
    ['a value out of nowhere', [op('a', 1, 2, 'GET x', '1')]],
    ['a stale read', [op('a', 1, 2, 'SET x 1', 'OK'), op('b', 3, 4, 'GET x', null)]],
    [
      'a read that goes back behind another one',
      [op('a', 1, 8, 'SET x 1', 'OK'), op('b', 2, 3, 'GET x', '1'), op('c', 4, 5, 'GET x', null)],
    ],
    ['a lost update', [op('a', 1, 4, 'INCR n', 1), op('b', 2, 3, 'INCR n', 1)]],
    [
      'a lost write that was acknowledged',
      [op('a', 1, 2, 'RPUSH l v', 1), op('b', 3, 4, 'RPUSH l w', 2), op('a', 5, 6, 'LRANGE l 0 -1', ['w'])],
    ],
    ['half an MSET', [op('a', 1, 4, 'MSET x 1 y 1', 'OK'), op('b', 2, 3, 'MGET x y', ['1', null])]],
    [
      'two halves of an MSET that two readers saw in different order',
      [
        op('a', 1, 9, 'MSET x 1 y 1', 'OK'),
        op('b', 2, 3, 'GET x', '1'),
        op('c', 4, 5, 'GET y', null),
        op('c', 6, 7, 'GET y', '1'),
      ],
    ],
    [
      'a renamed key under both names',
      [
        op('a', 1, 2, 'SET x 1', 'OK'),
        op('a', 3, 6, 'RENAME x y', 'OK'),
        multi('b', 4, 5, 'EXISTS x ; EXISTS y', [1, 1]),
      ],
    ],
    [
      'write skew: two transactions each of which saw the state before the other',
      [multi('a', 1, 4, 'GET x ; SET y 1', [null, 'OK']), multi('b', 2, 3, 'GET y ; SET x 1', [null, 'OK'])],
    ],
    [
      'a write in the middle of a transaction',
      [multi('a', 1, 4, 'INCR n ; INCR n', [1, 3]), op('b', 2, 3, 'INCR n', 2)],
    ],
    [
      'a transaction under WATCH that goes through after a write',
      [op('a', 1, 2, 'WATCH x', 'OK'), op('b', 3, 4, 'SET x 1', 'OK'), multi('a', 5, 6, 'SET x 2', ['OK'], 'x')],
    ],
    [
      'a transaction under WATCH that fails without a write',
      [op('a', 1, 2, 'WATCH x', 'OK'), op('b', 3, 4, 'GET x', null), multi('a', 5, 6, 'SET x 2', null, 'x')],
    ],
    [
      'an item that two clients popped',
      [op('a', 1, 2, 'RPUSH l v', 1), op('b', 3, 6, 'LPOP l', 'v'), op('c', 4, 5, 'BLPOP l 1', ['l', 'v'])],
    ],
    [
      'a blocked pop that went away empty although the list was not',
      [op('a', 1, 2, 'RPUSH l v', 1), op('b', 3, 4, 'BLPOP l 1', null)],
    ],
    [
      'an unanswered write that took effect twice',
      [
        op('a', 1, NEVER, 'INCR n'),
        op('b', 2, 3, 'GET n', '1'),
        op('b', 4, 5, 'SET n 5', 'OK'),
        op('b', 6, 7, 'GET n', '6'),
      ],
    ],
  ])('%s', (_title, operations) => {
    expect(isLinearizable(operations)).toBe(false);
    expect(checkSegment(operations, EMPTY)?.verdict.is).toBe('not linearizable');
  });

  test('a pipeline that was carried out out of order, where order was promised', () => {
    const first = op('a', 1, 4, 'SET x 1', 'OK');
    const second = op('a', 2, 3, 'SET x 2', 'OK');
    const read = op('a', 5, 6, 'GET x', '1');
    expect(isLinearizable([first, second, read])).toBe(true);
    expect(isLinearizable([first, { ...second, after: [first.id] }, read])).toBe(false);
  });
});

describe('segments', () => {
  test('carry all states over in which the one before may have ended', () => {
    const blind = [op('a', 1, 4, 'SET x 1', 'OK'), op('b', 2, 3, 'SET x 2', 'OK')];
    const reading = (value: string): Operation[] => [op('a', 5, 6, 'GET x', value)];
    expect(
      checkGroup(blind, [EMPTY], { allEnds: true })
        .ends.map(({ text }) => text)
        .sort(),
    ).toHaveLength(2);
    expect(checkSegments([blind, reading('1'), reading('1')], EMPTY)).toBe(null);
    expect(checkSegments([blind, reading('2'), reading('2')], EMPTY)).toBe(null);
    expect(checkSegments([blind, reading('1'), reading('2')], EMPTY)?.verdict.is).toBe('not linearizable');
  });

  test('an unanswered operation leaves both ends open', () => {
    const { ends } = checkGroup([op('a', 1, NEVER, 'INCR n'), op('b', 2, 3, 'SET n 5', 'OK')], [EMPTY], {
      allEnds: true,
    });
    // Never, or before the SET, which hides it; or after it.
    expect(ends.map((end) => end.text).sort()).toEqual(['n="5"', 'n="6"']);
  });

  test('operations without common keys are checked apart', () => {
    const operations = [
      op('a', 1, 2, 'MSET a 1 b 1', 'OK'),
      op('a', 3, 4, 'MGET b c', ['1', null]),
      op('a', 5, 6, 'GET d', null),
      multi('a', 7, 8, 'GET e', [null], 'd'),
    ];
    const groups = groupsOf(operations).map(({ keys }) => [...keys].sort().join(' '));
    expect(groups.sort()).toEqual(['a b c', 'd e']);
  });
});

// ---- histories that a single thread made, and ones that it did not

interface Made {
  readonly operations: Operation[];
  readonly initial: KeyspaceState;
}

/** What a correct server would have answered: each action takes effect at a moment between its call and its end. */
function correctHistory(random: SeededRandom, clients: number, turns: number): Made {
  const initial = stateOf({ n1: text('7'), t1: text('begun'), l1: { kind: 'list', items: ['p', 'q', 'r'] } });
  const events: { at: number; client: string; action: Action }[] = [];
  for (let c = 0; c < clients; c++) {
    const workload = new Workload(random, `c${c}`);
    for (let turn = 0, at = random.next(); turn < turns; turn++, at += 0.5 + random.next()) {
      for (const action of workload.next().slice(0, 1)) events.push({ at, client: `c${c}`, action });
    }
  }
  events.sort((a, b) => a.at - b.at);
  let state = initial;
  const operations = events.map(({ at, client, action }, id): Operation => {
    const outcome = random.pick(outcomesOf(state, client, action));
    state = outcome.state;
    // An action lasts for less than the pause between two of a client, so a client's own do not overlap.
    const call = at - random.next() * 0.24;
    return { id, client, action, call, end: at + random.next() * 0.24, reply: outcome.reply, after: [] };
  });
  return { operations, initial };
}

/** Another reply of the same shape. */
function altered(reply: Reply): Reply {
  if (typeof reply === 'number') return reply + 1;
  if (typeof reply === 'string') return `${reply}?`;
  if (Array.isArray(reply) && reply.length > 0) return [...reply.slice(0, -1), altered(reply.at(-1)!)];
  return Array.isArray(reply) ? ['?'] : '?';
}

describe(`random histories (LINEARIZE_SEED=${seed})`, () => {
  test('what one thread answered is let through, with answers missing as well', () => {
    const random = new SeededRandom(seed);
    for (let round = 0; round < 40; round++) {
      const { operations, initial } = correctHistory(random, 8, 12);
      const failure = checkSegment(operations, initial);
      expect(failure === null ? '' : failureText(failure)).toBe('');
      const lossy = operations.map((each) => (random.chance(0.05) ? { ...each, end: NEVER, reply: null } : each));
      expect(checkSegment(lossy, initial)?.verdict.is).not.toBe('not linearizable');
    }
  });

  test('with one reply altered it is refused, and the smallest failure says which', () => {
    const random = new SeededRandom(seed + 1);
    for (let round = 0; round < 60; round++) {
      const { operations, initial } = correctHistory(random, 5, 6);
      const at = random.below(operations.length);
      const wrong = { ...operations[at]!, reply: altered(operations[at]!.reply) };
      const history = operations.with(at, wrong);
      const failure = checkSegment(history, initial);
      // A number altered by one may fit another order of what happened at the same time.
      if (failure === null && typeof operations[at]!.reply !== 'string') {
        expect(orderMattered(operations, wrong)).toBe(true);
        continue;
      }
      const what = `${actionText(wrong.action)} -> ${replyText(wrong.reply)}`;
      expect(failure?.verdict.is, what).toBe('not linearizable');
      if (round >= 10) continue;
      const smallest = smallestFailure(failure!);
      expect(smallest.verdict.is).toBe('not linearizable');
      expect(smallest.group.operations.length).toBeLessThanOrEqual(failure!.group.operations.length);
      expect(failureText(smallest)).toContain(`#${wrong.id} `);
    }
  });
});

/** Whether something else was going on during an operation. */
function orderMattered(operations: readonly Operation[], { id, call, end }: Operation): boolean {
  return operations.some((other) => other.id !== id && other.call < end && other.end > call);
}
