/**
 * GEOSEARCH, GEOSEARCHSTORE, and the older GEORADIUS and GEORADIUSBYMEMBER with their _RO forms: the members of a
 * sorted set that lie in an area, as a reply or as another sorted set.
 */
import {
  block,
  double,
  integer,
  key,
  keyAfter,
  keyOW,
  keyRO,
  OPT,
  oneOf,
  str,
  token,
} from '../../../shared/command/shorthand.js';
import { type ArgSpec, type CommandDef, defineCommand, type KeyFinder } from '../../../shared/command/spec.js';
import { GEO_ANY, GEO_STORE_OPTIONS, GEOSEARCHSTORE_OPTIONS } from '../../../shared/errors/replies.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { readTyped, WRONG } from '../../context/typed-key.js';
import { TYPE_ZSET } from '../../entry/entry.js';
import { area } from '../../types/geo/geo-area.js';
import { decodeScore, position } from '../../types/geo/geo-hash.js';
import { NEAREST, results } from '../../types/geo/geo-results.js';
import { addToZset, beginZset, dropZset, removeDestination, storeZset } from '../zsets/store.js';
import { searchArea } from './area-search.js';
import {
  options,
  RADIUS,
  RADIUS_RO,
  readCentre,
  readCentreMember,
  readCircle,
  readOptions,
  SEARCH,
  SEARCH_STORE,
} from './arguments.js';
import { replyDistance, replyPosition } from './reply.js';
import { GEO_UNITS } from './units.js';

/** First arguments behind the fixed ones. */
const BEHIND_POINT = 6;
const BEHIND_MEMBER = 5;

// ---- running

/** GEORADIUS and GEORADIUS_RO. */
function radius(ctx: ExecContext, args: Args, reply: Reply, command: number): void {
  const e = readTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e === WRONG || !readCentre(args, 2, reply) || !readCircle(args, 4, reply)) return;
  run(ctx, e, args, BEHIND_POINT, command, reply);
}

/** GEORADIUSBYMEMBER and its _RO form. */
function radiusByMember(ctx: ExecContext, args: Args, reply: Reply, command: number): void {
  const e = readTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e === WRONG) return;
  if (e !== NULL && (!readCentreMember(ctx, e, args, 2, reply) || !readCircle(args, 3, reply))) return;
  run(ctx, e, args, BEHIND_MEMBER, command, reply);
}

function georadius(ctx: ExecContext, args: Args, reply: Reply): void {
  radius(ctx, args, reply, RADIUS);
}

function georadiusRo(ctx: ExecContext, args: Args, reply: Reply): void {
  radius(ctx, args, reply, RADIUS_RO);
}

function georadiusbymember(ctx: ExecContext, args: Args, reply: Reply): void {
  radiusByMember(ctx, args, reply, RADIUS);
}

function georadiusbymemberRo(ctx: ExecContext, args: Args, reply: Reply): void {
  radiusByMember(ctx, args, reply, RADIUS_RO);
}

function geosearch(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e !== WRONG) run(ctx, e, args, 2, SEARCH, reply);
}

function geosearchstore(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 2, TYPE_ZSET, reply);
  if (e !== WRONG) run(ctx, e, args, 3, SEARCH_STORE, reply);
}

/** Whether the options fit together; false when the error has been written. */
function optionsFit(args: Args, command: number, reply: Reply): boolean {
  if (options.store !== 0 && (options.withDist || options.withHash || options.withCoord)) {
    reply.error(command === SEARCH_STORE ? GEOSEARCHSTORE_OPTIONS : GEO_STORE_OPTIONS);
    return false;
  }
  const search = command === SEARCH || command === SEARCH_STORE;
  if (search && !options.hasCentre) {
    reply.errorLatin1(`ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ${args.latin1(0)}`);
    return false;
  }
  if (search && !options.hasShape) {
    reply.errorLatin1(`ERR exactly one of BYRADIUS and BYBOX can be specified for ${args.latin1(0)}`);
    return false;
  }
  if (options.any && options.count === 0) {
    reply.error(GEO_ANY);
    return false;
  }
  return true;
}

