/**
 * Transactions as a connection sees them: MULTI opens one, commands are queued in it, EXEC sends them to the shards in
 * one piece (shard/commands/transactions/transactions.ts) or runs them here if their leases are free.
 *
 *     MULTI -> queue (ids, databases, argument bytes) -> EXEC -> transaction|apply -> replies
 *                                                          |-> transaction|queue, run here as it stands
 *                                                          `-> local commands, run here when that has come
 *
 * A queue is plain bytes beside flat arrays: it goes over the ring without being parsed again. Commands that an I/O
 * thread answers itself are kept out of it; their replies are put between those of the others afterwards. What they
 * change for the commands behind them travels with these (queued-state.ts).
 *
 * Invariants: (1) `session.tx` is null until the first MULTI or WATCH; (2) EXEC is alone on its connection; (3) a queue
 * has at most as many bytes as the query buffer may have.
 */

import {
  META_COMMAND_WORDS,
  META_HEAD_WORDS,
  queuedClientWord,
} from '../../../shard/commands/transactions/transactions.js';
import type { ClientState } from '../../../shared/command/client-state.js';
import { ROUTE_LOCAL } from '../../../shared/command/registry.js';
import { Args } from '../../../shared/resp/args.js';

/** A key under WATCH, in the database it was watched in. */
interface Watch {
  readonly db: number;
  readonly key: Uint8Array;
}

/** Queued commands that an I/O thread runs at most in one go. */
const INLINE_COMMANDS_MAX = 32;
const INLINE_BYTES_MAX = 16 * 1024;
/** Room for arguments at first. */
const QUEUE_BYTES = 512;

export class Transaction {
  open = false;
  /** A command could not be queued: EXEC will refuse. */
  failed = false;
  commands = 0;
  /** Commands that run here, not under leases. */
  locals = 0;
  /** Some local command may change the client for those behind it: `clients` has what each command finds. */
  shapes = false;
  clients: Int32Array | null = null;
  /** Tracking is switched on in it. */
  tracks = false;
  /**
   * By client id: the I/O thread of a client that a queued CLIENT TRACKING names, -1: no thread has it. Only clients
   * that other I/O threads were asked for.
   */
  redirects: Map<number, number> | null = null;
  /** Flags of all queued commands together. */
  flags = 0;
  /** Selected database as of the end of the queue. */
  db = 0;
  /** Some command concerns all shards. */
  all = false;
  /** All may be run by an I/O thread. */
  small = true;
  /** Bytes of the queued arguments. */
  used = 0;
  /** Id, argc and database of each command. */
  heads = new Int32Array(3 * 8);
  /** The arguments of all commands one behind the other, in bytes of its own. */
  readonly queued = new Args(32);
  /** Keys, as indexes of arguments (local commands not counted). */
  keys = new Int32Array(16);
  keyCount = 0;
  /** Arguments of commands for the shards so far. */
  shardArgs = 0;
  private view: DataView;
  bytes: Uint8Array;
  readonly watches: Watch[] = [];
  /** The same keys, to find one again. */
  private readonly watched: Set<string> = new Set();
  /** They do not count any more, but a busy script has the shards that must forget them. */
  voided = false;
  /** A WATCH came while a busy script had its keys: it is not known whether they change, so EXEC fails. */
  spoiled = false;

  constructor() {
    this.bytes = new Uint8Array(QUEUE_BYTES);
    this.view = new DataView(this.bytes.buffer);
    this.queued.setBuffer(this.bytes, this.view);
  }

  /** Gives the queue `size` bytes; keeps those that are in use. */
  resize(size: number): void {
    const bytes = new Uint8Array(size);
    bytes.set(this.bytes.subarray(0, this.used));
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer);
    this.queued.setBuffer(bytes, this.view);
  }

  /** Empties the queue and closes it; keeps the watches. */
  reset(): void {
    this.open = false;
    this.failed = false;
    this.commands = 0;
    this.locals = 0;
    this.shapes = false;
    this.tracks = false;
    this.clients = null;
    this.redirects = null;
    this.flags = 0;
    this.all = false;
    this.small = true;
    this.used = 0;
    this.queued.argc = 0;
    this.keyCount = 0;
    this.shardArgs = 0;
    if (this.bytes.length > 64 * 1024) this.resize(QUEUE_BYTES);
    if (this.keys.length > 4096) this.keys = new Int32Array(16);
  }

  /** Notes that the client watches the keys of a WATCH. */
  noteWatch(db: number, args: Args): void {
    for (let i = 1; i < args.argc; i++) {
      const text = `${db}:${args.latin1(i)}`;
      if (this.watched.has(text)) continue;
      this.watched.add(text);
      this.watches.push({ db, key: args.copy(i) });
    }
  }

  /** The client watches nothing any longer. */
  forgetWatches(): void {
    this.watches.length = 0;
    this.watched.clear();
  }
}

