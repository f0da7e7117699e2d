/** Requests from I/O threads about blocked clients: unblock these, serve those. */
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { forgetWaiter } from '../../blocking/waiters.js';
import type { ExecContext } from '../../context/context.js';

/** Arguments: the command, 16 bytes (I/O thread, slot, sequence number, database: int32 each), the keys. */
function forget(ctx: ExecContext, args: Args, reply: Reply): void {
  const at = args.off[1]!;
  const io = args.dv.getInt32(at, true);
  const slot = args.dv.getInt32(at + 4, true);
  const seq = args.dv.getInt32(at + 8, true);
  const db = args.dv.getInt32(at + 12, true);
  for (let i = 2; i < args.argc; i++) {
    const off = args.off[i]!;
    const len = args.len[i]!;
    const shard = ctx.shardOfKey(args, i);
    forgetWaiter(ctx.arenas[shard]!, io, slot, seq, db, args.u8, off, len);
  }
  reply.ok();
}

/** Arguments: the command, the key. The serving itself follows, as after every command. */
function serve(ctx: ExecContext, args: Args, reply: Reply): void {
  ctx.blocking.noteReady(ctx, args, 1);
  reply.ok();
}

export const blockingRequests: readonly CommandDef<ExecContext>[] = [
  defineCommand<ExecContext>({
    name: 'blocking|forget',
    arity: -2,
    flags: ['noscript'],
    acl: [],
    group: 'generic',
    since: '2.0.0',
    internal: true,
    complexity: 'O(N) of the clients that wait for the keys',
    summary: 'Takes a client out of the queues of keys.',
    findKeys: (args, out) => {
      for (let i = 2; i < args.argc && i - 2 < out.length; i++) out[i - 2] = i;
      return args.argc - 2;
    },
    route: 'key',
    handler: forget,
  }),
  defineCommand<ExecContext>({
    name: 'blocking|serve',
    arity: 2,
    flags: ['noscript'],
    acl: [],
    group: 'generic',
    since: '2.0.0',
    internal: true,
    complexity: 'O(N) of the clients that wait for the key',
    summary: 'Serves clients who wait for a key, under the leases of all shards.',
    route: 'all',
    handler: serve,
  }),
];
