/**
 * What the supervisor knows of the threads of a server: a `ThreadKind` for each sort of thread (I/O, shard, ...), and a
 * `Thread` for each single one, over all its lives. Main thread, control plane.
 *
 * To add a kind of thread, write one file in kinds/ and put the object into the row in server-threads.ts. The place in
 * that row says when its threads end: the first kind ends first, and is started last.
 */
import type { MessagePort } from 'node:worker_threads';

/** A worker as far as the supervisor needs it; a test may give its own. */
export interface SpawnedWorker {
  on(event: 'error', listener: (error: unknown) => void): unknown;
  once(event: 'exit', listener: (code: number) => void): unknown;
  terminate(): Promise<unknown>;
}

/** One thread of the server. The supervisor writes it, a kind only reads it. */
export interface Thread {
  readonly kind: ThreadKind;
  /** Thread id of the control block; each life of the thread has the same. */
  readonly id: number;
  /** 0.. within its kind. */
  readonly index: number;
  /** Its present life; null while there is none. */
  worker: SpawnedWorker | null;
  /** Lives before this one. */
  generation: number;
  onReady: { resolve: () => void; reject: (error: Error) => void } | null;
  exited: Promise<void>;
  /** It died with a lease, and no later life of it has settled that yet. */
  heldLease: boolean;
  /** It is being ended on purpose: its death is no fault of it. */
  isEnded: boolean;
  /** It could not be started for want of something, and the log says so. */
  isShort: boolean;
  /** Until it is started again. */
  pause: NodeJS.Timeout | undefined;
}

/** A sort of thread: how many there are, how one is started, and what its death means. */
export interface ThreadKind {
  /** "I/O", "shard": the log calls a thread "shard thread 0". */
  readonly name: string;
  /** How many threads of the kind there are. */
  readonly count: number;
  /** Control-bus calls for all clients (`io-call`) go to the threads of this kind. */
  readonly hasClients: boolean;
  /** A thread that was asked to close ends by itself; otherwise it is terminated once it has answered. */
  readonly endsByItself: boolean;
  /** Thread id of the thread `index`. */
  idOf(index: number): number;
  /** Makes the worker of a life; `control` is its end of the control port. Throws when the system gives no thread. */
  spawn(thread: Thread, control: MessagePort): SpawnedWorker;
  /** A life has reported that it is ready. */
  ready?(thread: Thread): void;
  /** A life is over, and the server goes on: what it leaves behind goes. The supervisor breaks its leases. */
  afterDeath(thread: Thread): void;
  /** A successor is about to be spawned: makes what it needs, tells its peers. May throw for want of memory. */
  renew(thread: Thread): void;
  /** A successor was spawned; `ready` settles when it is ready, or dead before that. */
  renewed?(thread: Thread, ready: Promise<void>): void;
  /** When the server stops: the thread would not see the request to close, so it may be terminated at once. */
  isDeaf?(thread: Thread): boolean;
  /** For tests: the shards whose leases keep a thread from being cut in the middle of a change. */
  shardsOf(thread: Thread): readonly number[];
}

/** The name of a thread in the log. */
export function nameOf(thread: Thread): string {
  return `${thread.kind.name} thread ${thread.index}`;
}

/** The threads of a kind, none of them started yet. */
export function newThreads(kind: ThreadKind): Thread[] {
  return Array.from({ length: kind.count }, (_, index) => ({
    kind,
    id: kind.idOf(index),
    index,
    worker: null,
    generation: 0,
    onReady: null,
    exited: Promise.resolve(),
    heldLease: false,
    isEnded: false,
    isShort: false,
    pause: undefined,
  }));
}
