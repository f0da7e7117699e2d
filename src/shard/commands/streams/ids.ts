/** Ids and options that the stream commands have in common. */
import { NOT_INTEGER, SYNTAX } from '../../../shared/errors/replies.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { ID_BAD, parseId, StreamId } from '../../types/stream/stream-id.js';
import { TrimRule } from '../../types/stream/stream-value.js';
import { integerArg } from '../arguments/integer.js';

export const BAD_ID = 'ERR Invalid stream ID specified as stream command argument';
/** Trimming with `~` removes at most so many times stream-node-max-entries entries at once. */
const TRIM_FACTOR = 100;
const TRIM_LIMIT_DEFAULT = 10_000;
const TRIM_LIMIT_MAX = 1_000_000;

/** Argument i as Redis prints it in an error: up to a zero byte. Cold. */
export function shown(args: Args, i: number): string {
  const text = args.latin1(i);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/** Argument i as a complete id ("ms" alone counts as ms-0); false after an error has been written. */
export function idArgument(args: Args, i: number, id: StreamId, reply: Reply): boolean {
  if (parseId(args, i, id, false, false) !== ID_BAD) return true;
  reply.errorText(BAD_ID);
  return false;
}

/** Argument i as an end of a range: `-`, `+`, an id, or one in brackets `(`; false after an error has been written. */
export function rangeArgument(args: Args, i: number, end: boolean, id: StreamId, reply: Reply): boolean {
  const off = args.off[i]!;
  const len = args.len[i]!;
  if (len === 1 && args.u8[off] === 45) {
    id.setMin();
    return true;
  }
  if (len === 1 && args.u8[off] === 43) {
    id.setMax();
    return true;
  }
  const open = len > 1 && args.u8[off] === 40;
  if (open) {
    args.off[i] = off + 1;
    args.len[i] = len - 1;
  }
  const how = parseId(args, i, id, end, false);
  if (open) {
    args.off[i] = off;
    args.len[i] = len;
  }
  if (how === ID_BAD) {
    reply.errorText(BAD_ID);
    return false;
  }
  if (!open) return true;
  if (end ? id.decrement() : id.increment()) return true;
  reply.errorText(end ? 'ERR invalid end ID for the interval' : 'ERR invalid start ID for the interval');
  return false;
}

export const trimRule = new TrimRule();
/**
 * What was read beside the rule: index of its threshold; whether NOMKSTREAM stood there; of XADD's id how it was given
 * (ID_GIVEN, ID_NO_SEQ, ID_AUTO_SEQ; ID_BAD for `*`).
 */
export const trimOptions = { thresholdArg: 0, noMake: false, idGiven: ID_BAD };
/** XADD's id, if it was given. */
export const givenId = new StreamId();

/**
 * Reads the options of XADD (`add`) or XTRIM from argument i on; returns the index of the first argument that is none,
 * -1 after an error has been written.
 */
export function trimArguments(ctx: ExecContext, args: Args, i: number, add: boolean, reply: Reply): number {
  const rule = trimRule;
  rule.by = 0;
  rule.approximate = false;
  rule.limit = 0;
  trimOptions.noMake = false;
  trimOptions.idGiven = ID_BAD;
  let limitGiven = false;
  for (; i < args.argc; i++) {
    const more = args.argc - 1 - i;
    if (add && args.len[i] === 1 && args.u8[args.off[i]!] === 42) break;
    if ((args.is(i, 'maxlen') || args.is(i, 'minid')) && more > 0) {
      if (rule.by !== 0) {
        reply.errorText('ERR syntax error, MAXLEN and MINID options at the same time are not compatible');
        return -1;
      }
      const byId = args.is(i, 'minid');
      let at = i + 1;
      rule.approximate = false;
      if (more >= 2 && args.len[at] === 1) {
        const mark = args.u8[args.off[at]!];
        if (mark === 126 || mark === 61) {
          rule.approximate = mark === 126;
          at++;
        }
      }
      if (byId) {
        if (!idArgument(args, at, rule.minId, reply)) return -1;
      } else {
        const n = integerArg(args, at);
        if (Number.isNaN(n)) {
          reply.error(NOT_INTEGER);
          return -1;
        }
        if (n < 0) {
          reply.errorText('ERR The MAXLEN argument must be >= 0.');
          return -1;
        }
        rule.maxLength = n;
      }
      rule.by = byId ? 2 : 1;
      trimOptions.thresholdArg = at;
      i = at;
    } else if (args.is(i, 'limit') && more > 0) {
      const n = integerArg(args, i + 1);
      if (Number.isNaN(n)) {
        reply.error(NOT_INTEGER);
        return -1;
      }
      if (n < 0) {
        reply.errorText('ERR The LIMIT argument must be >= 0.');
        return -1;
      }
      rule.limit = n;
      limitGiven = true;
      i++;
    } else if (add && args.is(i, 'nomkstream')) trimOptions.noMake = true;
    else if (add) {
      trimOptions.idGiven = parseId(args, i, givenId, false, true);
      if (trimOptions.idGiven !== ID_BAD) break;
      reply.errorText(BAD_ID);
      return -1;
    } else {
      reply.error(SYNTAX);
      return -1;
    }
  }
  if (rule.limit > 0 && rule.by === 0) {
    reply.errorText('ERR syntax error, LIMIT cannot be used without specifying a trimming strategy');
    return -1;
  }
  if (!add && rule.by === 0) {
    reply.errorText('ERR syntax error, XTRIM must be called with a trimming strategy');
    return -1;
  }
  if (limitGiven && !rule.approximate) {
    reply.errorText('ERR syntax error, LIMIT cannot be used without the special ~ option');
    return -1;
  }
  if (rule.approximate && !limitGiven) {
    const perNode = ctx.control.f64[CONTROL_F64.streamNodeMaxEntries]!;
    rule.limit = perNode > 0 ? Math.min(TRIM_FACTOR * perNode, TRIM_LIMIT_MAX) : TRIM_LIMIT_DEFAULT;
  }
  return i;
}
