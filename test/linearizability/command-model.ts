/**
 * The commands of the model, one after the other, as the Redis documentation tells them. A command is a row: where its
 * keys are, whether it only reads, and what it does to a draft.
 */
import { type Draft, KeyspaceState, type Value } from './keyspace-model.js';
import type { Reply } from './operation.js';

/** The command ends here with an error reply. */
class CommandError extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

interface CommandModel {
  keys(args: readonly string[]): readonly string[];
  readonly isRead?: true;
  run(draft: Draft, args: readonly string[]): Reply;
}

type Kind = Value['kind'];
type Of<K extends Kind> = Extract<Value, { kind: K }>;

/** The value of a key, which must be of this kind if there is one. */
function typed<K extends Kind>(draft: Draft, key: string, kind: K): Of<K> | undefined {
  const value = draft.get(key);
  if (value !== undefined && value.kind !== kind) throw new CommandError('WRONGTYPE');
  return value as Of<K> | undefined;
}

const textOf = (draft: Draft, key: string): string | null => typed(draft, key, 'string')?.text ?? null;
const itemsOf = (draft: Draft, key: string): readonly string[] => typed(draft, key, 'list')?.items ?? [];
const membersOf = (draft: Draft, key: string): readonly string[] => typed(draft, key, 'set')?.members ?? [];
const fieldsOf = (draft: Draft, key: string): ReadonlyMap<string, string> =>
  new Map(typed(draft, key, 'hash')?.fields ?? []);

function putText(draft: Draft, key: string, text: string): void {
  draft.put(key, { kind: 'string', text });
}
function putItems(draft: Draft, key: string, items: readonly string[]): void {
  draft.put(key, { kind: 'list', items });
}
function putMembers(draft: Draft, key: string, members: Iterable<string>): void {
  draft.put(key, { kind: 'set', members: [...new Set(members)].sort() });
}
function putFields(draft: Draft, key: string, fields: ReadonlyMap<string, string>): void {
  draft.put(key, { kind: 'hash', fields: [...fields].sort(([a], [b]) => (a < b ? -1 : 1)) });
}

function integer(text: string | null): number {
  if (text === null) return 0;
  const n = Number(text);
  if (!/^-?\d{1,15}$/.test(text) || String(n) !== text) throw new CommandError('ERR');
  return n;
}

function increment(draft: Draft, key: string, by: number): number {
  const sum = integer(textOf(draft, key)) + by;
  putText(draft, key, String(sum));
  return sum;
}

function push(draft: Draft, key: string, left: boolean, items: readonly string[]): number {
  const old = itemsOf(draft, key);
  const next = left ? [...[...items].reverse(), ...old] : [...old, ...items];
  putItems(draft, key, next);
  return next.length;
}

/** Takes an item from an end of a list. @requires a list that is not empty */
function take(draft: Draft, key: string, left: boolean): string {
  const items = itemsOf(draft, key);
  putItems(draft, key, left ? items.slice(1) : items.slice(0, -1));
  return left ? items[0]! : items.at(-1)!;
}

function move(draft: Draft, from: string, to: string, fromLeft: boolean, toLeft: boolean): Reply {
  if (itemsOf(draft, from).length === 0) return null;
  itemsOf(draft, to);
  const item = take(draft, from, fromLeft);
  push(draft, to, toLeft, [item]);
  return item;
}

function pairsOf(args: readonly string[]): [string, string][] {
  return Array.from({ length: args.length >> 1 }, (_, i) => [args[2 * i]!, args[2 * i + 1]!]);
}

const one = (args: readonly string[]): readonly string[] => [args[1]!];
const two = (args: readonly string[]): readonly string[] => [args[1]!, args[2]!];
const rest = (args: readonly string[]): readonly string[] => args.slice(1);
const everySecond = (args: readonly string[]): readonly string[] => pairsOf(args.slice(1)).map(([key]) => key);

