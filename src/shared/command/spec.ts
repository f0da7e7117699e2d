/**
 * What a command is: the one description from which routing, arity checks, COMMAND and its kin, ACL categories and the
 * documentation are derived. It stands beside the handler (`defineCommand` in a file per family).
 */
import type { Args } from '../resp/args.js';
import type { Reply } from '../resp/reply.js';
import type { ClientState } from './client-state.js';

/** Redis's command flags, as COMMAND INFO names them. */
export type CommandFlag =
  | 'write'
  | 'readonly'
  | 'denyoom'
  | 'module'
  | 'admin'
  | 'pubsub'
  | 'noscript'
  | 'blocking'
  | 'loading'
  | 'stale'
  | 'skip_monitor'
  | 'skip_slowlog'
  | 'asking'
  | 'fast'
  | 'no_auth'
  | 'may_replicate'
  | 'no_mandatory_keys'
  | 'no_async_loading'
  | 'no_multi'
  | 'movablekeys'
  | 'allow_busy'
  | 'protected';

/** Flags of a key specification (what the command does to the keys). */
export type KeyFlag =
  | 'RO'
  | 'RW'
  | 'OW'
  | 'RM'
  | 'access'
  | 'update'
  | 'insert'
  | 'delete'
  | 'not_key'
  | 'incomplete'
  | 'variable_flags';

/** Where keys stand among the arguments (Redis key specifications). */
export interface KeySpec {
  readonly flags: readonly KeyFlag[];
  readonly notes?: string;
  readonly begin:
    | { readonly index: number }
    | { readonly keyword: string; readonly startFrom: number }
    | { readonly unknown: true };
  readonly find:
    | { readonly lastKey: number; readonly step: number; readonly limit: number }
    | { readonly keyNumIndex: number; readonly firstKey: number; readonly step: number }
    | { readonly unknown: true };
}

/**
 * Finds the keys of an irregular command: writes their argument indexes to `out` (as many as fit) and, when `flags` is
 * given, pushes one list of key flags a key. Returns the number of keys, 0 when the arguments make no sense.
 */
export type KeyFinder = (args: Args, out: Int32Array, flags: (readonly KeyFlag[])[] | null) => number;

/** One argument in COMMAND DOCS. */
export interface ArgSpec {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'double' | 'key' | 'pattern' | 'unix-time' | 'pure-token' | 'oneof' | 'block';
  readonly token?: string;
  readonly display?: string;
  readonly summary?: string;
  readonly since?: string;
  readonly deprecatedSince?: string;
  readonly keySpecIndex?: number;
  readonly optional?: boolean;
  readonly multiple?: boolean;
  readonly multipleToken?: boolean;
  readonly args?: readonly ArgSpec[];
}

/** Where a command runs: on the I/O thread, on the shards of its keys, on all shards, as a job of a shard's thread. */
export type Route = 'local' | 'key' | 'all' | 'job';

/** What a connection does with a command that concerns its transaction. */
export type TransactionPart = 'multi' | 'exec' | 'discard' | 'watch' | 'unwatch' | 'quit' | 'reset';

/**
 * Properties of a command by which threads decide. The registry compiles them to the bits of `registry.facts` (FACT_*),
 * so that no thread compares names or groups. An absent property is false.
 */
export interface CommandFacts {
  /**
   * What can make a call long: `arguments`, their number or their length; `value`, anything else (the size of a value,
   * a count among the arguments). Such calls are timed for SLOWLOG and LATENCY at every threshold. Absent: a call is
   * short. Bounded calls, as I/O threads run them, are short in any case.
   */
  readonly longWork?: 'arguments' | 'value';
  /** The command runs in the interpreter of scripts. It tells by itself what it reads, and may touch any key. */
  readonly needsScripts?: boolean;
  /** A request between threads, which no client can send: not listed, not counted, never refused. */
  readonly internal?: boolean;
  /** The arguments are a queue of commands (EXEC), as `queuedCommands` reads them. */
  readonly carriesCommands?: boolean;
  /** Allowed to a RESP2 client that is subscribed to something. */
  readonly whileSubscribed?: boolean;
  /** A small write that is not `fast`: an I/O thread may run it in a transaction. */
  readonly smallWrite?: boolean;
  /**
   * The command may create a list, a sorted set or a stream, so blocked clients may have to be served: clients blocked
   * on the command's own key, or clients blocked on a key `elsewhere` (in another database). A write without this
   * property can only end a key.
   */
  readonly wakes?: 'key' | 'elsewhere';
  /** A client that blocks in this command is also woken when its key ends. */
  readonly waitsForEnd?: boolean;
  /** The connection carries the command out for its transaction. */
  readonly transaction?: TransactionPart;
  /** Commands that are queued behind this one run in the database that it selects. */
  readonly selectsDatabase?: boolean;
  /** What CLIENT CACHING has said holds on after this command. */
  readonly keepsCaching?: boolean;
}

