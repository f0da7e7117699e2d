/**
 * CLIENT PAUSE in an I/O thread: the connections that wait for the end of the pause, and a timer that checks for the
 * end.
 */
import { FLAG_MAY_REPLICATE, FLAG_PUBSUB, FLAG_WRITE } from '../../../shared/command/flags.js';
import type { Registry } from '../../../shared/command/registry.js';
import type { Args } from '../../../shared/resp/args.js';
import type { StatsBlock } from '../../../shared/stats/stats-block.js';
import type { ControlBlock } from '../../../shared/sync/control-block.js';
import { isPaused, PAUSE, pauseAt } from '../../../shared/sync/pause.js';
import { BARRIER, type Connection } from '../session/connection.js';
import type { Turn } from '../thread/turn.js';
import { PAUSE_CONGESTED } from './pause-mode.js';
import { beginWaiting, endWaiting } from './waiting-clients.js';

/** How often the end of a pause is checked for, while a connection waits for it. */
const LOOK_MS = 10;

/** What the watch needs of the I/O thread. */
export interface PauseContext {
  readonly control: ControlBlock;
  readonly registry: Registry;
  readonly stats: StatsBlock;
  readonly turn: Turn;
  readonly pause: PauseWatch;
  /** Connections that wait for room in a ring, or for an end of congestion. */
  readonly ringFull: Connection[];
  resume(conn: Connection): void;
}

export class PauseWatch {
  private readonly io: PauseContext;
  private waiting: Connection[] = [];
  private timer: NodeJS.Timeout | null = null;

  constructor(io: PauseContext) {
    this.io = io;
  }

  /** Whether a pause is in force now; begins to watch for its end. */
  isActive(): boolean {
    if (pauseAt(this.io.control, this.io.turn.nowMs) === PAUSE.none) return false;
    this.timer ??= setInterval(() => this.look(), LOOK_MS);
    return true;
  }

  /** The connection's next command waits until the pause is over. */
  wait(conn: Connection): void {
    beginWaiting(this.io.stats, conn, BARRIER.pause);
    this.waiting.push(conn);
  }

  private look(): void {
    if (isPaused(this.io.control)) return;
    clearInterval(this.timer!);
    this.timer = null;
    const waiting = this.waiting;
    this.waiting = [];
    for (const conn of waiting) {
      endWaiting(this.io.stats, conn, BARRIER.pause);
      this.io.resume(conn);
    }
  }

  close(): void {
    if (this.timer !== null) clearInterval(this.timer);
  }
}

/** Flags of a command as CLIENT PAUSE sees it: a script may say that it writes nothing. Cold. */
export function pausedFlags(io: PauseContext, id: number, flags: number, args: Args): number {
  return io.registry.defs[id]!.onlyReads?.(args) === true ? flags & ~FLAG_MAY_REPLICATE : flags;
}

/** Whether a command with these flags (`pausedFlags`) waits for the end of a pause, or of congestion. */
export function mustPause(io: PauseContext, conn: Connection, flags: number): boolean {
  if ((io.turn.pauseMode & PAUSE_CONGESTED) !== 0 && (flags & (FLAG_WRITE | FLAG_PUBSUB)) !== 0) {
    conn.barrier |= BARRIER.ringFull;
    io.ringFull.push(conn);
    return true;
  }
  const mode = io.turn.pauseMode & ~PAUSE_CONGESTED;
  if (mode !== PAUSE.all && (flags & (FLAG_WRITE | FLAG_MAY_REPLICATE)) === 0) return false;
  if (mode === PAUSE.none || !io.pause.isActive()) return false;
  io.pause.wait(conn);
  return true;
}