/** The commands by name, blocking ones left out (see `blocking` below). */
const COMMANDS: Readonly<Record<string, CommandModel>> = {
  GET: { keys: one, isRead: true, run: (d, [, key]) => textOf(d, key!) },
  SET: {
    keys: one,
    run: (d, [, key, text]) => {
      putText(d, key!, text!);
      return 'OK';
    },
  },
  SETNX: {
    keys: one,
    run: (d, [, key, text]) => {
      if (d.get(key!) !== undefined) return 0;
      putText(d, key!, text!);
      return 1;
    },
  },
  GETSET: {
    keys: one,
    run: (d, [, key, text]) => {
      const old = textOf(d, key!);
      putText(d, key!, text!);
      return old;
    },
  },
  APPEND: {
    keys: one,
    run: (d, [, key, text]) => {
      const whole = (textOf(d, key!) ?? '') + text!;
      putText(d, key!, whole);
      return whole.length;
    },
  },
  STRLEN: { keys: one, isRead: true, run: (d, [, key]) => (textOf(d, key!) ?? '').length },
  INCR: { keys: one, run: (d, [, key]) => increment(d, key!, 1) },
  INCRBY: { keys: one, run: (d, [, key, by]) => increment(d, key!, Number(by)) },
  DECRBY: { keys: one, run: (d, [, key, by]) => increment(d, key!, -Number(by)) },
  MGET: {
    keys: rest,
    isRead: true,
    run: (d, [, ...keys]) =>
      keys.map((key) => {
        const value = d.get(key);
        return value?.kind === 'string' ? value.text : null;
      }),
  },
  MSET: {
    keys: everySecond,
    run: (d, [, ...pairs]) => {
      for (const [key, text] of pairsOf(pairs)) putText(d, key, text);
      return 'OK';
    },
  },
  MSETNX: {
    keys: everySecond,
    run: (d, [, ...pairs]) => {
      if (pairsOf(pairs).some(([key]) => d.get(key) !== undefined)) return 0;
      for (const [key, text] of pairsOf(pairs)) putText(d, key, text);
      return 1;
    },
  },
  DEL: {
    keys: rest,
    run: (d, [, ...keys]) => {
      const there = new Set(keys.filter((key) => d.get(key) !== undefined));
      for (const key of there) d.put(key, undefined);
      return there.size;
    },
  },
  EXISTS: { keys: rest, isRead: true, run: (d, [, ...keys]) => keys.filter((key) => d.get(key) !== undefined).length },
  RENAME: {
    keys: two,
    run: (d, [, from, to]) => {
      const value = d.get(from!);
      if (value === undefined) throw new CommandError('ERR');
      if (from === to) return 'OK';
      d.put(from!, undefined);
      d.put(to!, value);
      return 'OK';
    },
  },
  COPY: {
    keys: two,
    run: (d, [, from, to, replace]) => {
      const value = d.get(from!);
      if (value === undefined || (replace === undefined && d.get(to!) !== undefined)) return 0;
      d.put(to!, value);
      return 1;
    },
  },
  LPUSH: { keys: one, run: (d, [, key, ...items]) => push(d, key!, true, items) },
  RPUSH: { keys: one, run: (d, [, key, ...items]) => push(d, key!, false, items) },
  LPOP: { keys: one, run: (d, [, key]) => (itemsOf(d, key!).length === 0 ? null : take(d, key!, true)) },
  RPOP: { keys: one, run: (d, [, key]) => (itemsOf(d, key!).length === 0 ? null : take(d, key!, false)) },
  LLEN: { keys: one, isRead: true, run: (d, [, key]) => itemsOf(d, key!).length },
  LRANGE: { keys: one, isRead: true, run: (d, [, key]) => itemsOf(d, key!) },
  LMOVE: {
    keys: two,
    run: (d, [, from, to, out, into]) => move(d, from!, to!, out === 'LEFT', into === 'LEFT'),
  },
  SADD: {
    keys: one,
    run: (d, [, key, ...members]) => {
      const old = membersOf(d, key!);
      const added = [...new Set(members)].filter((member) => !old.includes(member));
      if (added.length > 0) putMembers(d, key!, [...old, ...added]);
      return added.length;
    },
  },
  SREM: {
    keys: one,
    run: (d, [, key, ...members]) => {
      const old = membersOf(d, key!);
      const left = old.filter((member) => !members.includes(member));
      if (left.length < old.length) putMembers(d, key!, left);
      return old.length - left.length;
    },
  },
  SMOVE: {
    keys: two,
    run: (d, [, from, to, member]) => {
      if (d.get(from!) === undefined) return 0;
      const source = membersOf(d, from!);
      const target = membersOf(d, to!);
      if (!source.includes(member!)) return 0;
      if (from === to) return 1;
      putMembers(
        d,
        from!,
        source.filter((each) => each !== member),
      );
      // To those who watch it a set that has the member already is not changed.
      if (!target.includes(member!)) putMembers(d, to!, [...target, member!]);
      return 1;
    },
  },
  SMEMBERS: { keys: one, isRead: true, run: (d, [, key]) => membersOf(d, key!) },
  SISMEMBER: { keys: two, isRead: true, run: (d, [, key, member]) => (membersOf(d, key!).includes(member!) ? 1 : 0) },
  SUNION: {
    keys: rest,
    isRead: true,
    run: (d, [, ...keys]) => [...new Set(keys.flatMap((key) => membersOf(d, key)))].sort(),
  },
  SUNIONSTORE: {
    keys: rest,
    run: (d, [, to, ...keys]) => {
      const union = new Set(keys.flatMap((key) => membersOf(d, key)));
      if (union.size > 0 || d.get(to!) !== undefined) putMembers(d, to!, union);
      return union.size;
    },
  },
  HSET: {
    keys: one,
    run: (d, [, key, field, text]) => {
      const fields = new Map(fieldsOf(d, key!));
      const isNew = !fields.has(field!);
      putFields(d, key!, fields.set(field!, text!));
      return isNew ? 1 : 0;
    },
  },
  HGET: { keys: one, isRead: true, run: (d, [, key, field]) => fieldsOf(d, key!).get(field!) ?? null },
  HDEL: {
    keys: one,
    run: (d, [, key, field]) => {
      const fields = new Map(fieldsOf(d, key!));
      if (!fields.delete(field!)) return 0;
      putFields(d, key!, fields);
      return 1;
    },
  },
  HINCRBY: {
    keys: one,
    run: (d, [, key, field, by]) => {
      const fields = new Map(fieldsOf(d, key!));
      const sum = integer(fields.get(field!) ?? null) + Number(by);
      putFields(d, key!, fields.set(field!, String(sum)));
      return sum;
    },
  },
  HGETALL: { keys: one, isRead: true, run: (d, [, key]) => [...fieldsOf(d, key!)].flat() },
};

