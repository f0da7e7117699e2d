/**
 * ZUNION, ZINTER, ZDIFF with their STORE forms, and ZINTERCARD. Inputs are sorted sets and sets, on several shards
 * perhaps: all are looked up first. The result is collected beside the arena, sorted, and then answered, or built in
 * the arena of its key in ascending order, which fills the tree's nodes best.
 *
 *     union          the members of all inputs, the smallest input first, scores combined
 *     intersection   those of the smallest input that all others have
 *     difference     those of the first input that no other has
 */
import {
  integer,
  key,
  keyAt,
  keyCounted,
  MANY,
  OPT,
  OPT_MANY,
  oneOf,
  token,
} from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand, type Handler } from '../../../shared/command/spec.js';
import { LIMIT_NEGATIVE, NOT_INTEGER, SYNTAX, WEIGHT_NOT_FLOAT, WRONGTYPE } from '../../../shared/errors/replies.js';
import { NULL } from '../../../shared/memory/ptr.js';
import { float64, parseFloat64 } from '../../../shared/numbers/float64.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline } from '../../context/typed-key.js';
import { entryType, TYPE_SET, TYPE_ZSET } from '../../entry/entry.js';
import { ScoredMembers } from '../../types/zset/scored-members.js';
import { ZsetSources } from '../../types/zset/zset-sources.js';
import { integerArg } from '../arguments/integer.js';
import { inPairs, replyMembers, replyScore } from './reply.js';
import { addToZset, beginZset, dropZset, storeZset } from './store.js';

const UNION = 0;
const INTER = 1;
const DIFF = 2;
const SUM = 0;
const MIN = 1;
const MAX = 2;

const SOURCES = new ZsetSources();
const RESULT = new ScoredMembers();

/** The options of the running command. */
class Options {
  aggregate = SUM;
  withScores = false;
  /** 0: none. */
  limit = 0;
}

const OPTIONS = new Options();

/** Looks the inputs up, whose number is in argument n, and reads the options; false when an error has been written. */
function open(ctx: ExecContext, args: Args, n: number, op: number, name: string, card: boolean, reply: Reply): boolean {
  const keys = integerArg(args, n);
  if (Number.isNaN(keys)) {
    reply.error(NOT_INTEGER);
    return false;
  }
  if (keys < 1) {
    reply.errorText(`ERR at least 1 input key is needed for '${name}' command`);
    return false;
  }
  if (keys > args.argc - n - 1) {
    reply.error(SYNTAX);
    return false;
  }
  SOURCES.clear(keys);
  for (let i = n + 1; i <= n + keys; i++) {
    const e = ctx.lookupRead(args, i);
    if (e !== NULL && entryType(ctx.arena, e) !== TYPE_ZSET && entryType(ctx.arena, e) !== TYPE_SET) {
      reply.error(WRONGTYPE);
      return false;
    }
    SOURCES.add(ctx.arena, e);
  }
  const error = parseOptions(args, n + keys + 1, keys, op, n > 1, card);
  if (error === null) return true;
  reply.error(error);
  return false;
}

function parseOptions(
  args: Args,
  from: number,
  keys: number,
  op: number,
  store: boolean,
  card: boolean,
): Uint8Array | null {
  OPTIONS.aggregate = SUM;
  OPTIONS.withScores = false;
  OPTIONS.limit = 0;
  const combines = op !== DIFF && !card;
  for (let i = from; i < args.argc; ) {
    const left = args.argc - i;
    if (combines && left >= keys + 1 && args.is(i, 'weights')) {
      for (let j = 0; j < keys; j++) {
        if (!parseFloat64(args.u8, args.off[i + 1 + j]!, args.len[i + 1 + j]!)) return WEIGHT_NOT_FLOAT;
        SOURCES.weights[j] = float64.value;
      }
      i += keys + 1;
    } else if (combines && left >= 2 && args.is(i, 'aggregate')) {
      if (args.is(i + 1, 'sum')) OPTIONS.aggregate = SUM;
      else if (args.is(i + 1, 'min')) OPTIONS.aggregate = MIN;
      else if (args.is(i + 1, 'max')) OPTIONS.aggregate = MAX;
      else return SYNTAX;
      i += 2;
    } else if (!store && !card && args.is(i, 'withscores')) {
      OPTIONS.withScores = true;
      i++;
    } else if (card && left >= 2 && args.is(i, 'limit')) {
      OPTIONS.limit = integerArg(args, i + 1);
      if (!(OPTIONS.limit >= 0)) return LIMIT_NEGATIVE;
      i += 2;
    } else return SYNTAX;
  }
  return null;
}