/** Reads the options from argument `from` on and searches the set in `e`, which may be 0. */
// hot: bench/micro "executor GEOSEARCH"
function run(ctx: ExecContext, e: Ptr, args: Args, from: number, command: number, reply: Reply): void {
  if (!readOptions(ctx, e, args, from, command, reply)) return;
  if (command === SEARCH_STORE) options.store = 1;
  if (!optionsFit(args, command, reply)) return;
  const { store, count, any } = options;
  if (e === NULL) {
    if (store !== 0) removeDestination(ctx, args, store, reply);
    else reply.array(0);
    return;
  }
  let { order } = options;
  if (count !== 0 && order === 0 && !any) order = NEAREST;
  area.measured = order !== 0 || options.withDist || options.storeDist;
  area.cover();
  searchArea(ctx.arena, e, any ? count : 0, ctx);
  const wanted = count === 0 ? results.count : count;
  if (order === 0) results.takeFirst(wanted);
  else results.takeBest(wanted, order);
  if (store !== 0) storeResults(ctx, args, store, reply);
  else replyResults(reply);
}

function replyResults(reply: Reply): void {
  const { withDist, withHash, withCoord } = options;
  const extras = (withDist ? 1 : 0) + (withHash ? 1 : 0) + (withCoord ? 1 : 0);
  const { order, ordered } = results;
  reply.array(ordered);
  for (let k = 0; k < ordered; k++) {
    const i = order[k]!;
    if (extras > 0) reply.array(extras + 1);
    results.replyMember(i, reply);
    if (withDist) replyDistance(reply, results.distance[i]! / area.conversion);
    if (withHash) reply.int(Math.trunc(results.score[i]!));
    if (withCoord) {
      decodeScore(results.score[i]!);
      replyPosition(reply, position.lon, position.lat);
    }
  }
}

/** Makes the results the value of the key in argument k. */
function storeResults(ctx: ExecContext, args: Args, k: number, reply: Reply): void {
  const { ordered } = results;
  ctx.useShardOf(args, k);
  if (ordered === 0) {
    removeDestination(ctx, args, k, reply);
    return;
  }
  results.orderForStore(options.storeDist, area.conversion);
  beginZset(ctx, ordered);
  try {
    for (let n = 0; n < ordered; n++) {
      const i = results.order[n]!;
      results.member(i);
      addToZset(results.storedScore(i), results.u8, results.dv, results.off, results.len);
    }
  } catch (error) {
    dropZset();
    throw error;
  }
  storeZset(ctx, args, k, k === 1 ? 'geosearchstore' : 'georadiusstore', reply);
  ctx.dirty += ordered - 1;
}

// ---- where the keys are

const SOURCE = ['RO', 'access'] as const;
const DESTINATION = ['OW', 'update'] as const;

function isStore(args: Args, i: number): boolean {
  return args.is(i, 'store') || args.is(i, 'storedist');
}

/** The last STORE or STOREDIST counts. */
const radiusKeys: KeyFinder = (args, out, flags) => {
  let store = 0;
  for (let i = BEHIND_MEMBER; i + 1 < args.argc; i++) {
    if (isStore(args, i)) store = ++i;
  }
  if (out.length > 0) out[0] = 1;
  if (out.length > 1 && store !== 0) out[1] = store;
  flags?.push(SOURCE);
  if (store !== 0) flags?.push(DESTINATION);
  return store !== 0 ? 2 : 1;
};

/**
 * What the key specifications find is not what the command stores to, if it says STORE more than once or at its end.
 */
function oddStore(args: Args): boolean {
  let words = 0;
  for (let i = BEHIND_MEMBER; i < args.argc; i++) if (isStore(args, i)) words++;
  return words > 1 || (words === 1 && isStore(args, args.argc - 1));
}

// ---- definitions

const UNIT = oneOf('unit', GEO_UNITS);
const WITH = [
  token('withcoord', 'WITHCOORD', OPT),
  token('withdist', 'WITHDIST', OPT),
  token('withhash', 'WITHHASH', OPT),
];
const ORDER = oneOf('order', [token('asc'), token('desc')], OPT);
const COUNT = block('count-block', [integer('count', { token: 'COUNT' }), token('any', 'ANY', OPT)], OPT);
const COUNT_6_2 = block(
  'count-block',
  [integer('count', { token: 'COUNT' }), token('any', 'ANY', { ...OPT, since: '6.2.0' })],
  OPT,
);
const STORE = oneOf(
  'store',
  [
    key('storekey', { token: 'STORE', display: 'key', keySpecIndex: 1 }),
    key('storedistkey', { token: 'STOREDIST', display: 'key', keySpecIndex: 2 }),
  ],
  OPT,
);
const AREA: readonly ArgSpec[] = [
  oneOf('from', [
    str('member', { token: 'FROMMEMBER' }),
    block('fromlonlat', [double('longitude'), double('latitude')], { token: 'FROMLONLAT' }),
  ]),
  oneOf('by', [
    block('circle', [double('radius', { token: 'BYRADIUS' }), UNIT]),
    block('box', [double('width', { token: 'BYBOX' }), double('height'), UNIT]),
  ]),
  ORDER,
  COUNT,
];
const POINT = [key(), double('longitude'), double('latitude'), double('radius'), UNIT];
const MEMBER = [key(), str('member'), double('radius'), UNIT];

