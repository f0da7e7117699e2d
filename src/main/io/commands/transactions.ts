/** MULTI, EXEC, DISCARD and UNWATCH as COMMAND shows them; request/transaction-gate.ts carries them out. */
import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { Connection } from '../session/connection.js';
import type { IoThread } from '../thread/io-thread.js';

const FLAGS = ['noscript', 'loading', 'stale', 'fast', 'allow_busy'] as const;
const COMMON = { acl: ['@transaction'], group: 'transactions', route: 'local', local: unreached } as const;

/** Queued: EXEC has ended all watches before it runs anything. */
function unwatchQueued(_io: IoThread, _conn: Connection, _args: Args, reply: Reply): void {
  reply.ok();
}

function unreached(): void {
  throw new Error('a transaction command reached its definition');
}

export const transactionCommands: readonly CommandDef[] = [
  defineCommand({
    ...COMMON,
    name: 'multi',
    transaction: 'multi',
    arity: 1,
    flags: [...FLAGS],
    since: '1.2.0',
    complexity: 'O(1)',
    summary: 'Begins a transaction: what follows is queued.',
  }),
  defineCommand({
    ...COMMON,
    name: 'exec',
    transaction: 'exec',
    arity: 1,
    flags: ['noscript', 'loading', 'stale', 'skip_slowlog'],
    since: '1.2.0',
    complexity: 'That of the queued commands.',
    summary: 'Runs the queued commands in one piece.',
  }),
  defineCommand({
    ...COMMON,
    name: 'discard',
    transaction: 'discard',
    arity: 1,
    flags: [...FLAGS],
    since: '2.0.0',
    complexity: 'O(N), when N is the number of queued commands',
    summary: 'Drops the queued commands and ends the transaction.',
  }),
  defineCommand({
    ...COMMON,
    name: 'unwatch',
    transaction: 'unwatch',
    local: unwatchQueued,
    arity: 1,
    flags: [...FLAGS],
    since: '2.2.0',
    complexity: 'O(1)',
    summary: 'Watches none of the keys any longer.',
  }),
];
