/**
 * From the bytes of one read to dispatched commands.
 *
 * `runCommands` parses one command, dispatches it, parses the next. `runPipeline` does the same in batches: it parses
 * up to BATCH_MAX commands, prefetches the memory that they will read (shard/execute/look-ahead.ts), and then
 * dispatches them one by one.
 *
 * Invariants: (1) what a client sees is the same in both: if a command must wait (AGAIN, WAIT), the parser goes back to
 * the end of the last command that was begun, and all commands that were parsed ahead are dropped; (2) only a client
 * that need not authenticate is parsed ahead, since that changes the parser's limits.
 */
import { BATCH_MAX } from '../../../shard/execute/look-ahead.js';
import type { Args } from '../../../shared/resp/args.js';
import { BROKEN, PARSED, type RespParser } from '../../../shared/resp/parser.js';
import { outputFull } from '../reply/output.js';
import { BARRIER, type Connection } from '../session/connection.js';
import { outOf } from '../session/push.js';
import { dispatch } from './dispatch.js';
import type { DispatchContext } from './gates.js';
import { afterCommand } from './modes.js';
import { AGAIN, NEXT } from './verdict.js';

/** Less than that is one command or two. */
export const PIPELINE_BYTES_MIN = 96;
/** So few commands are not worth looking ahead. */
const WARM_MIN = 4;

/** Where each command of a batch ends. */
const ends = new Int32Array(BATCH_MAX);

/** Parses and dispatches until the bytes end or the connection must wait. */
// hot
export function runCommands(io: DispatchContext, conn: Connection, parser: RespParser, args: Args): void {
  begin(io, conn, parser);
  args.commandId = -1;
  args.hashedOff = -1;
  for (;;) {
    parser.authRequired = !conn.session.authenticated;
    const status = parser.next(args);
    if (status !== PARSED) {
      if (status === BROKEN) protocolError(io, conn, parser);
      return;
    }
    conn.commands++;
    const what = dispatch(io, conn, args, parser.pos - parser.commandStart);
    if ((io.turn.monitored || conn.session.modes !== 0) && what !== AGAIN) afterCommand(io, conn, args);
    if (what !== NEXT) {
      if (what === AGAIN) {
        conn.commands--;
        parser.rewind();
      }
      return;
    }
    if (!conn.out!.isSingleChunk && outputFull(io, conn)) return;
  }
}

/** Whether the next commands of a connection may be parsed ahead, and it is worth it. */
export function mayLookAhead(io: DispatchContext, conn: Connection): boolean {
  const { lookAhead } = io.executor;
  if (lookAhead === null || !io.inlineAllowed || !conn.session.authenticated) return false;
  return (conn.session.tx === null || !conn.session.tx.open) && lookAhead.helps(conn.session.db);
}

/** As `runCommands`, for the bytes of a pipeline. @requires mayLookAhead, a parser without a half-parsed command */
// hot
export function runPipeline(io: DispatchContext, conn: Connection, parser: RespParser, batch: readonly Args[]): void {
  begin(io, conn, parser);
  const lookAhead = io.executor.lookAhead!;
  parser.authRequired = false;
  for (;;) {
    let start = parser.pos;
    let n = 0;
    let status = PARSED;
    while (n < BATCH_MAX) {
      const args = batch[n]!;
      args.commandId = -1;
      args.hashedOff = -1;
      status = parser.next(args);
      if (status !== PARSED) break;
      ends[n++] = parser.pos;
      // The words of an inline command lie in a buffer that the next one would write over.
      if (args.u8 !== parser.u8) break;
    }
    if (n >= WARM_MIN && (conn.session.tx === null || !conn.session.tx.open)) lookAhead.warm(batch, n, conn.session.db);
    for (let i = 0; i < n; i++) {
      const args = batch[i]!;
      const end = ends[i]!;
      conn.commands++;
      const what = dispatch(io, conn, args, end - start);
      if ((io.turn.monitored || conn.session.modes !== 0) && what !== AGAIN) afterCommand(io, conn, args);
      if (what !== NEXT) {
        if (what === AGAIN) conn.commands--;
        parser.goTo(what === AGAIN ? start : end);
        return;
      }
      if (!conn.out!.isSingleChunk && outputFull(io, conn)) {
        parser.goTo(end);
        return;
      }
      start = end;
    }
    if (status === PARSED) continue;
    if (status === BROKEN) protocolError(io, conn, parser);
    return;
  }
}

function begin(io: DispatchContext, conn: Connection, parser: RespParser): void {
  // What was published before its commands comes before their replies.
  if (conn.session.modes !== 0) io.hub.channels.depart();
  if (conn.out === null) outOf(io, conn);
  parser.bulkBytesMax = io.limits.bulkBytes;
}

function protocolError(io: DispatchContext, conn: Connection, parser: RespParser): void {
  parser.forget();
  if (conn.headSeq !== conn.nextSeq) {
    // The error follows the replies that are due; the bytes are looked at again then.
    conn.barrier |= BARRIER.order;
    return;
  }
  const bytes = Uint8Array.from(Buffer.from(`-ERR ${parser.errorText.replace(/[\r\n]/g, ' ')}\r\n`, 'latin1'));
  io.stats.error(bytes, 0);
  conn.out!.error(bytes);
  conn.closeAfterReply = true;
  io.log('verbose', `Protocol error (${parser.errorText}) from client id=${conn.session.id} addr=${conn.addr}`);
}
