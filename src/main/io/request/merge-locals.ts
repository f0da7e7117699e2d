/** EXEC of a queue with local commands: they are run when the shards have answered the others. */
import { monotonicMs } from '../../../shared/clock.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { Connection } from '../session/connection.js';
import { otherEvents, SLICE_MS } from '../session/slices.js';
import type { IoContext } from '../thread/io-context.js';
import { queuedArgs, type Transaction } from '../transaction/transaction.js';
import { countFailure } from './run-local.js';

/**
 * Runs the local commands of a queue whose other commands have answered with `bytes`, and writes the whole reply of
 * EXEC. If EXEC was given up, nothing is run.
 */
export async function mergeLocals(
  io: IoContext,
  conn: Connection,
  tx: Transaction,
  bytes: Uint8Array,
  reply: Reply,
): Promise<void> {
  const answered = tx.commands > tx.locals || tx.watches.length > 0;
  if (answered && (bytes[0] !== 42 || bytes[1] === 45)) {
    reply.raw(bytes, 0, bytes.length);
    return;
  }
  let at = 0;
  if (answered) while (bytes[at++] !== 10);
  reply.array(tx.commands);
  let sliceEndMs = monotonicMs() + SLICE_MS;
  for (let c = 0, first = 0; c < tx.commands; first += tx.heads[3 * c + 1]!, c++) {
    // The connection may have been closed during a command that waits, or between two slices.
    if (conn.closed) return;
    const id = tx.heads[3 * c]!;
    const def = io.registry.defs[id]!;
    if (def.route !== 'local') {
      const end = skipValue(bytes, at);
      reply.raw(bytes, at, end - at);
      at = end;
      continue;
    }
    io.stats.call(id);
    reply.proto = conn.session.proto;
    conn.session.neverBlocks = true;
    const args = queuedArgs(tx, c, first);
    reply.errors = 0;
    const started = monotonicMs();
    await def.local!(io, conn, args, reply);
    const endedMs = monotonicMs();
    const usec = (endedMs - started) * 1000;
    io.stats.time(id, usec);
    if (reply.errors !== 0) countFailure(io, id, reply);
    if (usec >= io.slow.usec) io.slow.note(id, args, usec, 0, conn.addr, conn.session.name);
    conn.session.neverBlocks = false;
    if (endedMs < sliceEndMs) continue;
    await otherEvents();
    sliceEndMs = monotonicMs() + SLICE_MS;
  }
}

/** The offset behind the RESP value that begins at `at`. */
function skipValue(u8: Uint8Array, at: number): number {
  const kind = u8[at]!;
  let end = at + 1;
  while (u8[end] !== 13) end++;
  const n = Number(Buffer.from(u8.buffer, u8.byteOffset + at + 1, end - at - 1).toString('latin1'));
  end += 2;
  switch (kind) {
    case 36: // $
    case 61: // =
    case 33: // !
      return n < 0 ? end : end + n + 2;
    case 42: // *
    case 126: // ~
    case 62: // >
    case 37: // %
    case 124: {
      // |
      const values = kind === 37 || kind === 124 ? 2 * n : n;
      for (let i = 0; i < values; i++) end = skipValue(u8, end);
      return kind === 124 ? skipValue(u8, end) : end;
    }
    default:
      return end;
  }
}
