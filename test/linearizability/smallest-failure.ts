/**
 * Makes a segment that is not linearizable small enough to be read. Every step keeps what it proves: whatever is
 * linearizable stays so when it is cut off at some moment (what is under way then has no answer), when reads are left
 * out, and when answers of others
 * are forgotten. So if the smaller one is not linearizable, neither is the one it came from.
 */
import { isRead } from './action-model.js';
import { checkGroup, type Failure, groupsOf } from './checker.js';
import { actionText, isAnswered, type Operation, replyText } from './operation.js';

const CUT_STEPS_MAX = 400_000;
const STEPS_MAX = 50_000;
const SHRINK_MS = 8_000;

/** The operations as they were known at moment `at`. */
function cutAt(operations: readonly Operation[], at: number): Operation[] {
  return operations
    .filter(({ call }) => call <= at)
    .map((operation) => (operation.end <= at ? operation : forgotten(operation)));
}

function forgotten(operation: Operation): Operation {
  return { ...operation, end: Number.POSITIVE_INFINITY, reply: null };
}

/** A smaller segment that is not linearizable either. */
export function smallestFailure(failure: Failure): Failure {
  const deadline = performance.now() + SHRINK_MS;
  let best = failure;
  /** Takes operations in place of those of `best` if they are not linearizable; of their groups one that is not. */
  const adopt = (operations: readonly Operation[], stepsMax: number): boolean => {
    for (const group of groupsOf(operations)) {
      const initials = failure.initials.map((state) => state.only(group.keys));
      const verdict = checkGroup(group.operations, initials, { stepsMax });
      if (verdict.is !== 'not linearizable') continue;
      best = { group, initials, verdict };
      return true;
    }
    return false;
  };
  const all = failure.group.operations;
  const ends = all.filter(isAnswered).map(({ end }) => end);
  ends.sort((a, b) => a - b);
  let low = 0;
  let high = ends.length - 1;
  // The first end with which it fails: a longer history of one that fails does too.
  while (low < high && performance.now() < deadline) {
    const middle = (low + high) >> 1;
    if (adopt(cutAt(all, ends[middle]!), CUT_STEPS_MAX)) high = middle;
    else low = middle + 1;
  }
  // Ever smaller parts of it are forgotten.
  for (let size = best.group.operations.length >> 1; size >= 1; size >>= 1) {
    const ids = best.group.operations.filter(isAnswered).map(({ id }) => id);
    for (let at = 0; at < ids.length && performance.now() < deadline; at += size) {
      const part = new Set(ids.slice(at, at + size));
      const { operations } = best.group;
      if (!operations.some(({ id }) => part.has(id))) continue;
      adopt(
        operations
          .filter(({ id, action }) => !part.has(id) || !isRead(action))
          .map((operation) => (part.has(operation.id) ? forgotten(operation) : operation)),
        STEPS_MAX,
      );
    }
  }
  return best;
}

/** The failure as a table in the order of the calls, with the longest order that the model can follow. */
export function failureText({ group, initials, verdict }: Failure): string {
  const operations = [...group.operations].sort((a, b) => a.call - b.call);
  const missing = operations.filter((each) => isAnswered(each) && !verdict.order.some(({ id }) => id === each.id));
  const began = initials.map(({ text }) => `<${text}>`).join('  or  ');
  return [
    `${verdict.is} after ${verdict.steps} steps; it began with ${began}`,
    ...operations.filter(isAnswered).map(operationText),
    'Of these nobody says whether they took effect, or when:',
    ...operations.filter((each) => !isAnswered(each)).map(operationText),
    `longest order that fits: ${verdict.order.map(({ id }) => `#${id}`).join(' ') || 'none'}`,
    `does not fit behind it: ${missing.map(({ id }) => `#${id}`).join(' ')}`,
  ].join('\n');
}

function operationText(operation: Operation): string {
  const { id, client, action, call, end, reply } = operation;
  const interval = `${call}..${isAnswered(operation) ? end : ''}`.padEnd(16);
  const heard = isAnswered(operation) ? `  ->  ${replyText(reply)}` : '';
  return `  #${String(id).padEnd(5)} ${interval} ${client.padEnd(5)} ${actionText(action)}${heard}`;
}
