/** Replies written by this thread in their turn: behind the replies that the connection still waits for. */
import { BARRIER, type Connection, REPLY_MODE } from '../session/connection.js';

/** Whether replies are outstanding that must come first; then the connection waits for them. */
export function mustWait(conn: Connection): boolean {
  if (conn.headSeq === conn.nextSeq) return false;
  conn.barrier |= BARRIER.order;
  return true;
}

/** Writes a reply of one line, unless the client wants no replies. @requires !mustWait; `conn.out` not null */
export function answer(conn: Connection, bytes: Uint8Array): void {
  if (conn.replyMode === REPLY_MODE.on) conn.out!.raw(bytes, 0, bytes.length);
  else if (conn.replyMode === REPLY_MODE.skipNext) conn.replyMode = REPLY_MODE.on;
}
