/**
 * MONITOR: every command that a client of any I/O thread sends, as a line to each client that asked for it. Lines are
 * made by the thread that got the command, only while somebody monitors (CONTROL.monitors, read once a turn).
 *
 * Invariant: a connection is in `monitors` exactly while MODE.monitor is set.
 */
import type { Outbox } from '../../shard/outbox.js';
import { FLAG_ADMIN, FLAG_SKIP_MONITOR } from '../../shared/command/flags.js';
import { KIND_MONITOR } from '../../shared/pubsub/bulletin.js';
import type { InterestWriter } from '../../shared/pubsub/interest.js';
import type { Args } from '../../shared/resp/args.js';
import { CONTROL } from '../../shared/sync/control-block.js';
import { CONN_FLAG, type Connection, MODE } from './connection.js';
import type { IoThread } from './io-thread.js';
import { latin1 } from './pubsub/latin1.js';
import { push } from './push.js';

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\x07': '\\a',
  '\b': '\\b',
};

/** Bytes (one char each) in double quotes, as Redis prints them. */
export function quoted(text: string): string {
  const safe = text.replace(/[\\"]|[^ -~]/g, (c) => {
    return ESCAPES[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return `"${safe}"`;
}

/** Microseconds since the epoch, as the line shows them: seconds, point, six digits. */
function stamp(): string {
  const micros = Math.round((performance.timeOrigin + performance.now()) * 1000);
  const seconds = Math.floor(micros / 1e6);
  return `${seconds}.${String(micros - seconds * 1e6).padStart(6, '0')}`;
}

export class Monitors {
  private readonly io: IoThread;
  private readonly interest: InterestWriter;
  private readonly outbox: Outbox;
  private readonly monitors: Set<Connection> = new Set();

  constructor(io: IoThread, interest: InterestWriter, outbox: Outbox) {
    this.io = io;
    this.interest = interest;
    this.outbox = outbox;
  }

  add(conn: Connection): void {
    if ((conn.modes & MODE.monitor) !== 0) return;
    conn.modes |= MODE.monitor;
    this.monitors.add(conn);
    Atomics.add(this.io.control.i32, CONTROL.monitors, 1);
    this.interest.setMonitors(this.monitors.size);
  }

  remove(conn: Connection): void {
    if ((conn.modes & MODE.monitor) === 0) return;
    conn.modes &= ~MODE.monitor;
    this.monitors.delete(conn);
    this.interest.setMonitors(this.monitors.size);
    Atomics.sub(this.io.control.i32, CONTROL.monitors, 1);
  }

  /** Shows a command that was run. `flags`: of the command. */
  feed(conn: Connection, flags: number, args: Args): void {
    if ((flags & (FLAG_SKIP_MONITOR | FLAG_ADMIN)) !== 0) return;
    const from = (conn.flags & CONN_FLAG.unixSocket) === 0 ? conn.addr : `unix:${conn.addr.replace(/:0$/, '')}`;
    let text = `+${stamp()} [${conn.db} ${from}]`;
    const hidden = args.is(0, 'auth') ? 1 : args.argc;
    for (let i = 0; i < args.argc; i++) {
      text += ` ${i < hidden ? quoted(latin1(args.u8, args.off[i]!, args.len[i]!)) : '"(redacted)"'}`;
    }
    this.show(Uint8Array.from(Buffer.from(`${text}\r\n`, 'latin1')));
  }

  /** Gives a line to all monitors of the server. */
  private show(line: Uint8Array): void {
    this.deliver(line);
    const { readers, buffers } = this.outbox;
    for (let io = 0; io < readers.length; io++) {
      if (io === this.io.index || readers[io]!.monitors === 0) continue;
      buffers[io]!.addOne(KIND_MONITOR, 0, 0, line);
      this.outbox.pending = true;
    }
  }

  /** Gives a line to this thread's monitors. */
  deliver(line: Uint8Array): void {
    for (const conn of this.monitors) push(this.io, conn, line);
  }
}
