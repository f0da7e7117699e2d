/**
 * The gates: what may keep a command from being run, in the order in which a command comes to them. Each gate lets the
 * command pass, refuses it, or has it wait.
 *
 *     name looked up -> arity -> auth -> modes -> busy -> pause -> transaction -> run here, or sent (dispatch.ts)
 *
 * dispatch gathers the bits of the gates that are to be asked (session/gate-bits.ts); for nearly all commands there are
 * none, and no gate costs anything. To add a gate (permission of a user, loading, role of a replica, slot of a
 * cluster): give the gate a bit, put its row at its place below, and set the bit where the condition is known: in the
 * connection (permission), in the thread at the beginning of a turn (loading, role), or in dispatch (slot).
 *
 * Invariants: (1) the rows stand in the order of their bits; (2) a gate that answers anything but PASS has written the
 * refusal in its turn, or has set the barrier under which the command waits.
 */
import { strict as assert } from 'node:assert';
import { FLAG_ALLOW_BUSY, FLAG_NO_AUTH } from '../../../shared/command/flags.js';
import { NOAUTH } from '../../../shared/errors/replies.js';
import type { Args } from '../../../shared/resp/args.js';
import { busyReply } from '../reply/busy-reply.js';
import type { Connection } from '../session/connection.js';
import { GATE } from '../session/gate-bits.js';
import type { IoContext } from '../thread/io-context.js';
import { mustPause, pausedFlags } from '../waiting/pause-watch.js';
import { beforeCommand } from './modes.js';
import { refuseArity, refuseWith } from './refuse.js';
import { transactionGate } from './transaction-gate.js';
import { AGAIN, PASS } from './verdict.js';

export interface Gate {
  readonly name: string;
  /** The gate is asked while this bit is set. */
  readonly bit: number;
  /** PASS, or the verdict (verdict.ts). `flags`: of the command. */
  readonly ask: (io: IoContext, conn: Connection, id: number, flags: number, args: Args) => number;
}

/** All gates. */
/** An I/O thread with its gates, in order. */
export interface DispatchContext extends IoContext {
  readonly gateRow: readonly Gate[];
}

export const GATES: readonly Gate[] = [
  { name: 'arity', bit: GATE.arity, ask: refuseArity },
  { name: 'auth', bit: GATE.auth, ask: authGate },
  { name: 'modes', bit: GATE.modes, ask: modesGate },
  { name: 'busy', bit: GATE.busy, ask: busyGate },
  // As in Redis, a command that would only be queued waits as well.
  { name: 'pause', bit: GATE.pause, ask: pauseGate },
  { name: 'transaction', bit: GATE.transaction, ask: transactionGate },
];

checkRow(GATES);

/** Asks the gates whose bits are in `asked`, until one does not let the command pass. */
// hot: every command of a transaction, or of a connection with modes
export function passGates(
  io: DispatchContext,
  conn: Connection,
  asked: number,
  id: number,
  flags: number,
  args: Args,
): number {
  const row = io.gateRow;
  for (let g = 0; g < row.length; g++) {
    const gate = row[g]!;
    if ((asked & gate.bit) === 0) continue;
    const verdict = gate.ask(io, conn, id, flags, args);
    if (verdict !== PASS) return verdict;
  }
  return PASS;
}

/** Throws when a row is not in the order of its bits, or a bit is no single one. */
export function checkRow(row: readonly Gate[]): void {
  let before = 0;
  for (const { name, bit } of row) {
    assert(bit > before && (bit & (bit - 1)) === 0, `gate ${name}: its bit is out of order`);
    before = bit;
  }
}

function authGate(io: IoContext, conn: Connection, id: number, flags: number): number {
  return (flags & FLAG_NO_AUTH) === 0 ? refuseWith(io, conn, id, NOAUTH) : PASS;
}

function modesGate(io: IoContext, conn: Connection, id: number, flags: number, args: Args): number {
  const refusal = beforeCommand(io, conn, id, flags, args);
  return refusal === null ? PASS : refuseWith(io, conn, id, refusal);
}

function busyGate(io: IoContext, conn: Connection, id: number, flags: number, args: Args): number {
  if ((flags & FLAG_ALLOW_BUSY) !== 0) return PASS;
  io.placement.place(id, args);
  return io.executor.waitsForScript(id, io.placement) ? refuseWith(io, conn, id, busyReply(io.control)) : PASS;
}

function pauseGate(io: IoContext, conn: Connection, id: number, flags: number, args: Args): number {
  return mustPause(io, conn, pausedFlags(io, id, flags, args)) ? AGAIN : PASS;
}