/** Whether an I/O thread may run the whole queue. */
export function runsInline(tx: Transaction): boolean {
  return tx.small && !tx.all && tx.commands <= INLINE_COMMANDS_MAX && tx.used <= INLINE_BYTES_MAX;
}

// ---- what goes to the shards

const built = new Args(64);
let buffer = new Uint8Array(4096);
let view = new DataView(buffer.buffer);

function room(bytes: number): void {
  if (bytes <= buffer.length && buffer.length <= 1 << 20) return;
  buffer = new Uint8Array(Math.max(4096, bytes));
  view = new DataView(buffer.buffer);
}

/** The arguments of `transaction|apply` (`queue`), or of `transaction|unwatch`. Valid until the next call. */
export function buildArgs(tx: Transaction, queue: boolean): Args {
  const { watches } = tx;
  const commands = queue ? tx.commands - tx.locals : 0;
  const keys = queue ? tx.keyCount : 0;
  const words = META_HEAD_WORDS + watches.length + META_COMMAND_WORDS * commands + keys;
  let watchBytes = 0;
  for (const watch of watches) watchBytes += watch.key.length;
  const queued = queue ? tx.used : 0;
  room(words * 4 + watchBytes + queued);
  built.argc = 2 + watches.length + (queue ? tx.shardArgs : 0);
  built.reserve(built.argc);
  built.setBuffer(buffer, view);
  built.off[0] = 0;
  built.len[0] = 0;
  built.off[1] = 0;
  built.len[1] = words * 4;
  view.setInt32(0, watches.length, true);
  view.setInt32(4, commands, true);
  view.setInt32(8, keys, true);
  let w = META_HEAD_WORDS * 4;
  let pos = words * 4;
  for (let i = 0; i < watches.length; i++) {
    const { db, key } = watches[i]!;
    view.setInt32(w, db, true);
    w += 4;
    buffer.set(key, pos);
    built.off[2 + i] = pos;
    built.len[2 + i] = key.length;
    pos += key.length;
  }
  if (!queue) return built;
  for (let i = 0; i < tx.used; i++) buffer[pos + i] = tx.bytes[i]!;
  return built;
}

/** As `buildArgs`, with the queued commands. `route`: by command id; local commands stay here. */
export function buildQueue(tx: Transaction, session: ClientState, route: Uint8Array): Args {
  const args = buildArgs(tx, true);
  const watches = tx.watches.length;
  let base = args.len[1]!;
  for (let i = 0; i < watches; i++) base += args.len[2 + i]!;
  let w = (META_HEAD_WORDS + watches) * 4;
  let at = 2 + watches;
  let from = 0;
  const { queued, clients } = tx;
  const client = queuedClientWord(session.proto, session.flags);
  for (let c = 0; c < tx.commands; c++) {
    const id = tx.heads[3 * c]!;
    const argc = tx.heads[3 * c + 1]!;
    if (route[id] !== ROUTE_LOCAL) {
      view.setInt32(w, id, true);
      view.setInt32(w + 4, argc, true);
      view.setInt32(w + 8, tx.heads[3 * c + 2]!, true);
      view.setInt32(w + 12, clients === null ? client : clients[c]!, true);
      w += 16;
      for (let i = 0; i < argc; i++, at++) {
        args.off[at] = base + queued.off[from + i]!;
        args.len[at] = queued.len[from + i]!;
      }
    }
    from += argc;
  }
  for (let k = 0; k < tx.keyCount; k++) view.setInt32(w + 4 * k, 2 + watches + tx.keys[k]!, true);
  return args;
}

// ---- local commands among the others

/** The arguments of command `c` of the queue, which are those from `first` on. */
export function queuedArgs(tx: Transaction, c: number, first: number): Args {
  const args = new Args(Math.max(1, tx.heads[3 * c + 1]!));
  args.argc = tx.heads[3 * c + 1]!;
  args.setBuffer(tx.queued.u8, tx.queued.dv);
  for (let i = 0; i < args.argc; i++) {
    args.off[i] = tx.queued.off[first + i]!;
    args.len[i] = tx.queued.len[first + i]!;
  }
  return args;
}
