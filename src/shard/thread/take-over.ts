/**
 * What the successor of a dead shard thread does with the requests that the dead thread had taken up.
 *
 *     answered already                        its reply is published, the ring moves on
 *     a script that was to end, and wrote     it is answered with the error of SCRIPT KILL
 *     nothing
 *     may have taken effect                   its connection is closed
 *     had not begun, first death              it is run again
 *     had not begun, DEATHS_MAX-th death      it is answered with an error, and its connection is closed
 *
 * The last row is why one request cannot end thread after thread. A death counts against a request as soon as the loop
 * has taken the request up (ring.ts), before the arguments are read: the thread may die while it reads the arguments,
 * or while it makes the interpreter for a script.
 */
import { ENDED_THREADS, FUNCTION_KILLED, SCRIPT_KILLED } from '../../shared/errors/replies.js';
import { finishRequest, REPLY, type RequestView, readRequestHead } from '../../shared/sync/records.js';
import type { RingConsumer } from '../../shared/sync/ring.js';
import { ENDED } from '../../shared/sync/script-run.js';
import type { Jobs } from './jobs.js';
import type { ShardPair } from './shard-loop.js';

/** So many threads one request may end. */
const DEATHS_MAX = 2;

/** The parts of the loop that settle requests. */
export interface TakeOverHost {
  readonly pairs: readonly ShardPair[];
  readonly jobs: Jobs;
  readonly view: RequestView;
  /** Answers the request of a connection with `line`, which may be empty. */
  answerWith(io: number, connId: number, seq: number, line: Uint8Array, flags: number): void;
  /**
   * Records the present state of the keys of the request at `offset` as effects: it is not known how far the request
   * came.
   */
  tellState(requests: RingConsumer, offset: number): void;
}

/** How many connections were closed, and how many of them because of the last row. */
export interface Settled {
  closed: number;
  fatal: number;
}

/**
 * Settles what the predecessor was at. `leaseWasHeld`: it held some lease; `endedScript`: its script was to end
 * (ENDED). Once, before the loop runs.
 */
export function settleInterrupted(host: TakeOverHost, leaseWasHeld: boolean, endedScript: number): Settled {
  const { pairs, jobs, view } = host;
  // Where the predecessor's replies end: read before anything is answered here.
  const positions = pairs.map((pair) => pair.replies.committedPosition());
  for (let io = 0; io < pairs.length; io++) {
    // A job that was taken in, but whose record had not been passed yet.
    const { requests } = pairs[io]!;
    const offset = requests.peek();
    if (offset < 0 || requests.interrupted) continue;
    readRequestHead(requests, offset, view);
    if (jobs.knows(io, view.connId, view.seq)) requests.advance();
  }
  const settled = { closed: jobs.dropLost(positions), fatal: 0 };
  for (let io = 0; io < pairs.length; io++) settleFirst(host, io, positions[io]!, leaseWasHeld, endedScript, settled);
  return settled;
}

function settleFirst(
  host: TakeOverHost,
  io: number,
  position: number,
  leaseWasHeld: boolean,
  endedScript: number,
  settled: Settled,
): void {
  const { requests } = host.pairs[io]!;
  const { view } = host;
  const offset = requests.peek();
  if (offset < 0) return;
  const deaths = requests.countDeath();
  const answered = requests.interrupted && position !== requests.interruptedMark;
  const executing = requests.interrupted && (leaseWasHeld || requests.interruptedExecuted);
  if (!answered && !executing && deaths < DEATHS_MAX) return;
  readRequestHead(requests, offset, view);
  if (!answered) {
    if (executing && endedScript !== ENDED.not) {
      const line = endedScript === ENDED.script ? SCRIPT_KILLED : FUNCTION_KILLED;
      host.answerWith(io, view.connId, view.seq, line, 0);
    } else {
      if (executing) host.tellState(requests, offset);
      host.answerWith(io, view.connId, view.seq, executing ? NOTHING : ENDED_THREADS, REPLY.CLOSE);
      settled.closed++;
      if (!executing) settled.fatal++;
    }
  }
  finishRequest(requests, view);
}

const NOTHING = new Uint8Array(0);