const GEO = {
  acl: ['@geo'],
  group: 'geo',
  route: 'key',
  inline: true,
  longWork: 'value',
  complexity: 'O(N+log(M)) for M members, N of them in the cells of the grid that cover the area.',
} as const;
const OLD = { ...GEO, deprecatedSince: '6.2.0', docFlags: ['deprecated'] } as const;
const ANY_6_2 = ['6.2.0', 'Option `ANY` of `COUNT`.'] as const;
const UPPER_CASE = ['7.0.0', 'Units may be written in upper case.'] as const;

/** GEORADIUS and GEOSEARCH with their kin. */
export const geoSearchCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...OLD,
    name: 'georadius',
    wakes: 'key',
    arity: -6,
    flags: ['write', 'denyoom'],
    since: '3.2.0',
    summary: 'Finds the members within a distance of a position; stores them under another key if asked to.',
    keys: [keyRO(1), keyAfter('STORE', BEHIND_POINT, DESTINATION), keyAfter('STOREDIST', BEHIND_POINT, DESTINATION)],
    findKeys: radiusKeys,
    everyShard: oddStore,
    args: [...POINT, ...WITH, COUNT_6_2, ORDER, STORE],
    history: [ANY_6_2, UPPER_CASE],
    replacedBy: '`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument',
    handler: georadius,
  }),
  defineCommand<ExecContext>({
    ...OLD,
    name: 'georadius_ro',
    arity: -6,
    flags: ['readonly'],
    since: '3.2.10',
    summary: 'Finds the members within a distance of a position.',
    keys: [keyRO(1)],
    args: [...POINT, ...WITH, COUNT_6_2, ORDER],
    history: [ANY_6_2, UPPER_CASE],
    replacedBy: '`GEOSEARCH` with the `BYRADIUS` argument',
    handler: georadiusRo,
  }),
  defineCommand<ExecContext>({
    ...OLD,
    name: 'georadiusbymember',
    wakes: 'key',
    arity: -5,
    flags: ['write', 'denyoom'],
    since: '3.2.0',
    summary: 'Finds the members within a distance of a member; stores them under another key if asked to.',
    keys: [keyRO(1), keyAfter('STORE', BEHIND_MEMBER, DESTINATION), keyAfter('STOREDIST', BEHIND_MEMBER, DESTINATION)],
    findKeys: radiusKeys,
    everyShard: oddStore,
    args: [...MEMBER, ...WITH, COUNT, ORDER, STORE],
    history: [ANY_6_2, UPPER_CASE],
    replacedBy: '`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments',
    handler: georadiusbymember,
  }),
  defineCommand<ExecContext>({
    ...OLD,
    name: 'georadiusbymember_ro',
    arity: -5,
    flags: ['readonly'],
    since: '3.2.10',
    summary: 'Finds the members within a distance of a member.',
    keys: [keyRO(1)],
    args: [...MEMBER, ...WITH, COUNT, ORDER],
    replacedBy: '`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments',
    history: [ANY_6_2, UPPER_CASE],
    handler: georadiusbymemberRo,
  }),
  defineCommand<ExecContext>({
    ...GEO,
    name: 'geosearch',
    arity: -7,
    flags: ['readonly'],
    since: '6.2.0',
    summary: 'Finds the members in a circle or a box around a position or a member.',
    keys: [keyRO(1)],
    args: [key(), ...AREA, ...WITH],
    history: [UPPER_CASE],
    handler: geosearch,
  }),
  defineCommand<ExecContext>({
    ...GEO,
    name: 'geosearchstore',
    wakes: 'key',
    arity: -8,
    flags: ['write', 'denyoom'],
    since: '6.2.0',
    summary: 'Stores the members in a circle or a box as another sorted set.',
    keys: [keyOW(1), keyRO(2)],
    args: [key('destination'), key('source', { keySpecIndex: 1 }), ...AREA, token('storedist', 'STOREDIST', OPT)],
    history: [UPPER_CASE],
    handler: geosearchstore,
  }),
];
