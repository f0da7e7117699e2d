/**
 * What CLIENT LIST, INFO and KILL know of connections: the line of one client, and which clients a filter means.
 * Both run on the thread that owns the connections; with several I/O threads through functions called by name over the
 * control port (`registerClientCalls`).
 */
import type { Registry } from '../../../shared/command/registry.js';
import { unblockClient } from '../blocking.js';
import { clientMemory, inputBytes, inputRoom, outputRoom } from '../client-memory.js';
import { BARRIER, CONN_FLAG, type Connection, MODE } from '../connection.js';
import { type IoThread, READ_BYTES } from '../io-thread.js';
import { listedBytes } from '../output.js';
import { TRACK } from '../tracking/tracking-state.js';
import { watchedChanged } from '../watched-changed.js';

/** What a command in a transaction's queue takes beside its arguments. */
const QUEUED_BYTES = 16;
/** Redis keeps output in pieces of this size (`oll` counts them). */
const LIST_NODE_BYTES = 16 * 1024;

/** Which clients are meant; null: any. */
export interface ClientFilter {
  readonly ids: readonly number[] | null;
  readonly type: ClientType | null;
  readonly addr: string | null;
  readonly laddr: string | null;
  readonly user: string | null;
  /** Those that are connected for so many seconds or longer. */
  readonly maxAge: number | null;
  /** Id of a client to leave out, 0: none. */
  readonly exceptId: number;
}

export type ClientType = 'normal' | 'replica' | 'pubsub' | 'master';

export const ANY_CLIENT: ClientFilter = {
  ids: null,
  type: null,
  addr: null,
  laddr: null,
  user: null,
  maxAge: null,
  exceptId: 0,
};

/** A line of CLIENT LIST with the id that orders it. */
export type ClientLine = readonly [id: number, line: string];

function secondsSince(sinceMs: number, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - sinceMs) / 1000));
}

/** The line of CLIENT LIST for one connection, without a line end. */
export function clientLine(conn: Connection, registry: Registry, nowMs: number): string {
  const command = conn.lastCommandId < 0 ? 'NULL' : registry.defs[conn.lastCommandId]!.name;
  const queued = listedBytes(conn);
  const buffered = conn.outputBytes - queued;
  const own = conn.subscriptions;
  const peak = Math.max(conn.outputPeakBytes, buffered);
  const { tx } = conn;
  const isDirty = watchedChanged(conn.io, conn);
  const watches = isDirty || tx === null ? 0 : tx.watches.length;
  const queueBytes = tx === null ? 0 : tx.used + tx.commands * QUEUED_BYTES;
  return (
    `id=${conn.id} addr=${conn.addr} laddr=${conn.laddr} fd=${conn.fd} name=${conn.name}` +
    ` age=${secondsSince(conn.createdMs, nowMs)} idle=${secondsSince(conn.lastActiveMs, nowMs)}` +
    ` flags=${clientFlags(conn, isDirty)} db=${conn.db}` +
    ` sub=${own?.channels.size ?? 0} psub=${own?.patterns.size ?? 0} ssub=${own?.shardChannels.size ?? 0}` +
    ` multi=${tx?.open ? tx.commands : -1} watch=${watches}` +
    ` qbuf=${inputBytes(conn)} qbuf-free=${inputRoom(conn, READ_BYTES)} argv-mem=${conn.argvBytes}` +
    ` multi-mem=${queueBytes} rbs=${outputRoom(conn)} rbp=${peak} obl=${buffered}` +
    ` oll=${Math.ceil(queued / LIST_NODE_BYTES)} omem=${queued}` +
    ` tot-mem=${clientMemory(conn)} events=${conn.readStopped ? '' : 'r'}${conn.writing ? 'w' : ''}` +
    ` cmd=${command} user=${conn.user} redir=${conn.tracking?.redirectId ?? -1} resp=${conn.proto}` +
    ` lib-name=${conn.libName} lib-ver=${conn.libVer} io-thread=${conn.io.index}`
  );
}

