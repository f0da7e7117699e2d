/**
 * The linearizability check: whether the operations of a history can be put in an order, each at one moment between its
 * call and its end, in which the sequential model gives the very replies that were heard.
 *
 * After Wing and Gong (1993): depth first, at each step one of the operations called before the first end that is still
 * to come; with Lowe's (2017) memory of what has been tried, pairs of (operations done, state). Where operations name
 * no common keys, not even by way of others, they are checked apart, since the order between such groups cannot be
 * seen. Two more observations keep the search short:
 *
 * - The operation that ends first comes after some of the candidates. Those among them that have nothing to do with it,
 *   directly or by way of other candidates, may as well come behind it. So only the others are tried before it.
 * - What changes nothing and would be answered now as it was need not wait for a later moment.
 *
 * Invariants: (1) operations without an answer may be left out, and then they may take effect in no later segment; (2)
 * the search gives up after `stepsMax` steps, and says so: 'unknown' is neither yes nor no.
 */
import { changedNothing, isRead, keysOf, outcomesOf } from './action-model.js';
import type { Outcome } from './command-model.js';
import { KeyspaceState } from './keyspace-model.js';
import { isAnswered, type Operation, replyText } from './operation.js';

const STEPS_MAX = 400_000;

export interface Verdict {
  readonly is: 'linearizable' | 'not linearizable' | 'unknown';
  /** The states in which it may have ended; those that were looked for (see `allEnds`). */
  readonly ends: readonly KeyspaceState[];
  /** The order found; if there is none, the longest that could be. */
  readonly order: readonly Operation[];
  readonly steps: number;
}

export interface CheckOptions {
  /** Look for all states in which it may have ended, not for one. */
  readonly allEnds?: boolean;
  readonly stepsMax?: number;
}

/** One operation that has been put into the order, and what else could have been in its place. */
interface Step {
  readonly state: KeyspaceState;
  readonly candidates: readonly number[];
  /** Where in `candidates` the search stands. */
  at: number;
  outcomes: readonly Outcome[];
  outcome: number;
  /** The candidate that is in the order now, -1 none. */
  taken: number;
}

class Search {
  readonly #operations: readonly Operation[];
  /** Indexes of the answered operations by their ends. */
  readonly #byEnd: readonly number[];
  readonly #after: readonly (readonly number[])[];
  /** Keys that an operation concerns and that it may change, a bit each (or one for several). */
  readonly #touches: readonly number[];
  readonly #changes: readonly number[];
  readonly #isInert: readonly boolean[];
  readonly #isDone: Uint8Array;
  readonly #tried = new Set<string>();
  readonly #allEnds: boolean;
  readonly #stepsMax: number;
  #left: number;
  #steps = 0;
  #longest: Operation[] = [];
  #longestAnswered = -1;
  readonly #ends = new Map<string, KeyspaceState>();

