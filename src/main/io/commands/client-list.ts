/** What CLIENT LIST and INFO know of a connection: its line. On the thread that owns it; see client-search.ts. */
import { CLIENT_FLAG } from '../../../shared/command/client-state.js';
import { TRACK } from '../messages/tracking-state.js';
import { READ_BYTES } from '../net/transport.js';
import { listedBytes } from '../reply/output.js';
import { clientMemory, inputBytes, inputRoom, outputRoom } from '../session/client-memory.js';
import { BARRIER, type Connection } from '../session/connection.js';
import { MODE } from '../session/session.js';
import type { IoThread } from '../thread/io-thread.js';
import { watchedChanged } from '../transaction/watched-changed.js';

/** What a command in a transaction's queue takes beside its arguments. */
const QUEUED_BYTES = 16;
/** Redis keeps output in pieces of this size (`oll` counts them). */
const LIST_NODE_BYTES = 16 * 1024;

/** Whole seconds from one time to another, both unix ms. */
export function secondsSince(sinceMs: number, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - sinceMs) / 1000));
}

/** The line of CLIENT LIST for one connection, without a line end. */
export function clientLine(io: IoThread, conn: Connection, nowMs: number): string {
  const { session } = conn;
  const command = session.lastCommandId < 0 ? 'NULL' : io.registry.defs[session.lastCommandId]!.name;
  const queued = listedBytes(conn);
  const buffered = conn.outputBytes - queued;
  const own = session.subscriptions;
  const peak = Math.max(conn.outputPeakBytes, buffered);
  const { tx } = session;
  const isDirty = watchedChanged(io, conn);
  const watches = isDirty || tx === null ? 0 : tx.watches.length;
  const queueBytes = tx === null ? 0 : tx.used + tx.commands * QUEUED_BYTES;
  return (
    `id=${session.id} addr=${conn.addr} laddr=${conn.laddr} fd=${conn.fd} name=${session.name}` +
    ` age=${secondsSince(conn.createdMs, nowMs)} idle=${secondsSince(conn.lastActiveMs, nowMs)}` +
    ` flags=${clientFlags(conn, isDirty)} db=${session.db}` +
    ` sub=${own?.channels.size ?? 0} psub=${own?.patterns.size ?? 0} ssub=${own?.shardChannels.size ?? 0}` +
    ` multi=${tx?.open ? tx.commands : -1} watch=${watches}` +
    ` qbuf=${inputBytes(conn)} qbuf-free=${inputRoom(conn, READ_BYTES)} argv-mem=${conn.argvBytes}` +
    ` multi-mem=${queueBytes} rbs=${outputRoom(conn)} rbp=${peak} obl=${buffered}` +
    ` oll=${Math.ceil(queued / LIST_NODE_BYTES)} omem=${queued}` +
    ` tot-mem=${clientMemory(conn)} events=${conn.readStopped ? '' : 'r'}${conn.writing ? 'w' : ''}` +
    ` cmd=${command} user=${session.user} redir=${session.tracking?.redirectId ?? -1} resp=${session.proto}` +
    ` lib-name=${session.libName} lib-ver=${session.libVer} io-thread=${conn.io.index}`
  );
}

function clientFlags(conn: Connection, isDirty: boolean): string {
  let flags = '';
  const tracking = conn.session.tracking?.flags ?? 0;
  if ((conn.session.modes & MODE.monitor) !== 0) flags += 'O';
  if ((conn.session.modes & MODE.subscribed) !== 0) flags += 'P';
  if (conn.session.tx?.open === true) flags += 'x';
  if ((conn.barrier & (BARRIER.blocked | BARRIER.pause)) !== 0) flags += 'b';
  if ((conn.session.modes & MODE.tracking) !== 0) flags += 't';
  if ((tracking & TRACK.brokenRedirect) !== 0) flags += 'R';
  if ((tracking & TRACK.bcast) !== 0) flags += 'B';
  if (isDirty) flags += 'd';
  if (conn.closeAfterReply) flags += 'c';
  if ((conn.session.flags & CLIENT_FLAG.unixSocket) !== 0) flags += 'U';
  if (conn.session.noEvict) flags += 'e';
  if (conn.session.noTouch) flags += 'T';
  return flags === '' ? 'N' : flags;
}