function clientFlags(conn: Connection, isDirty: boolean): string {
  let flags = '';
  const tracking = conn.tracking?.flags ?? 0;
  if ((conn.modes & MODE.monitor) !== 0) flags += 'O';
  if ((conn.modes & MODE.subscribed) !== 0) flags += 'P';
  if (conn.tx?.open === true) flags += 'x';
  if ((conn.barrier & (BARRIER.blocked | BARRIER.pause)) !== 0) flags += 'b';
  if ((conn.modes & MODE.tracking) !== 0) flags += 't';
  if ((tracking & TRACK.brokenRedirect) !== 0) flags += 'R';
  if ((tracking & TRACK.bcast) !== 0) flags += 'B';
  if (isDirty) flags += 'd';
  if (conn.closeAfterReply) flags += 'c';
  if ((conn.flags & CONN_FLAG.unixSocket) !== 0) flags += 'U';
  if (conn.noEvict) flags += 'e';
  if (conn.noTouch) flags += 'T';
  return flags === '' ? 'N' : flags;
}

/** What kind of client this is; replicas and masters do not exist yet. */
function typeOf(conn: Connection): ClientType {
  return (conn.modes & MODE.subscribed) !== 0 ? 'pubsub' : 'normal';
}

/** Whether the filter means this connection. */
function isMeant(conn: Connection, filter: ClientFilter): boolean {
  if (conn.id === filter.exceptId) return false;
  if (filter.ids !== null && !filter.ids.includes(conn.id)) return false;
  if (filter.type !== null && filter.type !== typeOf(conn)) return false;
  if (filter.addr !== null && conn.addr !== filter.addr) return false;
  if (filter.laddr !== null && conn.laddr !== filter.laddr) return false;
  if (filter.maxAge !== null && secondsSince(conn.createdMs, Date.now()) < filter.maxAge) return false;
  return filter.user === null || conn.user === filter.user;
}

function meant(io: IoThread, filter: ClientFilter): Connection[] {
  const found: Connection[] = [];
  for (const conn of io.connections.values()) if (isMeant(conn, filter)) found.push(conn);
  return found;
}

/** Lines of this thread's clients that the filter means. */
function listHere(io: IoThread, filter: ClientFilter): ClientLine[] {
  const nowMs = Date.now();
  return meant(io, filter).map((conn) => [conn.id, clientLine(conn, io.registry, nowMs)]);
}

interface KillOrder {
  readonly filter: ClientFilter;
  /** Id of the client that asked: counted, but left to end itself after its reply. */
  readonly callerId: number;
}

/** Closes this thread's clients that the filter means; returns the ids of those and of the caller, if meant. */
function killHere(io: IoThread, order: KillOrder): number[] {
  const ids: number[] = [];
  for (const conn of meant(io, order.filter)) {
    ids.push(conn.id);
    if (conn.id !== order.callerId) conn.close();
  }
  return ids;
}

/** Makes this thread's clients visible to the other I/O threads. Once, before it serves. */
export function registerClientCalls(io: IoThread): void {
  io.port?.onIoCall('client-list', (payload) => listHere(io, payload as ClientFilter));
  io.port?.onIoCall('client-kill', (payload) => killHere(io, payload as KillOrder));
  io.port?.onIoCall('client-unblock', (payload) => {
    const { id, withError } = payload as { id: number; withError: boolean };
    return unblockClient(io, id, withError);
  });
}

/** Lines of all clients of the server that the filter means, by id. */
export async function listEverywhere(io: IoThread, filter: ClientFilter): Promise<ClientLine[]> {
  if (io.port === null || io.control.ioThreads === 1) return listHere(io, filter).sort((a, b) => a[0] - b[0]);
  const answers = (await io.port.ioCall('all', 'client-list', filter)) as ClientLine[][];
  return answers.flat().sort((a, b) => a[0] - b[0]);
}

/** Closes all clients of the server that the filter means; returns their ids (the caller's own too, which lives on). */
export async function killEverywhere(io: IoThread, filter: ClientFilter, callerId: number): Promise<number[]> {
  const order: KillOrder = { filter, callerId };
  if (io.port === null || io.control.ioThreads === 1) return killHere(io, order);
  return ((await io.port.ioCall('all', 'client-kill', order)) as number[][]).flat();
}

/** Ends the waiting of a client of any I/O thread; whether it was waiting. */
export async function unblockEverywhere(io: IoThread, id: number, withError: boolean): Promise<boolean> {
  if (unblockClient(io, id, withError)) return true;
  if (io.port === null || io.control.ioThreads === 1) return false;
  const answers = (await io.port.ioCall('all', 'client-unblock', { id, withError })) as boolean[];
  return answers.includes(true);
}
