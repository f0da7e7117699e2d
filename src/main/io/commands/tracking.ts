/**
 * CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO. Local; a client to redirect to is looked for on all I/O threads.
 */
import { NOT_INTEGER, SYNTAX } from '../../../shared/errors/replies.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { TRACK, type TrackingState } from '../messages/tracking-state.js';
import { integerAt } from '../reply/cold-arguments.js';
import { threadOf } from '../session/client-thread.js';
import type { Connection } from '../session/connection.js';
import type { IoThread } from '../thread/io-thread.js';
import type { QueuedState } from '../transaction/queued-state.js';

/** What CLIENT TRACKING was asked for. */
interface Wish {
  readonly on: boolean;
  flags: number;
  redirectId: number;
  redirectIo: number;
  readonly prefixes: string[];
}

/** CLIENT TRACKING. */
export async function clientTracking(io: IoThread, conn: Connection, args: Args, reply: Reply): Promise<void> {
  // The arguments lie in a buffer that the next read overwrites.
  const own = args.detach();
  const id = redirectOf(own);
  const wish = parse(own, reply, id === 0 ? -1 : await threadOf(io, id));
  if (wish === null || conn.closed) return;
  if (!wish.on) {
    io.hub.tracking.disable(conn);
    reply.ok();
    return;
  }
  const problem = conflict(conn.session.tracking?.flags ?? -1, wish) ?? overlap(conn.session.tracking, wish.prefixes);
  if (problem !== null) {
    reply.errorLatin1(`ERR ${problem}`);
    return;
  }
  io.hub.tracking.enable(conn, wish.flags, wish.redirectId, wish.redirectIo, wish.prefixes);
  reply.ok();
}

/** CLIENT TRACKING in a transaction: see queued-state.ts. */
export function trackingState(_io: IoThread, state: QueuedState, args: Args, unread: Reply): void {
  const id = redirectOf(args);
  const wish = parse(args, unread, id === 0 ? -1 : state.threadOf(id));
  if (wish === null) return;
  if (!wish.on) {
    state.tracking = -1;
    return;
  }
  if (conflict(state.tracking, wish) !== null) return;
  // Beside prefixes that there are already, others change nothing that is looked at here.
  if (state.tracking < 0 && overlap(null, wish.prefixes) !== null) return;
  state.tracking = wish.flags | (state.tracking < 0 ? 0 : state.tracking & TRACK.caching);
  state.tracks = true;
}

/** The id that REDIRECT names, 0 for none or an option before it that is wrong. */
function redirectOf(args: Args): number {
  for (let i = 3; i < args.argc; i++) {
    if (args.is(i, 'prefix')) i++;
    else if (args.is(i, 'redirect')) return i + 1 < args.argc ? (integerAt(args, i + 1) ?? 0) : 0;
  }
  return 0;
}

/** Reads the options; null after an error was written. `redirectIo`: the I/O thread of `redirectOf`, -1 for none. */
function parse(args: Args, reply: Reply, redirectIo: number): Wish | null {
  const wish: Wish = { on: args.is(2, 'on'), flags: 0, redirectId: 0, redirectIo: 0, prefixes: [] };
  for (let i = 3; i < args.argc; i++) {
    const more = i + 1 < args.argc;
    if (more && args.is(i, 'redirect')) {
      i++;
      if (wish.redirectId !== 0) {
        reply.errorText('ERR A client can only redirect to a single other client');
        return null;
      }
      const id = integerAt(args, i);
      if (id === null) {
        reply.error(NOT_INTEGER);
        return null;
      }
      wish.redirectId = id;
      wish.redirectIo = redirectIo;
      if (wish.redirectIo < 0) {
        reply.errorText('ERR The client ID you want redirect to does not exist');
        return null;
      }
    } else if (args.is(i, 'bcast')) wish.flags |= TRACK.bcast;
    else if (args.is(i, 'optin')) wish.flags |= TRACK.optIn;
    else if (args.is(i, 'optout')) wish.flags |= TRACK.optOut;
    else if (args.is(i, 'noloop')) wish.flags |= TRACK.noLoop;
    else if (more && args.is(i, 'prefix')) wish.prefixes.push(args.latin1(++i));
    else {
      reply.error(SYNTAX);
      return null;
    }
  }
  if (wish.on || args.is(2, 'off')) return wish;
  reply.error(SYNTAX);
  return null;
}

