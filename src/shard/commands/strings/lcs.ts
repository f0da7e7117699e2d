/**
 * LCS: the longest common subsequence of two strings by the textbook table of lengths. A job: it copies both strings
 * under the leases of their shards, then computes without any lease, in slices.
 */
import { monotonicMs } from '../../../shared/clock.js';
import { integer, key, keyRange, OPT, token } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { NOT_INTEGER, SYNTAX } from '../../../shared/errors/replies.js';
import { NULL, type Ptr } from '../../../shared/memory/ptr.js';
import { int64, int64Number, parseInt64 } from '../../../shared/numbers/int64.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL_F64 } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { isString, stringToBytes } from '../../types/string/string-value.js';

/** Cells of the table between two looks at the clock, and how long a slice may be. */
const CELLS_PER_CLOCK = 16384;
const SLICE_MS = 0.2;

class LcsOptions {
  len = false;
  idx = false;
  withMatchLen = false;
  minMatchLen = 0;
}

/** Null when an error has been written. */
function lcsOptions(args: Args, reply: Reply): LcsOptions | null {
  const options = new LcsOptions();
  for (let i = 3; i < args.argc; i++) {
    if (args.is(i, 'idx')) options.idx = true;
    else if (args.is(i, 'len')) options.len = true;
    else if (args.is(i, 'withmatchlen')) options.withMatchLen = true;
    else if (i + 1 < args.argc && args.is(i, 'minmatchlen')) {
      i++;
      if (!parseInt64(args.u8, args.off[i]!, args.len[i]!)) {
        reply.error(NOT_INTEGER);
        return null;
      }
      options.minMatchLen = Math.max(0, int64Number(int64.hi, int64.lo));
    } else {
      reply.error(SYNTAX);
      return null;
    }
  }
  if (!options.len || !options.idx) return options;
  reply.errorText('ERR If you want both the length and indexes, please just use IDX.');
  return null;
}

/** The bytes of the string in argument i, empty when there is none; null when it is no string. @requires its lease */
function bytesOf(ctx: ExecContext, args: Args, i: number): Uint8Array | null {
  const e: Ptr = ctx.lookupRead(args, i);
  if (e === NULL) return new Uint8Array(0);
  return isString(ctx.arena, e) ? stringToBytes(ctx.arena, e) : null;
}

function* lcs(ctx: ExecContext, args: Args, reply: Reply): Generator<void, void, void> {
  const first = ctx.shardOfKey(args, 1);
  const second = ctx.shardOfKey(args, 2);
  ctx.leases.takeShard(Math.min(first, second));
  ctx.leases.takeShard(Math.max(first, second));
  ctx.refresh();
  ctx.useShard(first);
  const a = bytesOf(ctx, args, 1);
  const b = bytesOf(ctx, args, 2);
  ctx.leases.giveAll();
  if (a === null || b === null) {
    reply.errorText('ERR The specified keys must contain string values');
    return;
  }
  const options = lcsOptions(args, reply);
  if (options === null) return;
  const width = b.length + 1;
  const cells = (a.length + 1) * width;
  if (cells * 4 > ctx.control.f64[CONTROL_F64.protoMaxBulkLen]!) {
    reply.errorText('ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len');
    return;
  }
  let table: Uint32Array;
  try {
    table = new Uint32Array(cells);
  } catch {
    reply.errorText('ERR Insufficient memory, failed allocating transient memory for LCS');
    return;
  }
  let endMs = monotonicMs() + SLICE_MS;
  for (let i = 1; i <= a.length; i++) {
    for (let from = 1; from < width; from += CELLS_PER_CLOCK) {
      fillRow(table, a, b, i, from, Math.min(width, from + CELLS_PER_CLOCK));
      if (i % rowsPerClock(width) !== 0 || monotonicMs() < endMs) continue;
      yield;
      endMs = monotonicMs() + SLICE_MS;
    }
  }
  if (options.idx) replyMatches(table, a, b, options, reply);
  else if (options.len) reply.int(table[cells - 1]!);
  else replySubsequence(table, a, b, reply);
}

function rowsPerClock(width: number): number {
  return Math.max(1, Math.floor(CELLS_PER_CLOCK / width));
}

/** Cells [from, to) of row i: lengths for the first i bytes of `a` and the first j of `b`. */
function fillRow(table: Uint32Array, a: Uint8Array, b: Uint8Array, i: number, from: number, to: number): void {
  const width = b.length + 1;
  const above = (i - 1) * width;
  const row = i * width;
  const c = a[i - 1]!;
  let left = table[row + from - 1]!;
  for (let j = from; j < to; j++) {
    if (b[j - 1] === c) left = table[above + j - 1]! + 1;
    else {
      const up = table[above + j]!;
      if (up > left) left = up;
    }
    table[row + j] = left;
  }
}

function replySubsequence(table: Uint32Array, a: Uint8Array, b: Uint8Array, reply: Reply): void {
  const width = b.length + 1;
  let i = a.length;
  let j = b.length;
  let left = table[i * width + j]!;
  const at = reply.bulkBegin(left);
  while (i > 0 && j > 0) {
    if (a[i - 1] === b[j - 1]) {
      reply.u8[at + --left] = a[i - 1]!;
      i--;
      j--;
    } else if (table[(i - 1) * width + j]! > table[i * width + j - 1]!) i--;
    else j--;
  }
  reply.bulkEnd();
}

/** The matching ranges, from the end of the strings to their beginning, in the order in which Redis finds them. */
function replyMatches(table: Uint32Array, a: Uint8Array, b: Uint8Array, options: LcsOptions, reply: Reply): void {
  const width = b.length + 1;
  reply.map(2);
  reply.bulkText('matches');
  const mark = reply.deferredArray();
  let matches = 0;
  let i = a.length;
  let j = b.length;
  // The range under construction: `run` bytes from a[i] and b[j].
  let run = 0;
  while (i > 0 && j > 0) {
    const same = a[i - 1] === b[j - 1];
    if (same) {
      i--;
      j--;
      run++;
      if (i > 0 && j > 0) continue;
    }
    if (run > 0) {
      if (run >= options.minMatchLen) {
        replyMatch(i, j, run, options.withMatchLen, reply);
        matches++;
      }
      run = 0;
    }
    if (same) break;
    if (table[(i - 1) * width + j]! > table[i * width + j - 1]!) i--;
    else j--;
  }
  reply.setDeferred(mark, matches);
  reply.bulkText('len');
  reply.int(table[a.length * width + b.length]!);
}

function replyMatch(i: number, j: number, run: number, withLength: boolean, reply: Reply): void {
  reply.array(withLength ? 3 : 2);
  reply.array(2);
  reply.int(i);
  reply.int(i + run - 1);
  reply.array(2);
  reply.int(j);
  reply.int(j + run - 1);
  if (withLength) reply.int(run);
}

export const stringLcsCommands: CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    name: 'lcs',
    arity: -3,
    flags: ['readonly'],
    acl: ['@string'],
    group: 'string',
    since: '7.0.0',
    longWork: 'value',
    complexity: 'O(N*M) for strings of N and M bytes.',
    summary: 'Finds the longest common subsequence of two strings.',
    keys: [keyRange(1, 1, 1, ['RO', 'access'])],
    args: [
      key('key1'),
      key('key2'),
      token('len', 'LEN', OPT),
      token('idx', 'IDX', OPT),
      integer('min-match-len', { token: 'MINMATCHLEN', ...OPT }),
      token('withmatchlen', 'WITHMATCHLEN', OPT),
    ],
    route: 'job',
    job: lcs,
  }),
];
