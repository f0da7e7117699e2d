/**
 * MONITOR: every command that a client of any I/O thread sends, as a line to each client that asked for it. The thread
 * that received the command makes the line, and only while a client monitors (CONTROL.monitors, read once a turn).
 *
 * Invariant: a connection is in `monitors` exactly while MODE.monitor is set.
 */

import type { Outbox } from '../../../shard/blocking/outbox.js';
import { CLIENT_FLAG } from '../../../shared/command/client-state.js';
import { FLAG_ADMIN, FLAG_NO_MANDATORY_KEYS, FLAG_SKIP_MONITOR } from '../../../shared/command/flags.js';
import type { InterestWriter } from '../../../shared/pubsub/interest.js';
import { monitorLine } from '../../../shared/pubsub/monitor-line.js';
import type { Args } from '../../../shared/resp/args.js';
import { CONTROL, type ControlBlock } from '../../../shared/sync/control-block.js';
import type { Connection } from '../session/connection.js';
import { type PushContext, push } from '../session/push.js';
import { MODE } from '../session/session.js';
import type { Turn } from '../thread/turn.js';

/** What monitors need of the I/O thread. */
export interface MonitorsContext extends PushContext {
  readonly index: number;
  readonly control: ControlBlock;
  readonly turn: Turn;
}

export class Monitors {
  private readonly io: MonitorsContext;
  private readonly interest: InterestWriter;
  private readonly outbox: Outbox;
  private readonly monitors: Set<Connection> = new Set();

  constructor(io: MonitorsContext, interest: InterestWriter, outbox: Outbox) {
    this.io = io;
    this.interest = interest;
    this.outbox = outbox;
  }

  add(conn: Connection): void {
    if ((conn.session.modes & MODE.monitor) !== 0) return;
    conn.session.modes |= MODE.monitor;
    this.monitors.add(conn);
    Atomics.add(this.io.control.i32, CONTROL.monitors, 1);
    // Also for the commands behind MONITOR in the same pipeline: the count is read at the beginning of a turn.
    this.io.turn.monitored = true;
    this.interest.setMonitors(this.monitors.size);
  }

  remove(conn: Connection): void {
    if ((conn.session.modes & MODE.monitor) === 0) return;
    conn.session.modes &= ~MODE.monitor;
    this.monitors.delete(conn);
    this.interest.setMonitors(this.monitors.size);
    Atomics.sub(this.io.control.i32, CONTROL.monitors, 1);
  }

  /** Shows a command that was run. `flags`: of the command. */
  feed(conn: Connection, flags: number, args: Args): void {
    // ADMIN and SKIP_MONITOR commands are not shown. Script calls are the exception: they carry SKIP_MONITOR, but are
    // shown here, by the I/O thread that received them.
    if ((flags & FLAG_ADMIN) !== 0 || (flags & (FLAG_SKIP_MONITOR | FLAG_NO_MANDATORY_KEYS)) === FLAG_SKIP_MONITOR)
      return;
    const from =
      (conn.session.flags & CLIENT_FLAG.unixSocket) === 0 ? conn.addr : `unix:${conn.addr.replace(/:0$/, '')}`;
    const line = monitorLine(this.io.control.nowUsec(), conn.session.db, from, args);
    this.deliver(line);
    this.outbox.monitor(line, this.io.index);
  }

  /** Gives a line to this thread's monitors. */
  deliver(line: Uint8Array): void {
    for (const conn of this.monitors) push(this.io, conn, line);
  }
}
