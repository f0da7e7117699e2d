/**
 * Cells that differ, each with its reason; nothing else may. With `lines` only what matches them is left out of the
 * cell, otherwise the cell only has to run and leave the server as it was.
 */
interface Difference {
  readonly why: string;
  /** Matches `state: event`. */
  readonly cell: RegExp;
  readonly lines?: RegExp;
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
  },
  {
    why: 'of one and the same write, keyspace event and invalidation come in either order',
    cell: /tracks keys.*: pushed: a keyspace event/,
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

/** Faults that are known and being mended: to become empty. */
const KNOWN: readonly Difference[] = [
  {
    why: 'invalidations are held back while a client waits in a command',
    cell: /waits in .*: pushed: an invalidation/,
  },
  { why: 'messages are held back while a client waits in WAIT', cell: /waits in WAIT.*: pushed: / },
];

/** What is left out of a cell: some lines, all of it (`true`), or nothing (`null`). */
export type Allowance = RegExp | true | null;

export function allowanceFor(cell: string): Allowance {
  const rows = [...DIFFERENCES, ...KNOWN].filter((row) => row.cell.test(cell));
  if (rows.length === 0) return null;
  if (rows.some((row) => row.lines === undefined)) return true;
  return new RegExp(rows.map((row) => row.lines!.source).join('|'));
}
