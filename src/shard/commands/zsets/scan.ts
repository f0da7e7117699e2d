/** ZSCAN: all of a sorted set in steps. */
import { integer, key, keyRO, OPT, pattern } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { INVALID_CURSOR } from '../../../shared/errors/replies.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { digits17 } from '../../../shared/numbers/digits17.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, readTyped, WRONG } from '../../context/typed-key.js';
import { ZSET_PACKED } from '../../entry/encodings.js';
import { entryEncoding, TYPE_ZSET } from '../../entry/entry.js';
import { rootOf } from '../../entry/root.js';
import { elementName, elementNumber, name, replyName } from '../../structures/element.js';
import { ZsetCursor } from '../../types/zset/zset-cursor.js';
import { openZsetTable } from '../../types/zset/zset-tree.js';
import {
  collected,
  collectScan,
  cursorArg,
  scanMatches,
  scanOption,
  scanOptions,
} from '../arguments/collection-scan.js';
import { replyScoreText } from './reply.js';

const CURSOR = new ZsetCursor();

function zscan(ctx: ExecContext, args: Args, reply: Reply): void {
  const cursor = cursorArg(args, 2);
  if (Number.isNaN(cursor)) {
    reply.error(INVALID_CURSOR);
    return;
  }
  const e = readTyped(ctx, args, 1, TYPE_ZSET, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.array(2);
    reply.bulkInt(0);
    reply.array(0);
    return;
  }
  if (!scanOptions(args, reply, false)) return;
  if (entryEncoding(ctx.arena, e) === ZSET_PACKED) scanPacked(ctx, args, reply, e);
  else scanTree(ctx, args, reply, e, cursor);
}

/** Scores are text here, as in Redis, in RESP3 too; and of a tree with 17 digits. */
function scanPacked(ctx: ExecContext, args: Args, reply: Reply, e: Ptr): void {
  reply.array(2);
  reply.bulkInt(0);
  const mark = reply.deferredArray();
  let n = 0;
  CURSOR.open(ctx.arena, e, 0);
  while (CURSOR.next()) {
    if (!scanMatches(args, CURSOR.u8, CURSOR.off, CURSOR.len)) continue;
    CURSOR.reply(reply);
    replyScoreText(reply, CURSOR.score);
    n += 2;
  }
  reply.setDeferred(mark, n);
}

function scanTree(ctx: ExecContext, args: Args, reply: Reply, e: Ptr, cursor: number): void {
  const arena = ctx.arena;
  const table = openZsetTable(arena, rootOf(arena, e));
  boundInline(ctx, Math.min(scanOption.count, table.count));
  collectScan(table, cursor, scanOption.count);
  reply.array(2);
  reply.bulkInt(collected.cursor);
  const mark = reply.deferredArray();
  let n = 0;
  for (let i = 0; i < collected.count; i++) {
    const el = collected.elements[i]! as Ptr;
    if (scanOption.match !== 0) {
      elementName(arena, el);
      if (!scanMatches(args, name.u8, name.off, name.len)) continue;
    }
    replyName(arena, el, reply);
    reply.bulkLatin1(digits17(elementNumber(arena, el)));
    n += 2;
  }
  reply.setDeferred(mark, n);
}

/** ZSCAN. */
export const zsetScanCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    name: 'zscan',
    arity: -3,
    flags: ['readonly'],
    acl: ['@sortedset'],
    group: 'sorted-set',
    since: '2.8.0',
    longWork: 'value',
    complexity: 'O(1) a call; O(N) for a walk over all N members.',
    summary: 'Walks over the members of a sorted set in steps.',
    keys: [keyRO(1)],
    args: [
      key(),
      integer('cursor'),
      pattern('pattern', { ...OPT, token: 'MATCH' }),
      integer('count', { ...OPT, token: 'COUNT' }),
    ],
    tips: ['nondeterministic_output'],
    route: 'key',
    inline: true,
    handler: zscan,
  }),
];
