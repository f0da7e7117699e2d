/**
 * SUBSCRIBE and its kin, PUBLISH, SPUBLISH, PUBSUB. Local: I/O thread, no lease. See messages/channels.ts for who
 * subscribes to what, and hub.ts for how a message reaches the other I/O threads.
 */

import { container, pattern, str } from '../../../shared/command/shorthand.js';
import { type CommandDef, type CommandSpec, defineCommand } from '../../../shared/command/spec.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { Channel } from '../messages/channel.js';
import { KIND_CHANNEL, KIND_PATTERN, KIND_SHARD_CHANNEL } from '../messages/kinds.js';
import { subcommandSyntax } from '../reply/cold-arguments.js';
import { BARRIER, type Connection } from '../session/connection.js';
import { MODE } from '../session/session.js';
import { answerLater, eachArgument, inSlices, MANY } from '../session/slices.js';
import type { IoThread } from '../thread/io-thread.js';
import { replyHelp } from './help.js';

type Local = NonNullable<CommandDef['local']>;

// ---- subscribing

/** The confirmation: what happened to which channel, and how many the connection has now. */
function confirm(conn: Connection, reply: Reply, kind: number, word: string, args: Args, i: number): void {
  reply.push(3);
  reply.bulkText(word);
  reply.bulk(args.u8, args.off[i]!, args.len[i]!);
  reply.int(countOf(conn, kind));
}

/** Whether a local command runs as part of EXEC: then the reply of the connection is being made. */
export function isInExec(conn: Connection): boolean {
  return (conn.barrier & BARRIER.promise) !== 0;
}

function countOf(conn: Connection, kind: number): number {
  const own = conn.session.subscriptions;
  if (own === null) return 0;
  return kind === KIND_SHARD_CHANNEL ? own.shardChannels.size : own.count;
}

function subscriber(kind: number, word: string): Local {
  return (io: IoThread, conn: Connection, args: Args, reply: Reply): Promise<void> | undefined => {
    // Inside a transaction Redis lets the older ones pass.
    if (kind === KIND_SHARD_CHANNEL && isInExec(conn)) {
      reply.errorText("ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client");
      return undefined;
    }
    return eachArgument(io, conn, args, 1, reply, true, (own, i, out) => {
      io.hub.channels.subscribe(conn, kind, own.u8, own.off[i]!, own.len[i]!);
      confirm(conn, out, kind, word, own, i);
    });
  };
}

function unsubscriber(kind: number, word: string): Local {
  return (io: IoThread, conn: Connection, args: Args, reply: Reply): Promise<void> | undefined => {
    if (args.argc === 1) return unsubscribeAll(io, conn, reply, kind, word);
    return eachArgument(io, conn, args, 1, reply, true, (own, i, out) => {
      io.hub.channels.unsubscribe(conn, kind, own.u8, own.off[i]!, own.len[i]!);
      confirm(conn, out, kind, word, own, i);
    });
  };
}

function unsubscribeAll(
  io: IoThread,
  conn: Connection,
  reply: Reply,
  kind: number,
  word: string,
): Promise<void> | undefined {
  const all: Channel[] = conn.session.subscriptions === null ? [] : [...conn.session.subscriptions.of(kind).keys()];
  const end = (channel: Channel, out: Reply): void => {
    io.hub.channels.remove(conn, channel);
    out.push(3);
    out.bulkText(word);
    out.bulk(channel.bytes, 0, channel.bytes.length);
    out.int(countOf(conn, kind));
  };
  if (all.length > MANY) {
    return answerLater(io, conn, reply, true, (out) => inSlices(all, (channel) => end(channel, out)));
  }
  for (const channel of all) end(channel, reply);
  if (all.length > 0) return undefined;
  reply.push(3);
  reply.bulkText(word);
  reply.nil();
  reply.int(countOf(conn, kind));
  return undefined;
}

// ---- publishing

// hot: bench/pubsub.js
function publish(io: IoThread, conn: Connection, args: Args, reply: Reply, kind: number): Promise<void> | undefined {
  const { u8, dv, off, len } = args;
  const { channels, outbox } = io.hub;
  const others = outbox.publish(kind, u8, dv, off[1]!, len[1]!, u8, off[2]!, len[2]!, io.index);
  const hears = (conn.session.modes & MODE.subscribed) !== 0;
  if (hears && channels.isQuick) {
    // Its own message comes behind the reply.
    reply.int(others + channels.receivers(kind, u8, off[1]!, len[1]!));
    channels.deliver(kind, u8, off[1]!, len[1]!, u8, off[2]!, len[2]!);
    channels.depart();
    return undefined;
  }
  // So it does here: as long as a reply is to come, what is pushed waits.
  if (hears && !isInExec(conn)) {
    const own = args.detach();
    return answerLater(io, conn, reply, false, (out) => publishLate(io, own, out, kind, others));
  }
  const count = channels.deliver(kind, u8, off[1]!, len[1]!, u8, off[2]!, len[2]!);
  if (hears) channels.depart();
  if (count >= 0) {
    reply.int(others + count);
    return undefined;
  }
  return answerLater(io, conn, reply, false, (out) => whenDelivered(io, out, others));
}

