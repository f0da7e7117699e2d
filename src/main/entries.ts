/**
 * The files that worker threads are started from. It stands in this folder because the bundle that holds it does: a
 * path beside it means the same in the sources and in `dist`.
 */
export const IO_WORKER = new URL('./io/worker.js', import.meta.url);
export const SHARD_WORKER = new URL('../shard/worker.js', import.meta.url);
