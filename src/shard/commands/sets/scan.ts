/** SSCAN: a step over a big set; a set in one cell comes whole. See collection-scan.ts for what is promised. */
import { integer, key, keyRO, OPT, pattern } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { INVALID_CURSOR } from '../../../shared/errors/replies.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';
import { boundInline, readTyped, WRONG } from '../../context/typed-key.js';
import { SET_TABLE } from '../../entry/encodings.js';
import { entryEncoding, TYPE_SET } from '../../entry/entry.js';
import { elementName, name, replyName } from '../../structures/element.js';
import { SetCursor } from '../../types/set/set-cursor.js';
import { openSetTable, setCount } from '../../types/set/set-value.js';
import {
  collected,
  collectScan,
  cursorArg,
  scanMatches,
  scanOption,
  scanOptions,
} from '../arguments/collection-scan.js';

const CURSOR = new SetCursor();

function sscan(ctx: ExecContext, args: Args, reply: Reply): void {
  const cursor = cursorArg(args, 2);
  if (Number.isNaN(cursor)) {
    reply.error(INVALID_CURSOR);
    return;
  }
  const e = readTyped(ctx, args, 1, TYPE_SET, reply);
  if (e === WRONG) return;
  if (e === NULL) {
    reply.array(2);
    reply.bulkInt(0);
    reply.array(0);
    return;
  }
  if (!scanOptions(args, reply, false)) return;
  const arena = ctx.arena;
  const size = setCount(arena, e);
  if (entryEncoding(arena, e) === SET_TABLE) {
    boundInline(ctx, Math.min(scanOption.count, size));
    scanTable(ctx, args, e, cursor, reply);
    return;
  }
  boundInline(ctx, size);
  reply.array(2);
  reply.bulkInt(0);
  const mark = reply.deferredArray();
  let listed = 0;
  CURSOR.open(arena, e);
  while (CURSOR.next()) {
    if (!scanMatches(args, CURSOR.u8, CURSOR.off, CURSOR.len)) continue;
    reply.bulkView(CURSOR.u8, CURSOR.dv, CURSOR.off, CURSOR.len);
    listed++;
  }
  reply.setDeferred(mark, listed);
}

function scanTable(ctx: ExecContext, args: Args, e: Ptr, cursor: number, reply: Reply): void {
  const arena = ctx.arena;
  collectScan(openSetTable(arena, e), cursor, scanOption.count);
  const { elements, count } = collected;
  let listed = count;
  if (scanOption.match !== 0) {
    listed = 0;
    for (let i = 0; i < count; i++) {
      elementName(arena, elements[i]! as Ptr);
      if (scanMatches(args, name.u8, name.off, name.len)) elements[listed++] = elements[i]!;
    }
  }
  reply.array(2);
  reply.bulkInt(collected.cursor);
  reply.array(listed);
  for (let i = 0; i < listed; i++) replyName(arena, elements[i]! as Ptr, reply);
}

export const setScanCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    name: 'sscan',
    arity: -3,
    flags: ['readonly'],
    acl: ['@set'],
    group: 'set',
    since: '2.8.0',
    longWork: 'value',
    complexity: 'O(1) a call; O(N) for a walk over all N members.',
    summary: 'Walks over the members of a set in steps.',
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
    handler: sscan,
  }),
];
