/**
 * PUBLISH and SPUBLISH as transactions and scripts on any thread run them. A client's own PUBLISH is run by its I/O
 * thread without a lease (src/main/io/commands/pubsub.ts), which puts its handler beside these.
 */
import { str } from '../../../shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import { KIND_CHANNEL, KIND_SHARD_CHANNEL } from '../../../shared/pubsub/bulletin.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { ExecContext } from '../../context/context.js';

function publish(ctx: ExecContext, args: Args, reply: Reply, kind: number): void {
  const { u8, dv, off, len } = args;
  const { outbox } = ctx;
  reply.int(outbox === null ? 0 : outbox.publish(kind, u8, dv, off[1]!, len[1]!, u8, off[2]!, len[2]!));
}

export const publishingCommands: readonly CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    name: 'publish',
    arity: 3,
    flags: ['pubsub', 'loading', 'stale', 'fast', 'may_replicate'],
    acl: [],
    group: 'pubsub',
    since: '2.0.0',
    longWork: 'value',
    complexity: 'O(N+M) where N is the number of subscribers and M the number of patterns that anybody subscribes to',
    summary: 'Sends a message to the subscribers of a channel.',
    args: [str('channel'), str('message')],
    route: 'local',
    handler: (ctx, args, reply) => publish(ctx, args, reply, KIND_CHANNEL),
  }),
  defineCommand<ExecContext>({
    name: 'spublish',
    arity: 3,
    flags: ['pubsub', 'loading', 'stale', 'fast', 'may_replicate'],
    acl: [],
    group: 'pubsub',
    since: '7.0.0',
    longWork: 'value',
    complexity: 'O(N) where N is the number of subscribers',
    summary: 'Sends a message to the subscribers of a shard channel.',
    keys: [{ flags: ['not_key'], begin: { index: 1 }, find: { lastKey: 0, step: 1, limit: 0 } }],
    args: [str('shardchannel'), str('message')],
    route: 'local',
    handler: (ctx, args, reply) => publish(ctx, args, reply, KIND_SHARD_CHANNEL),
  }),
];
