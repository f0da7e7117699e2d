/** Refusals: an error in place of the command's reply, in its turn. */
import type { Args } from '../../../shared/resp/args.js';
import { type Connection, REPLY_MODE } from '../session/connection.js';
import type { IoContext } from '../thread/io-context.js';
import { abortTransaction } from './end-transaction.js';
import { mustWait } from './in-turn.js';
import { isExec } from './transaction-kinds.js';
import { unknownCommandText, unknownSubcommandText } from './unknown-command.js';
import { AGAIN, NEXT, WAIT } from './verdict.js';

/** A name that no command has, or no subcommand of `container` (-1: no container). */
export function refuseUnknown(io: IoContext, conn: Connection, args: Args, container: number): number {
  if (container < 0 && (args.is(0, 'post') || args.is(0, 'host:'))) {
    io.log('warning', 'Possible SECURITY ATTACK detected: a client sent an HTTP request; connection aborted.');
    io.closeConnection(conn);
    return WAIT;
  }
  const text = container < 0 ? unknownCommandText(args) : unknownSubcommandText(args);
  return refuseWith(io, conn, container, Uint8Array.from(Buffer.from(`-ERR ${text}\r\n`, 'latin1')));
}

/** The number of arguments is wrong. */
export function refuseArity(io: IoContext, conn: Connection, id: number): number {
  const name = io.registry.defs[id]!.name;
  return refuseWith(io, conn, id, Buffer.from(`-ERR wrong number of arguments for '${name}' command\r\n`));
}

/** Answers with an error in its turn; inside MULTI, EXEC will refuse then, and a refused EXEC ends the transaction. */
export function refuseWith(io: IoContext, conn: Connection, id: number, line: Uint8Array): number {
  if (mustWait(conn)) return AGAIN;
  if (isExec(io.registry, id)) return abortTransaction(io, conn, id, conn.session.tx, line);
  io.turn.refused = true;
  if (id >= 0) io.stats.reject(id);
  if (conn.session.tx !== null && conn.session.tx.open) conn.session.tx.failed = true;
  io.stats.error(line, 0);
  if (conn.replyMode === REPLY_MODE.on) conn.out!.error(new Uint8Array(line));
  else if (conn.replyMode === REPLY_MODE.skipNext) conn.replyMode = REPLY_MODE.on;
  conn.out!.errors = 0;
  return NEXT;
}
