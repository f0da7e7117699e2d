/**
 * What a lack of descriptors, threads, memory or disk looks like, and how long to wait before something that failed for
 * it is tried again. Control plane.
 */

/** Between two tries, milliseconds. */
export const SHORTAGE_RETRY_MS = 500;

const CODES: ReadonlySet<unknown> = new Set([
  'EMFILE',
  'ENFILE',
  'EAGAIN',
  'ENOMEM',
  'ENOBUFS',
  'ENOSPC',
  'ERR_WORKER_INIT_FAILED',
  'ERR_WORKER_OUT_OF_MEMORY',
  'ERR_MEMORY_ALLOCATION_FAILED',
]);

/** Whether the error says that the system has run out of something: the same may succeed later. */
export function isShortage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return CODES.has((error as NodeJS.ErrnoException).code) || /allocation failed|out of memory/i.test(error.message);
}

/** Waits before the next try; does not keep the process alive. */
export function untilRetry(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, SHORTAGE_RETRY_MS).unref();
  });
}
