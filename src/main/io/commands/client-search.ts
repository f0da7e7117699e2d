/**
 * The clients that CLIENT LIST and KILL mean, on all I/O threads: found, listed and closed in slices, since there may
 * be as many as maxclients (../slices.ts). Each thread works through its own connections; other threads ask it over the
 * control port.
 *
 * Invariant: a client that connects during the search is not looked at; a client that goes is left out.
 */

import type { Reply } from '../../../shared/resp/reply.js';
import type { Connection } from '../session/connection.js';
import { MODE } from '../session/session.js';
import { inSlices } from '../session/slices.js';
import type { IoThread } from '../thread/io-thread.js';
import { unblockClient } from '../waiting/blocking.js';
import { clientLine, secondsSince } from './client-list.js';

/** Which clients are meant; null: any. */
export interface ClientFilter {
  readonly ids: readonly number[] | null;
  readonly type: ClientType | null;
  readonly addr: string | null;
  readonly laddr: string | null;
  readonly user: string | null;
  /** Only clients that have been connected for at least this many seconds. */
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

/** Lines of CLIENT LIST that are made bytes in one go. */
const LINES_AT_ONCE = 64;

/** What kind of client this is; replicas and masters do not exist yet. */
function typeOf(conn: Connection): ClientType {
  return (conn.session.modes & MODE.subscribed) !== 0 ? 'pubsub' : 'normal';
}

/** Whether the filter, its ids aside, means this connection. */
function isMeant(conn: Connection, filter: ClientFilter, nowMs: number): boolean {
  if (conn.closed || conn.session.id === filter.exceptId) return false;
  if (filter.type !== null && filter.type !== typeOf(conn)) return false;
  if (filter.addr !== null && conn.addr !== filter.addr) return false;
  if (filter.laddr !== null && conn.laddr !== filter.laddr) return false;
  if (filter.maxAge !== null && secondsSince(conn.createdMs, nowMs) < filter.maxAge) return false;
  return filter.user === null || conn.session.user === filter.user;
}

/** Calls `each` with every connection of this thread that the filter means. */
async function eachMeant(io: IoThread, filter: ClientFilter, each: (conn: Connection) => void): Promise<void> {
  const { byId } = io.connections;
  const ids = filter.ids ?? [...byId.keys()];
  const nowMs = io.control.nowMs();
  await inSlices(ids, (id) => {
    const conn = byId.get(id);
    if (conn !== undefined && isMeant(conn, filter, nowMs)) each(conn);
  });
}

/** Lines of this thread's clients that the filter means. */
async function listHere(io: IoThread, filter: ClientFilter): Promise<ClientLine[]> {
  const nowMs = io.control.nowMs();
  const lines: ClientLine[] = [];
  await eachMeant(io, filter, (conn) => lines.push([conn.session.id, clientLine(io, conn, nowMs)]));
  return lines;
}

interface KillOrder {
  readonly filter: ClientFilter;
  /** Id of the client that asked: counted, but left to end itself after its reply. */
  readonly callerId: number;
}

/** Closes this thread's clients that the filter means; returns the ids of those and of the caller, if meant. */
async function killHere(io: IoThread, order: KillOrder): Promise<number[]> {
  const ids: number[] = [];
  await eachMeant(io, order.filter, (conn) => {
    ids.push(conn.session.id);
    if (conn.session.id !== order.callerId) conn.close();
  });
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

/** Lines of all clients of the server that the filter means: by id, or in the order in which ids were given. */
export async function listEverywhere(io: IoThread, filter: ClientFilter): Promise<string[]> {
  let lines: ClientLine[];
  if (io.port === null || io.control.ioThreads === 1) lines = await listHere(io, filter);
  else lines = ((await io.port.ioCall('all', 'client-list', filter)) as ClientLine[][]).flat();
  if (filter.ids === null) return lines.sort((a, b) => a[0] - b[0]).map((line) => line[1]);
  const byId = new Map(lines);
  return filter.ids.flatMap((id) => byId.get(id) ?? []);
}

/** Writes the lines of CLIENT LIST as one text. */
export async function replyLines(reply: Reply, lines: readonly string[]): Promise<void> {
  if (lines.length <= LINES_AT_ONCE) {
    reply.verbatim('txt', lines.map((line) => `${line}\n`).join(''));
    return;
  }
  const head = reply.proto === 3 ? 'txt:' : '';
  const chunks: Uint8Array[] = [utf8(head)];
  const starts: number[] = [];
  for (let i = 0; i < lines.length; i += LINES_AT_ONCE) starts.push(i);
  await inSlices(starts, (i) => chunks.push(utf8(`${lines.slice(i, i + LINES_AT_ONCE).join('\n')}\n`)));
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  write(reply, utf8(`${reply.proto === 3 ? '=' : '$'}${bytes}\r\n`));
  for (const chunk of chunks) write(reply, chunk);
  write(reply, utf8('\r\n'));
}

function utf8(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'utf8'));
}

function write(reply: Reply, bytes: Uint8Array): void {
  reply.raw(bytes, 0, bytes.length);
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