  constructor(operations: readonly Operation[], options: CheckOptions) {
    this.#operations = [...operations].sort((a, b) => a.call - b.call);
    this.#byEnd = this.#operations
      .map((_, i) => i)
      .filter((i) => isAnswered(this.#operations[i]!))
      .sort((a, b) => this.#operations[a]!.end - this.#operations[b]!.end);
    const places = new Map(this.#operations.map((operation, i) => [operation.id, i]));
    // Of operations without an answer nobody knows which were carried out.
    this.#after = this.#operations.map((operation) =>
      operation.after
        .map((id) => places.get(id))
        .filter((i): i is number => i !== undefined && isAnswered(this.#operations[i]!)),
    );
    const bits = new Map<string, number>();
    const bitOf = (key: string): number => {
      if (!bits.has(key)) bits.set(key, 1 << (bits.size % 32));
      return bits.get(key)!;
    };
    this.#touches = this.#operations.map(({ action }) => keysOf(action).reduce((mask, key) => mask | bitOf(key), 0));
    this.#changes = this.#operations.map(({ action }, i) => (isRead(action) ? 0 : this.#touches[i]!));
    this.#isInert = this.#operations.map((each) => isAnswered(each) && changedNothing(each.action, each.reply));
    this.#isDone = new Uint8Array(this.#operations.length);
    this.#left = this.#byEnd.length;
    this.#allEnds = options.allEnds === true;
    this.#stepsMax = options.stepsMax ?? STEPS_MAX;
  }

  run(initials: readonly KeyspaceState[]): Verdict {
    let isComplete = true;
    for (const initial of initials) {
      isComplete = this.#from(initial);
      if (!isComplete || (this.#ends.size > 0 && !this.#allEnds)) break;
    }
    const found = this.#ends.size > 0;
    const is = found && (isComplete || !this.#allEnds) ? 'linearizable' : isComplete ? 'not linearizable' : 'unknown';
    return { is, ends: [...this.#ends.values()], order: this.#longest, steps: this.#steps };
  }

  /** Searches from one state. False when the steps did not suffice. */
  #from(initial: KeyspaceState): boolean {
    const stack: Step[] = [this.#open(initial)];
    while (stack.length > 0) {
      if (this.#left === 0) {
        const { state } = stack.at(-1)!;
        this.#note(stack);
        this.#ends.set(state.text, state);
        if (!this.#allEnds) return true;
      }
      if (this.#steps > this.#stepsMax) return false;
      const top = stack.at(-1)!;
      if (!this.#advance(top)) {
        this.#note(stack);
        stack.pop();
        const below = stack.at(-1);
        if (below !== undefined) this.#untake(below);
        continue;
      }
      stack.push(this.#open(top.outcomes[top.outcome]!.state));
    }
    return true;
  }

  /** Keeps the order on the stack if it is the longest so far. */
  #note(stack: readonly Step[]): void {
    const answered = this.#byEnd.length - this.#left;
    if (answered <= this.#longestAnswered) return;
    this.#longestAnswered = answered;
    this.#longest = stack.filter(({ taken }) => taken >= 0).map(({ taken }) => this.#operations[taken]!);
  }

  #untake(step: Step): void {
    this.#isDone[step.taken] = 0;
    if (isAnswered(this.#operations[step.taken]!)) this.#left++;
    step.taken = -1;
  }

  /** A step whose candidates are all operations that may come next. */
  #open(state: KeyspaceState): Step {
    const operations = this.#operations;
    const firstEnd = this.#byEnd.find((i) => this.#isDone[i] === 0);
    const horizon = firstEnd === undefined ? Number.POSITIVE_INFINITY : operations[firstEnd]!.end;
    let called: number[] = [];
    for (let i = 0; i < operations.length && operations[i]!.call < horizon; i++)
      if (this.#isDone[i] === 0) called.push(i);
    if (firstEnd !== undefined) called = this.#concerning(firstEnd, called);
    const candidates = called.filter((i) => this.#after[i]!.every((k) => this.#isDone[k] === 1));
    const inert = candidates.find((i) => this.#isInert[i] && this.#fitsNow(i, state));
    if (inert !== undefined) return { state, candidates: [inert], at: -1, outcomes: [], outcome: 0, taken: -1 };
    // What ended first most likely came first; what has no answer is tried last.
    candidates.sort((a, b) => operations[a]!.end - operations[b]!.end || a - b);
    return { state, candidates, at: -1, outcomes: [], outcome: 0, taken: -1 };
  }

  /** Those of `called` whose order with operation `first` may matter, and `first` itself. */
  #concerning(first: number, called: readonly number[]): number[] {
    const inside = [first];
    let outside = called.filter((i) => i !== first);
    for (let n = 0; n < inside.length; n++) {
      const a = inside[n]!;
      const apart: number[] = [];
      for (const b of outside) (this.#mayMatter(a, b) ? inside : apart).push(b);
      outside = apart;
    }
    return inside.sort((a, b) => a - b);
  }

  #mayMatter(a: number, b: number): boolean {
    if ((this.#changes[a]! & this.#touches[b]!) !== 0 || (this.#touches[a]! & this.#changes[b]!) !== 0) return true;
    return this.#after[a]!.includes(b) || this.#after[b]!.includes(a);
  }

  #fitsNow(i: number, state: KeyspaceState): boolean {
    const { client, action, reply } = this.#operations[i]!;
    const text = replyText(reply);
    return outcomesOf(state, client, action).some((outcome) => replyText(outcome.reply) === text);
  }

  /** Puts the next candidate that fits into the order. */
  #advance(step: Step): boolean {
    for (;;) {
      step.outcome++;
      if (step.outcome >= step.outcomes.length) {
        step.at++;
        step.outcome = 0;
        if (step.at >= step.candidates.length) return false;
        const { client, action } = this.#operations[step.candidates[step.at]!]!;
        step.outcomes = outcomesOf(step.state, client, action);
      }
      this.#steps++;
      const i = step.candidates[step.at]!;
      const operation = this.#operations[i]!;
      const { reply, state } = step.outcomes[step.outcome]!;
      const answered = isAnswered(operation);
      // An unanswered operation without effect is as well left out.
      if (answered ? replyText(reply) !== replyText(operation.reply) : state.text === step.state.text) continue;
      this.#isDone[i] = 1;
      const name = `${this.#doneText()}${state.text}`;
      if (this.#tried.has(name)) {
        this.#isDone[i] = 0;
        continue;
      }
      this.#tried.add(name);
      if (answered) this.#left--;
      step.taken = i;
      return true;
    }
  }

  #doneText(): string {
    const bits = this.#isDone;
    let text = '';
    for (let i = 0; i < bits.length; i += 15) {
      let word = 0;
      for (let k = i; k < i + 15 && k < bits.length; k++) word = (word << 1) | bits[k]!;
      text += String.fromCharCode(word);
    }
    return text;
  }
}

/** Checks operations as one group, from any of the states. */
export function checkGroup(
  operations: readonly Operation[],
  initials: readonly KeyspaceState[],
  options: CheckOptions = {},
): Verdict {
  return new Search(operations, options).run(initials);
}

/** Operations that concern common keys, be it by way of others, and those keys. */
export interface Group {
  readonly keys: ReadonlySet<string>;
  readonly operations: readonly Operation[];
}

/** Puts operations into groups that concern different keys. Operations without keys are in none. */
export function groupsOf(operations: readonly Operation[]): Group[] {
  const parents = new Map<string, string>();
  const root = (key: string): string => {
    let at = key;
    for (;;) {
      const parent = parents.get(at) ?? at;
      if (parent === at) return at;
      at = parent;
    }
  };
  for (const { action } of operations) {
    const keys = keysOf(action);
    for (const key of keys) parents.set(root(key), root(keys[0]!));
    if (keys.length > 0 && !parents.has(keys[0]!)) parents.set(keys[0]!, keys[0]!);
  }
  const groups = new Map<string, { keys: Set<string>; operations: Operation[] }>();
  for (const operation of operations) {
    const keys = keysOf(operation.action);
    if (keys.length === 0) continue;
    const name = root(keys[0]!);
    const group = groups.get(name) ?? { keys: new Set(), operations: [] };
    for (const key of keys) group.keys.add(key);
    group.operations.push(operation);
    groups.set(name, group);
  }
  return [...groups.values()];
}

/** What is wrong with a segment. */
export interface Failure {
  readonly group: Group;
  readonly initials: readonly KeyspaceState[];
  readonly verdict: Verdict;
}

/**
 * Checks a segment that began in `initial`, group by group. Null: it is linearizable. What is not goes before what is
 * unknown.
 */
export function checkSegment(
  operations: readonly Operation[],
  initial: KeyspaceState,
  options: CheckOptions = {},
): Failure | null {
  let unknown: Failure | null = null;
  for (const group of groupsOf(operations)) {
    const initials = [initial.only(group.keys)];
    const verdict = checkGroup(group.operations, initials, options);
    if (verdict.is === 'not linearizable') return { group, initials, verdict };
    if (verdict.is === 'unknown') unknown ??= { group, initials, verdict };
  }
  return unknown;
}

/**
 * Checks a history in segments: no operation is under way between two of them. All states in which a segment may have
 * ended are carried over into the next. Null: it is linearizable.
 */
export function checkSegments(segments: readonly (readonly Operation[])[], initial: KeyspaceState): Failure | null {
  const keys = new Set(segments.flat().flatMap(({ action }) => keysOf(action)));
  const group = (operations: readonly Operation[]): Group => ({ keys, operations });
  let states: readonly KeyspaceState[] = [initial];
  for (const operations of segments) {
    const verdict = checkGroup(operations, states, { allEnds: true });
    if (verdict.is !== 'linearizable') return { group: group(operations), initials: states, verdict };
    states = verdict.ends.map((state) => new KeyspaceState(state.values));
  }
  return null;
}
