/**
 * Big replies and requests travel between threads in SharedArrayBuffers of their own. V8 does not count those as memory
 * that a collection would free, so a thread that only passes big values along would let them pile up. This counts them
 * and has the collector run when a thread has dropped enough; a heap of a few MB takes it a few milliseconds.
 *
 * Invariant: a thread that allocates or receives such a buffer calls `noteShared` for it once.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes of buffers after which a collection is worth it. */
const COLLECT_BYTES = 64 * 1024 * 1024;

let noted = 0;
let collect: (() => void) | null = null;

/** Counts a buffer of `bytes` bytes that this thread made or was sent, and that it will drop soon. */
export function noteShared(bytes: number): void {
  noted += bytes;
  if (noted < COLLECT_BYTES) return;
  noted = 0;
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