/** A score times the weight of its input; 0 for infinity times 0. */
function weighted(score: number, i: number): number {
  const x = score * SOURCES.weights[i]!;
  return Number.isNaN(x) ? 0 : x;
}

function combine(a: number, b: number): number {
  if (OPTIONS.aggregate === SUM) {
    const sum = a + b;
    // Infinities of both signs.
    return Number.isNaN(sum) ? 0 : sum;
  }
  // Not Math.min: a weighted score may be NaN here, which changes nothing.
  const takes = OPTIONS.aggregate === MIN ? b < a : b > a;
  return takes ? b : a;
}

// ---- collecting

function collect(op: number): void {
  if (op === DIFF) collectDifference();
  else {
    SOURCES.sort();
    if (op === UNION) collectUnion();
    else collectIntersection();
  }
}

function collectUnion(): void {
  for (let i = 0; i < SOURCES.n; i++) {
    if (SOURCES.counts[i] === 0) continue;
    const arena = SOURCES.arenas[i]!;
    SOURCES.walk(i);
    while (SOURCES.next()) {
      const score = weighted(SOURCES.score, i);
      const at = RESULT.merge(arena, SOURCES.u8, SOURCES.dv, SOURCES.off, SOURCES.len, score);
      if (at >= 0) RESULT.scores[at] = combine(RESULT.scores[at]!, score);
    }
  }
}

function collectIntersection(): void {
  if (SOURCES.counts[0] === 0) return;
  const arena = SOURCES.arenas[0]!;
  SOURCES.walk(0);
  while (SOURCES.next()) {
    let score = weighted(SOURCES.score, 0);
    let i = 1;
    for (; i < SOURCES.n; i++) {
      const other = SOURCES.scoreIn(i);
      if (Number.isNaN(other)) break;
      score = combine(score, other * SOURCES.weights[i]!);
    }
    if (i === SOURCES.n) RESULT.add(arena, SOURCES.u8, SOURCES.dv, SOURCES.off, SOURCES.len, score);
  }
}

function collectDifference(): void {
  if (SOURCES.counts[0] === 0) return;
  const arena = SOURCES.arenas[0]!;
  SOURCES.walk(0);
  while (SOURCES.next()) {
    let i = 1;
    while (i < SOURCES.n && Number.isNaN(SOURCES.scoreIn(i))) i++;
    if (i === SOURCES.n) RESULT.add(arena, SOURCES.u8, SOURCES.dv, SOURCES.off, SOURCES.len, SOURCES.score);
  }
}

// ---- answering

function answer(ctx: ExecContext, args: Args, reply: Reply, op: number, name: string): void {
  if (!open(ctx, args, 1, op, name, false, reply)) return;
  boundInline(ctx, SOURCES.total);
  try {
    collect(op);
    RESULT.sort();
    const { withScores } = OPTIONS;
    const pairs = inPairs(reply, withScores);
    const list = RESULT.members;
    replyMembers(reply, RESULT.count, withScores);
    for (let k = 0; k < RESULT.count; k++) {
      const i = RESULT.order[k]!;
      const view = list.view[i]!;
      if (pairs) reply.array(2);
      reply.bulkView(list.u8s[view]!, list.dvs[view]!, list.off[i]!, list.len[i]!);
      if (withScores) replyScore(reply, RESULT.scores[i]!);
    }
  } finally {
    RESULT.clear();
  }
}

function store(ctx: ExecContext, args: Args, reply: Reply, op: number, name: string): void {
  if (!open(ctx, args, 2, op, name, false, reply)) return;
  boundInline(ctx, SOURCES.total);
  try {
    collect(op);
    RESULT.sort();
    ctx.useShardOf(args, 1);
    build(ctx);
  } finally {
    RESULT.clear();
  }
  storeZset(ctx, args, 1, name, reply);
}

/** Builds the result in the present shard. */
function build(ctx: ExecContext): void {
  const list = RESULT.members;
  beginZset(ctx, RESULT.count);
  try {
    for (let k = 0; k < RESULT.count; k++) {
      const i = RESULT.order[k]!;
      const view = list.view[i]!;
      addToZset(RESULT.scores[i]!, list.u8s[view]!, list.dvs[view]!, list.off[i]!, list.len[i]!);
    }
  } catch (error) {
    dropZset();
    throw error;
  }
}

