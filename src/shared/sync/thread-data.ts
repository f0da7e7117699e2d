/**
 * What the main thread hands to the threads it starts (`workerData`). Plain data: it crosses a structured clone.
 */
import type { MessagePort } from 'node:worker_threads';

/** One (I/O thread, shard) pair. */
export interface PairData {
  readonly requestRing: SharedArrayBuffer;
  readonly replyRing: SharedArrayBuffer;
  /** This end of the pair's mailbox; transferred. */
  readonly mail: MessagePort;
  /** Number of earlier lives of the thread that gets this; mail ids start above it. */
  readonly generation: number;
}

/** The rings between two I/O threads, as one of them sees them. */
export interface LinkData {
  readonly incoming: SharedArrayBuffer;
  readonly outgoing: SharedArrayBuffer;
}

/** What every kind of thread gets. */
export interface ThreadData {
  readonly threadId: number;
  readonly controlBlock: SharedArrayBuffer;
  /** Where control messages travel (see control-messages.ts); transferred. */
  readonly controlPort: MessagePort;
  /** Name of the server's channel for new segments. */
  readonly channelName: string;
  /** Segments known at the start: [shard][index]. Segment 0 is always there. */
  readonly segments: readonly (readonly SharedArrayBuffer[])[];
  /** The log of effects (src/shard/effects/effect-log.ts), one per server. */
  readonly effects: SharedArrayBuffer;
  /** What the clients of each I/O thread want to hear (src/shared/pubsub/interest.ts), by its index. */
  readonly interests: readonly SharedArrayBuffer[];
  /** All directives with their present values, as CONFIG GET shows them. */
  readonly config: readonly (readonly [string, string])[];
  readonly version: string;
  /** 40 hex digits, one per server start. */
  readonly runId: string;
  /** Where the thread's random numbers begin (random.ts), for tests; null: nobody can foretell them. */
  readonly seed: number | null;
  /** How often this thread was started before. */
  readonly generation: number;
}

/** For src/main/io/worker.ts. */
export interface IoWorkerData extends ThreadData {
  readonly kind: 'io';
  /** 0..ioThreads-1 */
  readonly ioIndex: number;
  /** By shard. */
  readonly pairs: readonly PairData[];
  /** By I/O thread; null for itself. */
  readonly links: readonly (LinkData | null)[];
  /** The file that the configuration came from, empty if none (INFO config_file). */
  readonly configFile: string;
  readonly executable: string;
}

/**
 * Words per job in the job table: state (0 free, 1 runs, 2 answers), I/O index, connection id, sequence number,
 * position of the reply ring before the answer.
 */
export const JOB_WORDS = 5;
/** Jobs that one shard runs at a time; more wait in the ring. */
export const JOBS_MAX = 1024;

/** For src/shard/worker.ts. */
export interface ShardWorkerData extends ThreadData {
  readonly kind: 'shard';
  readonly shard: number;
  /** By I/O thread. */
  readonly pairs: readonly PairData[];
  /** JOBS_MAX entries: which jobs run, so that a successor can end their connections. */
  readonly jobTable: SharedArrayBuffer;
  /** Whether the predecessor died while it held the shard's lease. */
  readonly leaseWasHeld: boolean;
  /** By I/O thread: its clients with lower ids are gone, and the predecessor may not have dropped them. */
  readonly clientsBefore: readonly number[];
  /** Whether the predecessor was ended because its script was to end: ENDED of script-run.ts. */
  readonly endedScript: number;
}