/**
 * A command under leases: parses its arguments, touches memory, writes its reply. Synchronous; knows no thread.
 * `C` is the execution context (the engine's type; `shared` does not know it).
 */
export type Handler<C> = (ctx: C, args: Args, reply: Reply) => void;

/** A slow command: a generator that yields, holding no lease, between bounded slices of work. */
export type JobHandler<C> = (ctx: C, args: Args, reply: Reply) => Generator<void, void, void>;

export interface CommandSpec extends CommandFacts {
  /** Lower case; a subcommand is `container|sub`. */
  readonly name: string;
  /** Redis's arity: exact count with the name, or minus the minimum. */
  readonly arity: number;
  readonly flags: readonly CommandFlag[];
  /** ACL categories beyond those that the flags imply (`@string`, `@dangerous`, ...), with the at sign. */
  readonly acl: readonly string[];
  readonly group: string;
  readonly since: string;
  readonly complexity: string;
  readonly summary: string;
  readonly keys?: readonly KeySpec[];
  /** For keys that the specifications cannot find, or whose flags depend on the arguments (`variable_flags`). */
  readonly findKeys?: KeyFinder;
  /** Whether this call may touch keys that its arguments do not name: it then holds the leases of all shards. */
  readonly everyShard?: (args: Args) => boolean;
  /** Whether a `may_replicate` call says of itself that it writes nothing (a script): it passes CLIENT PAUSE WRITE. */
  readonly onlyReads?: (args: Args) => boolean;
  /** Whether a call of a script counts as `denyoom` by what the script says of itself. */
  readonly deniesOom?: (args: Args) => boolean;
  readonly args?: readonly ArgSpec[];
  /** Command tips, as in COMMAND INFO ("request_policy:all_shards"). */
  readonly tips?: readonly string[];
  readonly history?: readonly (readonly [string, string])[];
  readonly deprecatedSince?: string;
  readonly replacedBy?: string;
  readonly docFlags?: readonly ('deprecated' | 'syscmd')[];
  readonly route: Route;
  readonly subcommands?: readonly CommandDef[];
  /** Bounded work and a bounded reply: an I/O thread may run it itself when it gets the lease at once. */
  readonly inline?: boolean;
  /** Local commands only: the handler returns a promise and gets a private reply. */
  readonly async?: boolean;
}

/** The I/O thread that runs a local command, as far as a definition tells. */
interface LocalThread {
  readonly index: number;
}

/** The connection of a local command's client, as far as a definition tells. */
interface LocalClient {
  readonly session: ClientState;
}

/** The client as a command in a transaction finds it, as far as a definition tells. */
interface LocalState {
  readonly proto: 2 | 3;
  readonly noTouch: boolean;
}

/** A specification with its code. Exactly one of `handler`, `job` is there, except in pure containers. */
// biome-ignore lint/suspicious/noExplicitAny: the context type belongs to the layer that defines the command
export type CommandDef<C = any> = CommandSpec & {
  readonly handler?: Handler<C>;
  readonly job?: JobHandler<C>;
  /** What must happen all the same when a thread died at the command, which may have been carried out or not. */
  readonly lost?: (ctx: C, args: Args) => void;
  /** Local commands: the handler; the whole of `io` and `conn` is known to src/main/io alone. */
  local?(io: LocalThread, conn: LocalClient, args: Args, reply: Reply): void | Promise<void>;
  /**
   * Local commands: what this call in a transaction means for the commands behind it; see
   * src/main/io/transaction/queued-state.ts.
   */
  clientState?(io: LocalThread, state: LocalState, args: Args, unread: Reply): void;
};

/** Types a definition for its context; no effect at run time. */
export function defineCommand<C>(def: CommandDef<C>): CommandDef<C> {
  return def;
}