/** Why the options cannot be, together or beside what is on already (-1: nothing is); null when they can. */
function conflict(present: number, { flags, prefixes }: Wish): string | null {
  const before = present < 0 ? flags : present;
  const again = 'before disabling tracking for this client, and then re-enabling it with a different mode.';
  if ((flags & TRACK.bcast) === 0 && prefixes.length > 0) return 'PREFIX option requires BCAST mode to be enabled';
  if (((flags ^ before) & TRACK.bcast) !== 0) return `You can't switch BCAST mode on/off ${again}`;
  const choices = flags & (TRACK.optIn | TRACK.optOut);
  if ((flags & TRACK.bcast) !== 0 && choices !== 0) return 'OPTIN and OPTOUT are not compatible with BCAST';
  if (choices === (TRACK.optIn | TRACK.optOut)) return "You can't specify both OPTIN mode and OPTOUT mode";
  if (
    ((flags & TRACK.optIn) !== 0 && (before & TRACK.optOut) !== 0) ||
    ((flags & TRACK.optOut) !== 0 && (before & TRACK.optIn) !== 0)
  ) {
    return `You can't switch OPTIN/OPTOUT mode ${again}`;
  }
  return null;
}

/** Prefixes of one client must not name the same key twice. */
function overlap(state: TrackingState | null, prefixes: readonly string[]): string | null {
  const rule = 'Prefixes for a single client must not overlap.';
  const clashing = withClash(prefixes);
  for (let i = 0; i < prefixes.length; i++) {
    const prefix = prefixes[i]!;
    const old = state === null ? null : state.prefixTree.overlapping(prefix);
    if (old !== null) return `Prefix '${prefix}' overlaps with an existing prefix '${old}'. ${rule}`;
    if (!clashing.has(i)) continue;
    const other = prefixes.slice(i + 1).find((text) => text.startsWith(prefix) || prefix.startsWith(text))!;
    return `Prefix '${prefix}' overlaps with another provided prefix '${other}'. ${rule}`;
  }
  return null;
}

/** The indexes of those that overlap with any other: in their order, a prefix stands before all that begin with it. */
function withClash(prefixes: readonly string[]): Set<number> {
  const found = new Set<number>();
  const order = prefixes.map((_, i) => i).sort((a, b) => (prefixes[a]! < prefixes[b]! ? -1 : 1));
  /** Prefixes of one another, the longest last. */
  const nested: number[] = [];
  for (const i of order) {
    while (nested.length > 0 && !prefixes[i]!.startsWith(prefixes[nested[nested.length - 1]!]!)) nested.pop();
    if (nested.length > 0) {
      found.add(i);
      found.add(nested[nested.length - 1]!);
    }
    nested.push(i);
  }
  return found;
}

/** CLIENT CACHING. */
export function clientCaching(io: IoThread, conn: Connection, args: Args, reply: Reply): void {
  const state = conn.session.tracking;
  if (!mayCache(state?.flags ?? -1, args, reply)) return;
  io.hub.tracking.setCaching(conn, state!, true);
  reply.ok();
}

/** CLIENT CACHING in a transaction: see queued-state.ts. */
export function cachingState(_io: IoThread, state: QueuedState, args: Args, unread: Reply): void {
  if (mayCache(state.tracking, args, unread)) state.tracking |= TRACK.caching;
}

/** Whether CLIENT CACHING can be called with these flags of tracking (-1: it is off); false: an error was written. */
function mayCache(tracking: number, args: Args, reply: Reply): boolean {
  if (tracking < 0) {
    reply.errorText(
      'ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled',
    );
    return false;
  }
  const yes = args.is(2, 'yes');
  if (!yes && !args.is(2, 'no')) {
    reply.error(SYNTAX);
    return false;
  }
  if ((tracking & (yes ? TRACK.optIn : TRACK.optOut)) === 0) {
    reply.errorText(
      yes
        ? 'ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.'
        : 'ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.',
    );
    return false;
  }
  return true;
}

/** CLIENT GETREDIR. */
export function clientGetRedir(_io: IoThread, conn: Connection, _args: Args, reply: Reply): void {
  reply.int(conn.session.tracking === null ? -1 : conn.session.tracking.redirectId);
}

/** CLIENT TRACKINGINFO. */
export function clientTrackingInfo(_io: IoThread, conn: Connection, _args: Args, reply: Reply): void {
  const state = conn.session.tracking;
  const words = state === null ? ['off'] : flagWords(state.flags);
  reply.map(3);
  reply.bulkText('flags');
  reply.set(words.length);
  for (const word of words) reply.bulkText(word);
  reply.bulkText('redirect');
  reply.int(state === null ? -1 : state.redirectId);
  reply.bulkText('prefixes');
  const prefixes = state === null ? [] : [...state.prefixes].sort((a, b) => (a < b ? -1 : 1));
  reply.array(prefixes.length);
  for (const prefix of prefixes) reply.bulkLatin1(prefix);
}

function flagWords(flags: number): string[] {
  const words = ['on'];
  const caching = (flags & TRACK.caching) !== 0;
  if ((flags & TRACK.bcast) !== 0) words.push('bcast');
  if ((flags & TRACK.optIn) !== 0) words.push('optin', ...(caching ? ['caching-yes'] : []));
  if ((flags & TRACK.optOut) !== 0) words.push('optout', ...(caching ? ['caching-no'] : []));
  if ((flags & TRACK.noLoop) !== 0) words.push('noloop');
  if ((flags & TRACK.brokenRedirect) !== 0) words.push('broken_redirect');
  return words;
}
