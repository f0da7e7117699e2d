/**
 * The processor time of the calling thread. Node tells it from 23.9 on; before, Linux does (proc(5), `stat`), in clock
 * ticks of 10 ms. Where neither does it is unknown, and 0.
 */
import { readFileSync } from 'node:fs';

/** USER_HZ, the unit of /proc, is 100 on every architecture that Node runs on. */
const USEC_PER_TICK = 10_000;
/** Places of utime and stime among the fields behind the thread's name, which may hold blanks itself. */
const UTIME = 11;
const STIME = 12;

const ofNode = (process as { threadCpuUsage?: () => NodeJS.CpuUsage }).threadCpuUsage;

/** Microseconds that the calling thread has run, in user and in system mode. */
export function threadCpuUsage(): NodeJS.CpuUsage {
  if (ofNode !== undefined) return ofNode.call(process);
  try {
    const text = readFileSync('/proc/thread-self/stat', 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { user: Number(fields[UTIME]) * USEC_PER_TICK, system: Number(fields[STIME]) * USEC_PER_TICK };
  } catch {
    return { user: 0, system: 0 };
  }
}
