/** A thread as the supervisor knows it, over all its lives. Main thread. */
import type { Worker } from 'node:worker_threads';
import type { ListenFd } from '../shared/sync/control-messages.js';
import { ENDED } from '../shared/sync/script-run.js';

/** One thread of the server. */
export interface Thread {
  readonly id: number;
  readonly kind: 'io' | 'shard';
  readonly index: number;
  worker: Worker | null;
  /** Lives before this one. */
  generation: number;
  onReady: { resolve: () => void; reject: (error: Error) => void } | null;
  exited: Promise<void>;
  /** I/O threads: the sockets on which they listen. */
  fds: readonly ListenFd[];
  /** It died with a lease, and no later life of it has settled that yet. */
  heldLease: boolean;
  /** Its script was killed with it, and no later life of it has answered that script yet: ENDED. */
  endedScript: number;
  /** It is being ended on purpose: its death is no fault of it. */
  isEnded: boolean;
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
    pause: undefined,
  };
}