/** Members and fields come in no particular order. */
const UNORDERED: ReadonlySet<string> = new Set(['SMEMBERS', 'SUNION']);

/** The keys that a command names. */
export function keysOfCommand(args: readonly string[]): readonly string[] {
  const name = args[0]!;
  if (name === 'BLPOP') return args.slice(1, -1);
  if (name === 'BLMOVE') return two(args);
  if (name === 'WATCH') return rest(args);
  if (name === 'UNWATCH') return [];
  return COMMANDS[name]!.keys(args);
}

/** Whether the command changes nothing, whatever the state. */
export function isReadCommand(args: readonly string[]): boolean {
  return COMMANDS[args[0]!]?.isRead === true;
}

/** Carries out a command that does not block. */
export function runCommand(draft: Draft, args: readonly string[]): Reply {
  try {
    return COMMANDS[args[0]!]!.run(draft, args);
  } catch (error) {
    if (error instanceof CommandError) return { error: error.code };
    throw error;
  }
}

/** The reply in the order of the model. */
export function inModelOrder(args: readonly string[], reply: Reply): Reply {
  if (!Array.isArray(reply)) return reply;
  if (UNORDERED.has(args[0]!)) return [...(reply as string[])].sort();
  if (args[0] !== 'HGETALL') return reply;
  return pairsOf(reply as string[])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flat();
}

/** One way in which an action may go. */
export interface Outcome {
  readonly reply: Reply;
  readonly state: KeyspaceState;
}

/**
 * The ways in which a blocking command may go that takes effect now. What it waits for may have been of another type
 * or absent when it began, and which of several keys became ready first cannot be seen: hence more than one.
 */
export function runBlocking(state: KeyspaceState, draftOf: () => Draft, args: readonly string[]): Outcome[] {
  const outcomes: Outcome[] = [];
  const isMove = args[0] === 'BLMOVE';
  const keys = isMove ? [args[1]!] : args.slice(1, -1);
  let isReady = false;
  for (const key of keys) {
    const value = state.values.get(key);
    if (value === undefined) continue;
    if (value.kind !== 'list') {
      outcomes.push({ reply: { error: 'WRONGTYPE' }, state });
      continue;
    }
    isReady = true;
    const draft = draftOf();
    const reply = isMove ? runCommand(draft, ['LMOVE', ...args.slice(1, 5)]) : [key, take(draft, key, true)];
    outcomes.push({ reply, state: draft.freeze() });
  }
  if (!isReady) outcomes.push({ reply: null, state });
  return outcomes;
}

/** The state with these values. */
export function stateOf(values: Readonly<Record<string, Value>>): KeyspaceState {
  return new KeyspaceState(new Map(Object.entries(values)));
}
