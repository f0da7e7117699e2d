/**
 * How many files and sockets the process may have open, and how many clients that leaves room for.
 *
 * Node.js raises the soft limit to the hard one when it starts, so the soft limit is what there is. It is read from
 * `/proc` on Linux and asked of a shell on other systems; Windows has none. Main thread; control plane only.
 *
 * Invariants: (1) when every client that `maxclients` allows is there, DESCRIPTORS_RESERVED descriptors are free: for
 * the log, CONFIG REWRITE, INFO, a thread that is started again; (2) an unknown limit limits nothing.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { SherdError } from '../../shared/errors/sherd-error.js';
import type { Config } from '../config/config.js';

/** Descriptors that clients never get, as in Redis. */
const DESCRIPTORS_RESERVED = 32;
/** An accepted connection whose descriptor is among this many last ones is refused: nothing else had to fail yet. */
const DESCRIPTORS_KEPT_FREE = 16;
/** What an event loop of a thread has open (Node.js 20 to 24: 4 to 5). */
const PER_THREAD = 6;
/** What an I/O thread has open beside its listening sockets: its spare descriptor and libuv's. */
const PER_IO_THREAD = 2;
/** What a Node.js process has open before it does anything, where that cannot be counted. */
const OPEN_AT_START = 32;

/** Highest number of descriptors of this process; Infinity when there is no limit, or it cannot be known. */
export function descriptorLimit(): number {
  if (process.platform === 'win32') return Number.POSITIVE_INFINITY;
  try {
    if (process.platform === 'linux') return limitIn(readFileSync('/proc/self/limits', 'latin1'));
    return toLimit(spawnSync('sh', ['-c', 'ulimit -n'], { encoding: 'latin1' }).stdout?.trim());
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** The soft limit of open files in a text like `/proc/self/limits`. */
export function limitIn(limits: string): number {
  return toLimit(/^Max open files\s+(\S+)/m.exec(limits)?.[1]);
}

function toLimit(word: string | undefined): number {
  return word !== undefined && /^\d+$/.test(word) ? Number(word) : Number.POSITIVE_INFINITY;
}

/** Descriptors that are open now. */
function openDescriptors(): number {
  try {
    // One of them is the folder that is read.
    return readdirSync(process.platform === 'linux' ? '/proc/self/fd' : '/dev/fd').length - 1;
  } catch {
    return OPEN_AT_START;
  }
}

/** The threads of a server, and how many addresses each I/O thread listens on. */
export interface ThreadCounts {
  readonly shards: number;
  readonly ioThreads: number;
  readonly listeners: number;
}

/** How many clients a server may have, as far as the system's limit of descriptors goes. Made before its threads. */
export class ClientCapacity {
  /** Descriptors that are no clients: those of the host program, of our threads, and the reserve. */
  readonly overhead: number;
  private readonly limitOf: () => number;

  constructor(threads: ThreadCounts, limitOf: () => number = descriptorLimit, open: number = openDescriptors()) {
    const { shards, ioThreads, listeners } = threads;
    const own = (shards + ioThreads) * PER_THREAD + ioThreads * (PER_IO_THREAD + listeners);
    this.overhead = open + own + DESCRIPTORS_RESERVED;
    this.limitOf = limitOf;
  }

  /** The highest `maxclients` that the system can serve now. */
  maxClients(): number {
    return this.limitOf() - this.overhead;
  }

  /** Accepted descriptors from this number on are refused; 0: none is. */
  refusedFrom(): number {
    const limit = this.limitOf();
    return limit < 2 ** 31 ? Math.max(limit - DESCRIPTORS_KEPT_FREE, 1) : 0;
  }

  /**
   * Lowers `maxclients` to what the system allows, and says so.
   *
   * @throws SherdError when there is room for no client at all
   */
  lower(config: Config, warn: (message: string) => void): void {
    const wanted = config.int('maxclients');
    const limit = this.limitOf();
    const needed = wanted + this.overhead;
    if (needed <= limit) return;
    const allowed = limit - this.overhead;
    if (allowed < 1) {
      const message =
        `Your current 'ulimit -n' of ${limit} is not enough for the server to start. ` +
        `Please increase your open file limit to at least ${needed}. Exiting.`;
      throw new SherdError('SHERD_START', message, { directive: 'maxclients' });
    }
    config.applyChanges([['maxclients', String(allowed)]]);
    warn(`You requested maxclients of ${wanted} requiring at least ${needed} max file descriptors.`);
    warn(
      `Current maximum open files is ${limit}. maxclients has been reduced to ${allowed} to compensate for low ` +
        "ulimit. If you need higher maxclients increase 'ulimit -n'.",
    );
  }

  /** What is wrong with a `maxclients` of CONFIG SET, in Redis's words; null when it can be served. */
  refuse(maxclients: number): string | null {
    const allowed = this.maxClients();
    if (maxclients <= allowed) return null;
    return `The operating system is not able to handle the specified number of clients, try with ${allowed}`;
  }
}