function zintercard(ctx: ExecContext, args: Args, reply: Reply): void {
  if (!open(ctx, args, 1, INTER, 'zintercard', true, reply)) return;
  SOURCES.sort();
  boundInline(ctx, SOURCES.counts[0]!);
  let count = 0;
  if (SOURCES.counts[0]! > 0) {
    SOURCES.walk(0);
    while (SOURCES.next()) {
      let i = 1;
      while (i < SOURCES.n && !Number.isNaN(SOURCES.scoreIn(i))) i++;
      if (i === SOURCES.n && ++count === OPTIONS.limit) break;
    }
  }
  reply.int(count);
}

// ---- definitions

const BASE = { acl: ['@sortedset'], group: 'sorted-set', route: 'key', inline: true } as const;
const WEIGHTS = [
  integer('weight', { ...OPT_MANY, token: 'WEIGHTS' }),
  oneOf('aggregate', [token('sum'), token('min'), token('max')], { ...OPT, token: 'AGGREGATE' }),
] as const;
const UNION_COST = 'O(N)+O(M*log(M)) for N members in all inputs and M in the result.';
const INTER_COST = 'O(N*K)+O(M*log(M)) for N members in the smallest of K inputs and M in the result.';
const DIFF_COST = 'O(N*K)+O(M*log(M)) for N members in the first of K inputs and M in the result.';

function reading(name: string, op: number, complexity: string, summary: string): CommandDef<ExecContext> {
  const handler: Handler<ExecContext> = (ctx, args, reply) => answer(ctx, args, reply, op, name);
  const weights = op === DIFF ? [] : WEIGHTS;
  return defineCommand<ExecContext>({
    ...BASE,
    name,
    arity: -3,
    flags: ['readonly'],
    since: '6.2.0',
    longWork: 'value',
    complexity,
    summary,
    keys: [keyCounted(1, ['RO', 'access'])],
    args: [integer('numkeys'), key('key', MANY), ...weights, token('withscores', 'WITHSCORES', OPT)],
    handler,
  });
}

function storing(
  name: string,
  op: number,
  since: string,
  complexity: string,
  summary: string,
): CommandDef<ExecContext> {
  const handler: Handler<ExecContext> = (ctx, args, reply) => store(ctx, args, reply, op, name);
  const weights = op === DIFF ? [] : WEIGHTS;
  return defineCommand<ExecContext>({
    ...BASE,
    wakes: 'key',
    name,
    arity: -4,
    flags: ['write', 'denyoom'],
    since,
    longWork: 'value',
    complexity,
    summary,
    keys: [keyAt(1, ['OW', 'update']), keyCounted(2, ['RO', 'access'])],
    args: [key('destination'), integer('numkeys'), key('key', { ...MANY, keySpecIndex: 1 }), ...weights],
    handler,
  });
}

/** The commands that combine sorted sets. */
export const zsetAlgebraCommands: CommandDef<ExecContext>[] = [
  reading('zunion', UNION, UNION_COST, 'Lists the members that any of several sorted sets has.'),
  reading('zinter', INTER, INTER_COST, 'Lists the members that all of several sorted sets have.'),
  reading('zdiff', DIFF, DIFF_COST, 'Lists the members of the first sorted set that the others lack.'),
  storing('zunionstore', UNION, '2.0.0', UNION_COST, 'Stores the members that any of several sorted sets has.'),
  storing('zinterstore', INTER, '2.0.0', INTER_COST, 'Stores the members that all of several sorted sets have.'),
  storing('zdiffstore', DIFF, '6.2.0', DIFF_COST, 'Stores the members of the first sorted set that the others lack.'),
  defineCommand<ExecContext>({
    ...BASE,
    name: 'zintercard',
    arity: -3,
    flags: ['readonly'],
    since: '7.0.0',
    longWork: 'value',
    complexity: 'O(N*K) for N members in the smallest of K inputs.',
    summary: 'Counts the members that all of several sorted sets have, up to a limit if wanted.',
    keys: [keyCounted(1, ['RO', 'access'])],
    args: [integer('numkeys'), key('key', MANY), integer('limit', { ...OPT, token: 'LIMIT' })],
    handler: zintercard,
  }),
];
