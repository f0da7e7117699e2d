/**
 * Slices: how work that grows with the clients' data, and need not be done in one piece, leaves time for other clients.
 * It runs for at most SLICE_MS, then lets the event loop go round once.
 *
 * Invariant: between two slices anything may happen; connections may be closed, sets may change.
 */
import { monotonicMs } from '../../../shared/clock.js';
import { INTERNAL } from '../../../shared/errors/replies.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { BARRIER, type Connection } from './connection.js';

/** Longest slice, ms. */
export const SLICE_MS = 1;
/** So many items are worth slices. */
export const MANY = 512;
/** The clock is read once for so many steps (a power of two). */
const CLOCK_EVERY = 16;

/** What an answer that comes later needs of the I/O thread. */
export interface AnswerContext {
  acquireReply(proto: 2 | 3): Reply;
  promiseSettled(conn: Connection, reply: Reply, isPush?: boolean): void;
  failed(where: string, error: unknown): void;
}

/** Resolves when the event loop has been round once. */
export function otherEvents(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Calls `step` for each item, in slices. An item may have gone when its turn comes; `step` must know. */
export async function inSlices<T>(items: readonly T[], step: (item: T) => void): Promise<void> {
  let endMs = monotonicMs() + SLICE_MS;
  for (let i = 0; i < items.length; i++) {
    step(items[i]!);
    if ((i & (CLOCK_EVERY - 1)) !== CLOCK_EVERY - 1 || monotonicMs() < endMs) continue;
    await otherEvents();
    endMs = monotonicMs() + SLICE_MS;
  }
}

/** The numbers from `first` to `end - 1`, for `inSlices`. */
export function range(first: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
}

/**
 * A local command that is not called asynchronous answers later after all: `work` writes its reply. Nothing more of the
 * connection is run until then. `isPush`: CLIENT REPLY does not concern what it writes. Inside of EXEC the reply is
 * EXEC's, which waits for what is returned.
 */
export function answerLater(
  io: AnswerContext,
  conn: Connection,
  reply: Reply,
  isPush: boolean,
  work: (reply: Reply) => Promise<void>,
): Promise<void> | undefined {
  if ((conn.barrier & BARRIER.promise) !== 0) return work(reply);
  const own = io.acquireReply(conn.session.proto);
  conn.barrier |= BARRIER.promise;
  work(own).then(
    () => io.promiseSettled(conn, own, isPush),
    (error: unknown) => {
      io.failed('a command that answers later', error);
      own.reset();
      own.error(INTERNAL);
      io.promiseSettled(conn, own, isPush);
    },
  );
  return undefined;
}

/**
 * Does something with each argument from `first` on: with many in slices, on a copy of them, and with a reply that
 * comes later. `isPush`: as in `answerLater`.
 */
export function eachArgument(
  io: AnswerContext,
  conn: Connection,
  args: Args,
  first: number,
  reply: Reply,
  isPush: boolean,
  each: (args: Args, i: number, reply: Reply) => void,
): Promise<void> | undefined {
  if (args.argc - first < MANY) {
    for (let i = first; i < args.argc; i++) each(args, i, reply);
    return undefined;
  }
  const own = args.detach();
  return answerLater(io, conn, reply, isPush, (out) =>
    inSlices(range(first, own.argc), (i) => {
      if (!conn.closed) each(own, i, out);
    }),
  );
}
