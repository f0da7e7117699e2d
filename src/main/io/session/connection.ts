/**
 * Connection: a session, and the socket on which its commands come and its replies go. It lives on the I/O thread that
 * accepted it, and no other thread touches it; shards name it by its slot and the sequence number of the request.
 *
 *     socket -> input (unparsed bytes) -> parser -> dispatch -> inline reply ----------------> out -> socket
 *                                            `-> ring request (nextSeq++) ... reply (headSeq++) -'
 *
 * Invariants: (1) replies enter `out` in the order of the requests: an inline or local command runs only when `headSeq
 * === nextSeq`; (2) while `barrier` is not 0 nothing is parsed; (3) a closed connection keeps its slot until the
 * replies it still waits for have come; (4) `out` is null or a Reply that only this connection uses.
 */

import type { Reply } from '../../../shared/resp/reply.js';
import type { OutQueue } from '../net/out-queue.js';
import type { Transport } from '../net/transport.js';
import type { ReplyOrder } from '../reply/reply-order.js';
import type { ConnectionInput } from '../request/input.js';
import type { BlockedRequest } from '../waiting/blocked-request.js';
import type { Session } from './session.js';

/** CLIENT REPLY. `skipAsked`: until the end of the command that asks for it; then it is `skipNext`. */
export const REPLY_MODE = { on: 0, off: 1, skipNext: 2, skipAsked: 3 } as const;

/** Most ring requests in flight while replies are large. */
export const IN_FLIGHT_MAX_LARGE = 8;

/** Why a connection does not parse: bits of `Connection.barrier`. */
export const BARRIER = {
  /** A command that must run alone waits for its reply (all, job, several shards). */
  ring: 1,
  /** A local command's promise is not settled. */
  promise: 2,
  /** CLIENT PAUSE. */
  pause: 4,
  /** Too many replies outstanding or too much output queued. */
  output: 8,
  /** A ring or mailbox was full. */
  ringFull: 16,
  /** Replies are outstanding, and the next command must not overtake them. */
  order: 32,
  /** As many ring requests are under way as may be. */
  inFlight: 128,
  /** The client waits in a blocking command (BLPOP, WAIT). */
  blocked: 64,
} as const;

/**
 * Where a connection's sequence numbers begin: far from the numbers of the slot's last connection, in this life of the
 * I/O thread or in another. Waiters that the last connection left in the queues of blocked clients name slot and
 * number.
 */
function firstSeqOf(id: number): number {
  return Math.imul(id, 0x9e3779b1) & 0x3fffffff;
}

/** A push that waits until `headSeq` has come to `seq`. */
export interface DeferredPush {
  readonly seq: number;
  readonly bytes: Uint8Array;
}

/** Who serves the connection, as its socket and its commands see it: an I/O thread. */
export interface ConnectionOwner {
  readonly index: number;
  onData(conn: Connection, n: number): void;
  onEnd(conn: Connection, clean: boolean): void;
  onWritten(conn: Connection, ok: boolean): void;
  onWriteError(conn: Connection): void;
  closeConnection(conn: Connection): void;
}

/** What a connection is made of. */
export interface ConnectionParts {
  readonly io: ConnectionOwner;
  readonly session: Session;
  readonly transport: Transport;
  readonly input: ConnectionInput;
  readonly slot: number;
  readonly nowMs: number;
  /** "127.0.0.1:51234", "[::1]:51234", or the unix socket's path with ":0". */
  readonly addr: string;
  readonly laddr: string;
  readonly fd: number;
}

export class Connection {
  /** What the client is to its commands. */
  readonly session: Session;
  /** Index in the I/O thread's table; what rings call connId. */
  readonly slot: number;
  readonly io: ConnectionOwner;
  readonly transport: Transport;
  readonly createdMs: number;
  readonly addr: string;
  readonly laddr: string;
  readonly fd: number;