/** Delivers a message while its publisher waits; the publisher may also be a subscriber. */
async function publishLate(io: IoThread, args: Args, reply: Reply, kind: number, others: number): Promise<void> {
  const { u8, off, len } = args;
  const count = io.hub.channels.deliver(kind, u8, off[1]!, len[1]!, u8, off[2]!, len[2]!);
  // Before the reply that the publisher waits for: then its own message comes right behind that.
  io.hub.channels.depart();
  if (count < 0) await whenDelivered(io, reply, others);
  else reply.int(others + count);
}

/** The message delivered last is late: writes the number of its receivers when it is known. */
function whenDelivered(io: IoThread, reply: Reply, others: number): Promise<void> {
  return new Promise((resolve) => {
    io.hub.channels.late.whenLast((count) => {
      reply.int(others + count);
      resolve();
    });
  });
}

/**
 * How I/O threads run the commands that shard threads have for scripts and transactions
 * (shard/commands/pubsub/publish.ts).
 */
export const publishHandlers: Readonly<Record<string, Local>> = {
  publish: (io: IoThread, conn: Connection, args, reply) => publish(io, conn, args, reply, KIND_CHANNEL),
  spublish: (io: IoThread, conn: Connection, args, reply) => publish(io, conn, args, reply, KIND_SHARD_CHANNEL),
};

// ---- PUBSUB

/** Names of channels of all I/O threads that match. */
async function namesEverywhere(io: IoThread, kind: number, match: string | null): Promise<string[]> {
  if (io.port === null || io.control.ioThreads === 1) return namesHere(io, { kind, match });
  const answers = (await io.port.ioCall('all', 'pubsub-channels', { kind, match })) as string[][];
  return [...new Set(answers.flat())];
}

interface NamesOrder {
  readonly kind: number;
  /** One char a byte; null: all. */
  readonly match: string | null;
}

function namesHere(io: IoThread, order: NamesOrder): string[] {
  const match = order.match === null ? null : Uint8Array.from(Buffer.from(order.match, 'latin1'));
  return io.hub.channels.names(order.kind, match);
}

/** Makes this thread's channels visible to the others' PUBSUB CHANNELS. Once, before it serves. */
export function registerPubsubCalls(io: IoThread): void {
  io.port?.onIoCall('pubsub-channels', (payload) => namesHere(io, payload as NamesOrder));
}

function channelsOf(kind: number): Local {
  return async (io: IoThread, _conn: Connection, args: Args, reply: Reply): Promise<void> => {
    if (args.argc > 3) {
      subcommandSyntax(args, reply);
      return;
    }
    const names = await namesEverywhere(io, kind, args.argc === 3 ? args.latin1(2) : null);
    reply.array(names.length);
    for (const name of names) reply.bulkLatin1(name);
  };
}

function numbersOf(kind: number): Local {
  return (io: IoThread, _conn: Connection, args: Args, reply: Reply): void => {
    const { readers, hasher } = io.hub.outbox;
    reply.array((args.argc - 2) * 2);
    for (let i = 2; i < args.argc; i++) {
      reply.bulk(args.u8, args.off[i]!, args.len[i]!);
      hasher.hash(kind, args.u8, args.dv, args.off[i]!, args.len[i]!);
      let count = 0;
      for (const reader of readers) count += reader.channelCount(hasher.h1, hasher.h2);
      reply.int(count);
    }
  };
}

function numPat(io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  reply.int(io.hub.distinctPatterns());
}

const HELP: readonly string[] = [
  'CHANNELS [<pattern>]',
  '    The channels with subscribers, those that match <pattern> if it is given.',
  'NUMPAT',
  '    How many different patterns are subscribed to.',
  'NUMSUB [<channel> ...]',
  '    How many subscribers each channel has, those of patterns not counted.',
  'SHARDCHANNELS [<pattern>]',
  '    As CHANNELS, for shard channels.',
  'SHARDNUMSUB [<shardchannel> ...]',
  '    As NUMSUB, for shard channels.',
];

// ---- specifications

const SUBSCRIBE_FLAGS = ['pubsub', 'noscript', 'loading', 'stale'] as const;
const SHARD_KEY = [{ flags: ['not_key'], begin: { index: 1 }, find: { lastKey: -1, step: 1, limit: 0 } }] as const;

