/** How commands are put into the queue of a transaction, with what EXEC will have to know of them. */
import {
  FACT_NEEDS_SCRIPTS,
  FACT_SELECTS_DATABASE,
  FACT_SMALL_WRITE,
  FLAG_DENYOOM,
  FLAG_FAST,
  FLAG_INLINE,
  FLAG_MAY_REPLICATE,
  FLAG_NO_MULTI,
} from '../../../shared/command/flags.js';
import { KEYS_NONE, KEYS_ONE } from '../../../shared/command/key-positions.js';
import { ROUTE_ALL, ROUTE_JOB, ROUTE_LOCAL } from '../../../shared/command/registry.js';
import type { CommandDef } from '../../../shared/command/spec.js';
import type { Args } from '../../../shared/resp/args.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import { integerAt } from '../reply/cold-arguments.js';
import type { IoContext } from '../thread/io-context.js';
import { pausedFlags } from '../waiting/pause-watch.js';
import type { Transaction } from './transaction.js';

function grown(array: Int32Array<ArrayBuffer>, size: number): Int32Array<ArrayBuffer> {
  if (size <= array.length) return array;
  const next = new Int32Array(Math.max(size, array.length * 2));
  next.set(array);
  return next;
}

/** Puts a command at the end of the queue. False when the queue would become too long. */
// hot: MULTI ... EXEC pipelines; bench/peer "MULTI"
export function enqueue(io: IoContext, tx: Transaction, id: number, args: Args): boolean {
  const registry = io.registry;
  const flags = registry.flags[id]!;
  const { argc, u8, off, len } = args;
  const { queued } = tx;
  let size = 0;
  for (let i = 0; i < argc; i++) size += len[i]!;
  if (tx.used + size > io.limits.queryBufferBytes) return false;
  if (tx.used + size > tx.bytes.length) tx.resize(Math.max(tx.used + size, tx.bytes.length * 2));
  const c = tx.commands++;
  if (3 * tx.commands > tx.heads.length) tx.heads = grown(tx.heads, 3 * tx.commands);
  const { heads, bytes } = tx;
  heads[3 * c] = id;
  heads[3 * c + 1] = argc;
  heads[3 * c + 2] = tx.db;
  const first = queued.argc;
  queued.argc = first + argc;
  queued.reserve(first + argc);
  let at = tx.used;
  for (let i = 0; i < argc; i++) {
    const from = off[i]!;
    const n = len[i]!;
    for (let k = 0; k < n; k++) bytes[at + k] = u8[from + k]!;
    queued.off[first + i] = at;
    queued.len[first + i] = n;
    at += n;
  }
  tx.used = at;
  tx.flags |= (flags & FLAG_MAY_REPLICATE) === 0 ? flags : pausedFlags(io, id, flags, args);
  if (deniesOom(io, id, flags, args)) tx.flags |= FLAG_DENYOOM;
  const facts = registry.facts[id]!;
  const route = registry.route[id]!;
  if (route === ROUTE_LOCAL) {
    tx.locals++;
    tx.small = false;
    if ((facts & FACT_SELECTS_DATABASE) !== 0) selectQueued(io, tx, args);
    if (registry.defs[id]!.clientState !== undefined) tx.shapes = true;
    return true;
  }
  if ((flags & FLAG_INLINE) === 0 || ((flags & FLAG_FAST) === 0 && (facts & FACT_SMALL_WRITE) === 0)) tx.small = false;
  if (registry.keyKind[id] === KEYS_ONE && (facts & FACT_NEEDS_SCRIPTS) === 0) {
    if (tx.keyCount >= tx.keys.length) tx.keys = grown(tx.keys, tx.keyCount + 1);
    tx.keys[tx.keyCount++] = tx.shardArgs + registry.firstKey[id]!;
  } else queueKeys(io, tx, registry.defs[id]!, id, args);
  tx.shardArgs += argc;
  return true;
}

/** Notes the keys of a command that has not just one. */
function queueKeys(io: IoContext, tx: Transaction, def: CommandDef, id: number, args: Args): void {
  const { registry } = io;
  const route = registry.route[id]!;
  const wide = (registry.facts[id]! & FACT_NEEDS_SCRIPTS) !== 0 || def.everyShard?.(args) === true;
  if (wide || route === ROUTE_ALL || route === ROUTE_JOB || registry.keyKind[id] === KEYS_NONE) {
    tx.all = true;
    return;
  }
  const count = io.placement.findKeys(def, args);
  tx.keys = grown(tx.keys, tx.keyCount + Math.max(count, 0));
  for (let k = 0; k < count; k++) tx.keys[tx.keyCount++] = tx.shardArgs + io.placement.keys[k]!;
  if (count <= 0) tx.all = true;
}

/** Commands behind a queued SELECT run in the database that it selects. */
function selectQueued(io: IoContext, tx: Transaction, args: Args): void {
  const db = args.argc === 2 ? integerAt(args, 1, -0x80000000, 0x7fffffff) : null;
  if (db !== null && db >= 0 && db < io.control.i32[CONTROL.databases]!) tx.db = db;
}

/** Whether a command is refused when memory is short; a script may say so of itself. */
export function deniesOom(io: IoContext, id: number, flags: number, args: Args): boolean {
  if ((flags & FLAG_DENYOOM) !== 0) return true;
  const { deniesOom: ofCall } = io.registry.defs[id]!;
  return ofCall !== undefined && ofCall(args);
}

/** Whether a command may not stand in a transaction. */
export function isNotForMulti(flags: number): boolean {
  return (flags & FLAG_NO_MULTI) !== 0;
}
