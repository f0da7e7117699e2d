/**
 * Cells that differ, each with its reason; nothing else may. With `lines` only what matches them is left out of the
 * cell, with `inAnyOrder` the order within a phase counts for nothing; otherwise the cell only has to run and leave
 * the server as it was.
 */
import { REDIS_VERSION } from '../harness/servers.js';

interface Difference {
  readonly why: string;
  /** Matches `state: event`. */
  readonly cell: RegExp;
  readonly lines?: RegExp;
  readonly inAnyOrder?: true;
  /** Only where the oracle is of these versions. */
  readonly oracle?: RegExp;
}

const DIFFERENCES: readonly Difference[] = [
  {
    why: 'Redis cuts the reply of EXEC in the middle when a queued CLIENT KILL ends its own client; here it is whole',
    cell: /in MULTI.*: CLIENT KILL by itself/,
  },
  {
    why: 'Redis does not queue what comes behind a change of a watched key, since EXEC will refuse: multi= is smaller',
    cell: /watches in MULTI: /,
    lines: /^client: /,
  },
  {
    why: 'the keys of clients that are gone are forgotten with the last client of a thread that tracks, not one by one',
    cell: /tracks keys|an invalidation/,
    lines: /^tracking_total_keys:/,
  },
  {
    why: 'events of the command that serves a waiting client come behind its reply, also if it subscribes to them',
    cell: /waits in .*: pushed: a keyspace event/,
    inAnyOrder: true,
  },
  {
    why: '7.0 writes the events of the command that serves a waiting client into the middle of its reply',
    cell: /waits in .*: pushed: a keyspace event/,
    oracle: /^7\.0\./,
  },
  {
    why: 'the invalidation by the command that serves a waiting client comes behind its reply as well: it does no harm',
    cell: /waits in XREAD: pushed: an invalidation$/,
    inAnyOrder: true,
  },
  {
    why: 'from 7.2 on a client that waits is served by its command, which remembers the keys that it reads once more',
    cell: /waits in XREAD: pushed: an invalidation$/,
    lines: /^subject: >2\|\$10\|invalidate\|\*1\|\$1\|k\|/,
    oracle: /^7\.0\./,
  },
  {
    why: '7.0 writes the pushes of a transaction into the middle of its reply',
    cell: /(in MULTI|watches).*: pushed: /,
    oracle: /^7\.0\./,
  },
  {
    why: 'Redis tells clients in broadcast mode at the end of its turn, and of FLUSHDB at once: that takes turns here',
    cell: /tracks keys with BCAST.*: FLUSH/,
  },
  {
    why: 'what a transaction over rings reads counts as changed if it was within two seconds: it does no harm',
    cell: /in MULTI.*: pushed: an invalidation/,
    lines: /^subject: >2\|\$10\|invalidate/,
  },
  {
    why: 'of one and the same write, keyspace event and invalidation come in either order',
    cell: /tracks keys.*: pushed: a keyspace event/,
    inAnyOrder: true,
  },
  {
    why: 'with several I/O threads active expiry ends a stream that a group waits for, which these cells switch off',
    cell: /waits in XREADGROUP: k expires, another one/,
  },
  {
    why: 'DEBUG DIGEST of Redis counts keys that have expired while nobody looks at them',
    cell: /: k expires, /,
    lines: /^digest: /,
  },
  {
    why: 'a key is remembered before its read finds that it has expired: one invalidation too many, which does no harm',
    cell: /tracks keys.*: k expires, it reads/,
  },
];

/** Texts of 7.0 for what 7.2 says in others. */
const GONE = /-(UNBLOCKED the stream key no longer exists|NOGROUP (the consumer group this|No such key)[^|]*)/;
/** 7.0 says that also of a stream whose key has got another type. */
const OTHER_TYPE = REDIS_VERSION?.startsWith('7.0.') === true ? /-WRONGTYPE [^|]*/ : /^never$/;

/** A line as it is compared. */
export function sameInAll(line: string): string {
  const gone = '-(the stream or its group is gone)';
  return line.replace(GONE, gone).replace(OTHER_TYPE, gone);
}

/** What may differ in a cell: some lines and the order of lines, all of it (`true`), or nothing (`null`). */
export type Allowance = { readonly lines: RegExp | null; readonly inAnyOrder: boolean } | true | null;

export function allowanceFor(cell: string): Allowance {
  const rows = DIFFERENCES.filter((row) => row.cell.test(cell) && row.oracle?.test(REDIS_VERSION ?? '') !== false);
  if (rows.length === 0) return null;
  if (rows.some((row) => row.lines === undefined && row.inAnyOrder === undefined)) return true;
  const lines = rows.flatMap((row) => (row.lines === undefined ? [] : [row.lines.source]));
  return {
    lines: lines.length === 0 ? null : new RegExp(lines.join('|')),
    inAnyOrder: rows.some((row) => row.inAnyOrder === true),
  };
}
