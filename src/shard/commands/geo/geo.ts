/** GEOADD, GEODIST, GEOHASH, GEOPOS, and the list of all GEO commands: sorted sets whose scores are positions. */
import {
  block,
  double,
  key,
  keyRO,
  keyRW,
  MANY,
  OPT,
  OPT_MANY,
  oneOf,
  str,
  token,
} from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { SYNTAX } from '../../../shared/errors/replies.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { readTyped, WRONG } from '../../context/typed-key.js';
import { TYPE_ZSET } from '../../entry/entry.js';
import { distance } from '../../types/geo/geo-distance.js';
import { decodeScore, encodeScore, position, TEXT_CHARS, writeGeohash } from '../../types/geo/geo-hash.js';
import { ADD_NX, ADD_XX, zsetScore } from '../../types/zset/zset-value.js';
import { adding, addScored } from '../zsets/add.js';
import { point, readPoint, readUnit } from './arguments.js';
import { replyDistance, replyPosition } from './reply.js';
import { GEO_UNITS } from './units.js';

// hot: bench/micro "executor GEOADD"
function geoadd(ctx: ExecContext, args: Args, reply: Reply): void {
  let flags = 0;
  let changes = false;
  let at = 2;
  for (; at < args.argc; at++) {
    if (args.is(at, 'nx')) flags |= ADD_NX;
    else if (args.is(at, 'xx')) flags |= ADD_XX;
    else if (args.is(at, 'ch')) changes = true;
    else break;
  }
  const words = args.argc - at;
  if (words % 3 !== 0 || words === 0 || flags === (ADD_NX | ADD_XX)) {
    reply.error(SYNTAX);
    return;
  }
  adding.flags = flags;
  adding.changes = changes;
  adding.at = at;
  adding.begin(3, words / 3);
  for (let j = 0; j < adding.count; j++) {
    if (!readPoint(args, at + 3 * j, reply)) return;
    adding.scores[j] = encodeScore(point.lon, point.lat);
  }
  addScored(ctx, args, reply);
}

/** Score of the member in argument i, NaN when there is none. */
function scoreOf(ctx: ExecContext, e: Ptr, args: Args, i: number): number {
  return e === NULL ? Number.NaN : zsetScore(ctx.arena, e, args.u8, args.dv, args.off[i]!, args.len[i]!);
}

function geodist(ctx: ExecContext, args: Args, reply: Reply): void {
  let conversion = 1;
  if (args.argc === 5) {
    conversion = readUnit(args, 4, reply);
    if (conversion < 0) return;
  } else if (args.argc > 5) {
    reply.error(SYNTAX);
    return;
  }
  const e = readTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e === WRONG) return;
  const first = scoreOf(ctx, e, args, 2);
  const second = scoreOf(ctx, e, args, 3);
  if (Number.isNaN(first) || Number.isNaN(second)) {
    reply.nil();
    return;
  }
  decodeScore(first);
  const { lon, lat } = position;
  decodeScore(second);
  replyDistance(reply, distance(lon, lat, position.lon, position.lat) / conversion);
}

function geohash(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e === WRONG) return;
  reply.array(args.argc - 2);
  for (let i = 2; i < args.argc; i++) {
    const score = scoreOf(ctx, e, args, i);
    if (Number.isNaN(score)) {
      reply.nil();
      continue;
    }
    decodeScore(score);
    const at = reply.bulkBegin(TEXT_CHARS);
    writeGeohash(reply.u8, at);
    reply.bulkEnd();
  }
}

function geopos(ctx: ExecContext, args: Args, reply: Reply): void {
  const e = readTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e === WRONG) return;
  reply.array(args.argc - 2);
  for (let i = 2; i < args.argc; i++) {
    const score = scoreOf(ctx, e, args, i);
    if (Number.isNaN(score)) {
      reply.nullArray();
      continue;
    }
    decodeScore(score);
    replyPosition(reply, position.lon, position.lat);
  }
}

// ---- definitions

const GEO = { acl: ['@geo'], group: 'geo', since: '3.2.0', route: 'key', inline: true } as const;
const READ = { ...GEO, flags: ['readonly'], keys: [keyRO(1)] } as const;

export const geoMemberCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    ...GEO,
    name: 'geoadd',
    wakes: 'key',
    arity: -5,
    flags: ['write', 'denyoom'],
    longWork: 'arguments',
    complexity: 'O(log(N)) for each member, with N members in the set.',
    summary: 'Adds members with their positions to a sorted set, or gives members other positions.',
    keys: [keyRW(1, 'update')],
    args: [
      key(),
      oneOf('condition', [token('nx'), token('xx')], { ...OPT, since: '6.2.0' }),
      token('change', 'CH', { ...OPT, since: '6.2.0' }),
      block('data', [double('longitude'), double('latitude'), str('member')], MANY),
    ],
    history: [['6.2.0', 'Options `CH`, `NX`, `XX`.']],
    handler: geoadd,
  }),
  defineCommand<ExecContext>({
    ...READ,
    name: 'geodist',
    arity: -4,
    complexity: 'O(1)',
    summary: 'Returns how far one member is from another.',
    args: [key(), str('member1'), str('member2'), oneOf('unit', GEO_UNITS, OPT)],
    handler: geodist,
  }),
  defineCommand<ExecContext>({
    ...READ,
    name: 'geohash',
    arity: -2,
    longWork: 'arguments',
    complexity: 'O(1) for each member.',
    summary: 'Returns the positions of members as geohashes of eleven characters.',
    args: [key(), str('member', OPT_MANY)],
    handler: geohash,
  }),
  defineCommand<ExecContext>({
    ...READ,
    name: 'geopos',
    arity: -2,
    longWork: 'arguments',
    complexity: 'O(1) for each member.',
    summary: 'Returns longitude and latitude of members.',
    args: [key(), str('member', OPT_MANY)],
    handler: geopos,
  }),
];

/** All GEO commands. */
