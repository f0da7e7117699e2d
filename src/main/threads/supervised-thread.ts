/** A thread as the supervisor knows it, over all its lives. Main thread. */
import type { Worker } from 'node:worker_threads';
import { ENDED } from '../../shared/sync/script-run.js';
import type { ListeningThread } from './listening.js';

/** One thread of the server. */
export interface Thread extends ListeningThread {
  readonly kind: 'io' | 'shard';
  worker: Worker | null;
  /** Lives before this one. */
  generation: number;
  onReady: { resolve: () => void; reject: (error: Error) => void } | null;
  exited: Promise<void>;
  /** It died with a lease, and no later life of it has settled that yet. */
  heldLease: boolean;
  /** Its script was killed with it, and no later life of it has answered that script yet: ENDED. */
  endedScript: number;
  /** It is being ended on purpose: its death is no fault of it. */
  isEnded: boolean;
  /** It could not be started for want of something, and the log says so. */
  isShort: boolean;
  /** Until it is started again. */
  pause: NodeJS.Timeout | undefined;
}

/** The name of a thread in the log. */
export function nameOf(thread: Thread): string {
  return `${thread.kind === 'io' ? 'I/O' : 'shard'} thread ${thread.index}`;
}

/** A thread that has not been started yet. */
export function newThread(id: number, kind: 'io' | 'shard', index: number): Thread {
  return {
    id,
    kind,
    index,
    worker: null,
    generation: 0,
    onReady: null,
    exited: Promise.resolve(),
    fds: [],
    heldLease: false,
    endedScript: ENDED.not,
    isEnded: false,
    isShort: false,
    pause: undefined,
  };
}
