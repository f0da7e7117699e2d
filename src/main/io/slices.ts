/**
 * Slices: how work that grows with what clients have made, and that nobody needs in one piece, leaves room for other
 * clients. It runs for at most SLICE_MS, then lets the event loop go round once.
 *
 * Invariant: between two slices anything may happen; connections may be closed, sets may change.
 */

/** Longest slice, ms. */
export const SLICE_MS = 1;
/** The clock is read once for so many steps (a power of two). */
const CLOCK_EVERY = 16;

/** Resolves when the event loop has been round once. */
export function otherEvents(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Calls `step` for each item, in slices. An item may have gone when its turn comes; `step` must know. */
export async function inSlices<T>(items: readonly T[], step: (item: T) => void): Promise<void> {
  let endMs = performance.now() + SLICE_MS;
  for (let i = 0; i < items.length; i++) {
    step(items[i]!);
    if ((i & (CLOCK_EVERY - 1)) !== CLOCK_EVERY - 1 || performance.now() < endMs) continue;
    await otherEvents();
    endMs = performance.now() + SLICE_MS;
  }
}
