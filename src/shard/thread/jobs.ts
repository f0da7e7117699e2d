/**
 * Jobs: slow commands that run in slices on the shard's thread, one step per turn of its loop, in turn.
 *
 * A job is a generator that yields while it holds no lease. It has its own copy of the arguments and its own reply. The
 * connection that sent a job waits for its reply (a job is a barrier there), so one connection has one job at a time.
 * At most JOBS_MAX jobs run at a time; further requests wait in their ring.
 *
 * The table of running jobs lies in shared memory, beside the JavaScript objects: when the thread dies, its successor
 * finds in the table which connections wait for answers that will never come, and has these connections closed.
 *
 * Invariants: (1) a slot's state is 0 or belongs to exactly one job; (2) a step never leaves a lease behind; (3) an
 * exception ends the job with an error reply and a log line.
 */
import { ClientRecord, type ClientState } from '../../shared/command/client-state.js';
import { invariant } from '../../shared/errors/invariant.js';
import type { Args } from '../../shared/resp/args.js';
import { Reply } from '../../shared/resp/reply.js';
import { JOB_WORDS, JOBS_MAX } from '../../shared/sync/thread-data.js';

const STATE = 0;
const IO = 1;
const CONN = 2;
const SEQ = 3;
const POSITION = 4;

export interface Job {
  readonly io: number;
  readonly connId: number;
  readonly seq: number;
  readonly cmdId: number;
  readonly reply: Reply;
  readonly steps: Generator<void, void, void>;
  /** Index in the table. */
  readonly slot: number;
}

/** The functions of the loop that jobs need. */
export interface JobHost {
  /** Makes the generator; the arguments, client and reply are the job's own. May throw. */
  startJob(cmdId: number, args: Args, reply: Reply, client: ClientState): Generator<void, void, void>;
  /** Position of the reply ring to the I/O thread (RingProducer.committedPosition). */
  replyPosition(io: number): number;
  /** Sends the whole reply. */
  sendReply(io: number, connId: number, seq: number, reply: Reply, close: boolean): void;
  /** Whether the job only reads, for a client that is gone. */
  isUnread(cmdId: number, io: number, connId: number): boolean;
  /** An exception left the job; the reply is an error now. */
  jobFailed(cmdId: number, error: unknown): void;
}

export class Jobs {
  private readonly host: JobHost;
  private readonly table: Int32Array;
  private readonly jobs: Job[] = [];
  private readonly free: number[] = [];
  private next = 0;

  constructor(host: JobHost, table: SharedArrayBuffer) {
    this.host = host;
    this.table = new Int32Array(table);
    for (let slot = JOBS_MAX - 1; slot >= 0; slot--) this.free.push(slot);
  }

  get count(): number {
    return this.jobs.length;
  }

  get full(): boolean {
    return this.free.length === 0;
  }

  /** Whether the table has this request; this thread or its predecessor may have written the row. Cold. */
  knows(io: number, connId: number, seq: number): boolean {
    for (let at = 0; at < this.table.length; at += JOB_WORDS) {
      if (this.table[at + STATE] === 0 || this.table[at + IO] !== io) continue;
      if (this.table[at + CONN] === connId && this.table[at + SEQ]! >>> 0 === seq) return true;
    }
    return false;
  }

  /**
   * Ends the connections whose jobs died with the former thread; `positions`: where its replies to each I/O thread end.
   * Once, before the first start(). Returns their number.
   */
  dropLost(positions: readonly number[]): number {
    let lost = 0;
    const empty = new Reply(64);
    for (let slot = 0; slot < JOBS_MAX; slot++) {
      const at = slot * JOB_WORDS;
      const state = this.table[at + STATE]!;
      if (state === 0) continue;
      const io = this.table[at + IO]!;
      // The thread died while it answered: the reply was committed as a whole, or not at all.
      const answered = state === 2 && this.table[at + POSITION] !== positions[io];
      if (!answered) {
        this.host.sendReply(io, this.table[at + CONN]!, this.table[at + SEQ]! >>> 0, empty, true);
        lost++;
      }
      this.table[at + STATE] = 0;
    }
    return lost;
  }

  /** Takes a job in; it begins with its first step. `args` are copied. @requires not full */
  start(io: number, connId: number, seq: number, cmdId: number, args: Args, client: ClientState): void {
    invariant(this.free.length > 0, 'not full');
    const slot = this.free.pop()!;
    const at = slot * JOB_WORDS;
    this.table[at + IO] = io;
    this.table[at + CONN] = connId;
    this.table[at + SEQ] = seq;
    this.table[at + STATE] = 1;
    const reply = new Reply();
    reply.proto = client.proto;
    // The request's view changes; the job's own does not.
    const own = new ClientRecord();
    own.id = client.id;
    own.db = client.db;
    own.proto = client.proto;
    own.flags = client.flags;
    let steps: Generator<void, void, void>;
    try {
      steps = this.host.startJob(cmdId, args.detach(), reply, own);
    } catch (error) {
      steps = thrower(error);
    }
    this.jobs.push({ io, connId, seq, cmdId, reply, steps, slot });
  }

  /** One step of the next job. Returns whether there was one. */
  step(): boolean {
    if (this.jobs.length === 0) return false;
    if (this.next >= this.jobs.length) this.next = 0;
    const job = this.jobs[this.next]!;
    let done = true;
    try {
      // No client reads the answer: the job ends at its next `finally`.
      if (this.host.isUnread(job.cmdId, job.io, job.connId)) {
        job.steps.return();
        job.reply.reset();
      } else done = job.steps.next().done === true;
    } catch (error) {
      job.reply.reset();
      job.reply.errorText(`ERR internal error: ${error instanceof Error ? error.message : String(error)}`);
      this.host.jobFailed(job.cmdId, error);
    }
    if (!done) {
      this.next++;
      return true;
    }
    this.jobs.splice(this.next, 1);
    const at = job.slot * JOB_WORDS;
    this.table[at + POSITION] = this.host.replyPosition(job.io);
    this.table[at + STATE] = 2;
    this.host.sendReply(job.io, job.connId, job.seq, job.reply, false);
    this.release(job.slot);
    return true;
  }

  /** The I/O thread died, so no client waits for the answers to its jobs. The jobs end at their next `finally`. */
  dropOf(io: number): void {
    for (let i = this.jobs.length - 1; i >= 0; i--) {
      const job = this.jobs[i]!;
      if (job.io !== io) continue;
      this.jobs.splice(i, 1);
      try {
        job.steps.return();
      } catch (error) {
        this.host.jobFailed(job.cmdId, error);
      }
      this.release(job.slot);
    }
    this.next = 0;
  }

  private release(slot: number): void {
    this.table[slot * JOB_WORDS + STATE] = 0;
    this.free.push(slot);
  }
}

// biome-ignore lint/correctness/useYield: it stands for a generator that could not be made
function* thrower(error: unknown): Generator<void, void, void> {
  throw error;
}
