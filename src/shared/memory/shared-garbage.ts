/**
 * Memory outside of V8's heap that only a collection gives back.
 *
 * Big replies and requests travel between threads in SharedArrayBuffers of their own. V8 does not count such buffers as
 * memory that a collection would free, so they would pile up on a thread that only passes big values along. This file
 * counts the buffers, and has the garbage collector run when a thread has dropped enough of them; with a heap of a few
 * MB a run takes a few milliseconds.
 *
 * V8 does count other buffers, but V8 collects only when something is allocated. If all clients of a thread have gone,
 * their unread output would stay until another client comes. So each thread checks once a second (`collectDropped`).
 *
 * Invariant: a thread that allocates or receives a shared buffer calls `noteShared` for it once; code that drops much
 * at once calls `noteDropped`.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes of buffers after which a collection is worth it. */
const COLLECT_BYTES = 64 * 1024 * 1024;

/** Less than this is not worth a collection when a thread looks. */
const WORTH_BYTES = 8 * 1024 * 1024;

/** While slab chunks arrive all the time, their slabs are collected only once in this many checks. */
const BUSY_LOOKS = 10;

let noted = 0;
let dropped = 0;
/** Bytes of other threads' slabs that came since the last collection, and those of the last look. */
let foreign = 0;
let foreignSeen = 0;
let looks = 0;
/** External memory after the last collection, or less when it fell since: what grew beyond may be garbage. */
let floorBytes = Number.POSITIVE_INFINITY;
let collect: (() => void) | null = null;

/** Counts a buffer of `bytes` bytes that this thread made or was sent, and that it will drop soon. */
export function noteShared(bytes: number): void {
  noted += bytes;
  // What was noted last is still in use.
  if (noted >= COLLECT_BYTES) collectNow(bytes);
}

/** Counts `bytes` bytes of output, input or similar memory that were dropped at once. */
export function noteDropped(bytes: number): void {
  dropped += bytes;
}

/**
 * Counts a chunk of another thread's slab. Its bytes are given back by hand, but the slab as a whole lives for as long
 * as something here that was not collected names it.
 */
export function noteForeign(bytes: number): void {
  foreign += bytes;
}

/** Whether slabs of others may wait for this thread alone. */
function isForeignDue(): boolean {
  if (foreign < WORTH_BYTES) return false;
  const quiet = foreign === foreignSeen;
  foreignSeen = foreign;
  return quiet || ++looks >= BUSY_LOOKS;
}

/** Once a second: collects, if enough was dropped. `externalBytes`: of V8, for this thread. */
export function collectDropped(externalBytes: number): void {
  if (externalBytes < floorBytes) floorBytes = externalBytes;
  const grown = externalBytes - floorBytes;
  const due = isForeignDue();
  // What was dropped may have been alive at the last collection: it counts however little came since.
  if (!due && noted < WORTH_BYTES && grown < COLLECT_BYTES && dropped < WORTH_BYTES) return;
  collectNow(0);
  floorBytes = getHeapStatistics().external_memory;
}

function collectNow(kept: number): void {
  noted = kept;
  dropped = 0;
  foreign = 0;
  foreignSeen = 0;
  looks = 0;
  collect ??= findCollector();
  collect();
}

/** The collector is exposed to one context of ours only. A runtime that has none collects when it likes. */
function findCollector(): () => void {
  try {
    setFlagsFromString('--expose-gc');
    return runInNewContext('gc') as () => void;
  } catch {
    return () => {};
  }
}