  lastActiveMs: number;
  /** REPLY_MODE; set by CLIENT REPLY. */
  replyMode: number = REPLY_MODE.on;
  /** Close once everything written so far is out: QUIT, protocol errors. Nothing is parsed any more. */
  closeAfterReply = false;
  /** Ends WAIT or WAITAOF, as a timeout or with an error; null while it is not in one. */
  endWait: ((withError: boolean) => void) | null = null;
  /** Bytes of the local command that runs now. */
  runningBytes = 0;
  /** Bytes of its arguments, or of those of the request that blocks. */
  argvBytes = 0;
  /** Waits for the end of the event loop's turn to have its replies written. */
  unsettled = false;
  closed = false;
  /** The peer has sent its end; close when what it asked for is answered. */
  ended = false;
  /** Figures for CLIENT LIST and INFO. */
  bytesIn = 0;
  bytesOut = 0;
  commands = 0;

  // ---- input
  readonly input: ConnectionInput;
  barrier = 0;
  readStopped = false;

  // ---- order of replies
  /** Sequence number of the next ring request; uint32, wraps. */
  nextSeq: number;
  /** Sequence number of the oldest request not yet answered. */
  headSeq: number;
  /** Replies that came before their turn; null until that happens. */
  order: ReplyOrder | null = null;
  /** Most ring requests in flight; falls when replies are large. */
  inFlightMax = 1024;

  /** The reply to `headSeq` has come in part: nothing may be written before the rest of it. */
  partial = false;
  /** Pushes that must not overtake replies under way; null until there are any. */
  deferred: DeferredPush[] | null = null;

  // ---- transactions
  /** Takes the next reply instead of `out`, and is told when the reply is complete. */
  capture: Reply | null = null;
  captured: (() => void) | null = null;
  /** EXEC of a transaction with local commands is under way. */
  inExec = false;

  /** The request that may block, until its reply has come. */
  blocked: BlockedRequest | null = null;

  // ---- output
  /** What is to be written next. */
  out: Reply | null = null;
  /** A single message that is to be written next, shared with other connections; `out` is null then. */
  pushed: Uint8Array | null = null;
  /** Larger output that is sent in pieces, before `out`; null when there is none. */
  queue: OutQueue | null = null;
  /** Bytes given to the socket and not yet taken by the socket, without the bytes of the queue. */
  inFlightBytes = 0;
  /** Buffers of that write: kept until it is done. */
  writing = false;
  /** The most bytes of replies written at once in the last seconds. */
  outputPeakBytes = 0;
  /** Since when the soft output limit is exceeded, 0 when it is not. */
  softLimitSinceMs = 0;
  /** In the list of connections to be flushed at the end of this turn. */
  dirty = false;

  constructor(parts: ConnectionParts) {
    this.io = parts.io;
    this.session = parts.session;
    this.transport = parts.transport;
    this.input = parts.input;
    this.slot = parts.slot;
    this.nextSeq = firstSeqOf(parts.session.id);
    this.headSeq = this.nextSeq;
    this.createdMs = parts.nowMs;
    this.lastActiveMs = parts.nowMs;
    this.addr = parts.addr;
    this.laddr = parts.laddr;
    this.fd = parts.fd;
  }

  /** Ring requests not yet answered. */
  get pending(): number {
    return (this.nextSeq - this.headSeq) >>> 0;
  }

  /** Bytes of output not yet taken by the socket (CLIENT LIST `omem`). */
  get outputBytes(): number {
    let bytes = this.inFlightBytes;
    if (this.queue !== null) bytes += this.queue.bytes;
    if (this.out !== null) return bytes + this.out.byteLength;
    return this.pushed === null ? bytes : bytes + this.pushed.length;
  }

  /** Bytes of input not yet run (CLIENT LIST `qbuf`). */
  get inputBytes(): number {
    return this.input.bytes + this.runningBytes;
  }

  /** Closes the connection now; replies not yet written are lost. Safe to call twice and from its own command. */
  close(): void {
    this.io.closeConnection(this);
  }
}