function subscription(
  name: string,
  local: Local,
  spec: Pick<CommandSpec, 'summary' | 'since' | 'complexity' | 'args'> & Partial<Pick<CommandSpec, 'keys'>>,
): CommandDef {
  const arity = name.includes('un') ? -1 : -2;
  return defineCommand({
    name,
    arity,
    flags: SUBSCRIBE_FLAGS,
    whileSubscribed: true,
    acl: [],
    group: 'pubsub',
    route: 'local',
    local,
    ...spec,
  });
}

const SEVERAL = { multiple: true } as const;
const ANY_NUMBER = { optional: true, multiple: true } as const;

function sub(
  name: string,
  local: Local,
  spec: Pick<CommandSpec, 'arity' | 'since' | 'summary' | 'complexity'> & Partial<CommandSpec>,
): CommandDef {
  return defineCommand({
    name: `pubsub|${name}`,
    flags: ['pubsub', 'loading', 'stale'],
    acl: [],
    group: 'pubsub',
    route: 'local',
    local,
    ...spec,
  });
}

const pubsubCommand: CommandDef = container(
  'pubsub',
  { group: 'pubsub', since: '2.8.0', summary: 'A container for commands about channels and subscriptions.' },
  [
    sub('channels', channelsOf(KIND_CHANNEL), {
      arity: -2,
      since: '2.8.0',
      complexity: 'O(N) where N is the number of channels',
      summary: 'Lists the channels with subscribers.',
      async: true,
      args: [pattern('pattern', { optional: true })],
    }),
    sub('help', (_io, _conn, _args, reply: Reply) => replyHelp(reply, 'PUBSUB', HELP), {
      arity: 2,
      since: '6.2.0',
      complexity: 'O(1)',
      summary: 'Returns a text about the subcommands.',
      flags: ['loading', 'stale'],
    }),
    sub('numpat', numPat, {
      arity: 2,
      since: '2.8.0',
      complexity: 'O(1)',
      summary: 'Tells how many different patterns are subscribed to.',
    }),
    sub('numsub', numbersOf(KIND_CHANNEL), {
      arity: -2,
      since: '2.8.0',
      complexity: 'O(N) where N is the number of channels asked about',
      summary: 'Tells how many subscribers channels have.',
      args: [str('channel', ANY_NUMBER)],
    }),
    sub('shardchannels', channelsOf(KIND_SHARD_CHANNEL), {
      arity: -2,
      since: '7.0.0',
      complexity: 'O(N) where N is the number of shard channels',
      summary: 'Lists the shard channels with subscribers.',
      async: true,
      args: [pattern('pattern', { optional: true })],
    }),
    sub('shardnumsub', numbersOf(KIND_SHARD_CHANNEL), {
      arity: -2,
      since: '7.0.0',
      complexity: 'O(N) where N is the number of shard channels asked about',
      summary: 'Tells how many subscribers shard channels have.',
      args: [str('shardchannel', ANY_NUMBER)],
    }),
  ],
);

export const pubsubCommands: readonly CommandDef[] = [
  subscription('subscribe', subscriber(KIND_CHANNEL, 'subscribe'), {
    since: '2.0.0',
    complexity: 'O(N) where N is the number of channels',
    summary: 'Begins to listen to channels.',
    args: [str('channel', SEVERAL)],
  }),
  subscription('unsubscribe', unsubscriber(KIND_CHANNEL, 'unsubscribe'), {
    since: '2.0.0',
    complexity: 'O(N) where N is the number of channels',
    summary: 'Ends listening to channels, or to all of them.',
    args: [str('channel', ANY_NUMBER)],
  }),
  subscription('psubscribe', subscriber(KIND_PATTERN, 'psubscribe'), {
    since: '2.0.0',
    complexity: 'O(N) where N is the number of patterns',
    summary: 'Begins to listen to all channels that match patterns.',
    args: [pattern('pattern', SEVERAL)],
  }),
  subscription('punsubscribe', unsubscriber(KIND_PATTERN, 'punsubscribe'), {
    since: '2.0.0',
    complexity: 'O(N) where N is the number of patterns',
    summary: 'Ends listening to patterns, or to all of them.',
    args: [pattern('pattern', ANY_NUMBER)],
  }),
  subscription('ssubscribe', subscriber(KIND_SHARD_CHANNEL, 'ssubscribe'), {
    since: '7.0.0',
    complexity: 'O(N) where N is the number of shard channels',
    summary: 'Begins to listen to shard channels.',
    keys: SHARD_KEY,
    args: [str('shardchannel', SEVERAL)],
  }),
  subscription('sunsubscribe', unsubscriber(KIND_SHARD_CHANNEL, 'sunsubscribe'), {
    since: '7.0.0',
    complexity: 'O(N) where N is the number of shard channels',
    summary: 'Ends listening to shard channels, or to all of them.',
    keys: SHARD_KEY,
    args: [str('shardchannel', ANY_NUMBER)],
  }),
  pubsubCommand,
];
