/**
 * From parsed arguments to the code that runs the command. dispatch only decides; each step is a file beside it.
 *
 *     looked up -> gates.ts   what refuses the command, or has it wait: refuse.ts, transaction-gate.ts
 *               -> placed     its slot and its shards (shared/command/placement.ts)
 *               -> run here   under the shard's lease (Executor.tryInline), local commands in run-local.ts
 *               -> sent       over a ring: send.ts, send-blocking.ts
 *
 *     local               its handler, here, once nothing of this connection is under way
 *     key, inline, small   here under the shard's lease if nothing is under way and the lease is free; else the ring
 *     key                 ring of the shard concerned; over several shards it runs alone on its connection
 *     all, job            ring of shard 0 (or of the key's shard), alone on its connection
 *
 * Invariants: (1) a command that must wait is not begun: AGAIN makes the caller go back to its first byte; (2) after
 * WAIT nothing more of this connection is parsed until its barrier falls; (3) a command is placed once, before it is
 * tried here.
 */
import { FLAG_BLOCKING, FLAG_CONTAINER, FLAG_INLINE, FLAG_TRANSACTION } from '../../../shared/command/flags.js';
import { KEYS_NONE } from '../../../shared/command/key-positions.js';
import { ROUTE_ALL, ROUTE_KEY, ROUTE_LOCAL } from '../../../shared/command/registry.js';
import type { Args } from '../../../shared/resp/args.js';
import { settleServed } from '../reply/reply-intake.js';
import { type Connection, IN_FLIGHT_MAX_LARGE, REPLY_MODE } from '../session/connection.js';
import { GATE } from '../session/gate-bits.js';
import { type DispatchContext, passGates } from './gates.js';
import { refuseUnknown } from './refuse.js';
import { runLocal } from './run-local.js';
import { sendAlone, sendKeyed } from './send.js';
import { sendBlocking } from './send-blocking.js';
import { NEXT, PASS } from './verdict.js';

/** Commands with more bytes than this are not run by the I/O thread: it would keep its other clients waiting. */
const INLINE_COMMAND_BYTES_MAX = 64 * 1024;

const INLINE_OR_BLOCKING = FLAG_INLINE | FLAG_BLOCKING;

/** Runs or sends one command of `commandBytes` bytes. @requires no barrier; `conn.out` not null */
// hot: every command passes here
export function dispatch(io: DispatchContext, conn: Connection, args: Args, commandBytes: number): number {
  const registry = io.registry;
  let id = args.commandId;
  if (id < 0) id = registry.lookup(args.u8, args.off[0]!, args.len[0]!);
  conn.session.lastCommandId = id;
  if (id < 0) return refuseUnknown(io, conn, args, -1);
  let flags = registry.flags[id]!;
  if ((flags & FLAG_CONTAINER) !== 0 && args.argc > 1) {
    const sub = registry.lookupSub(id, args);
    conn.session.lastCommandId = sub;
    if (sub < 0) return refuseUnknown(io, conn, args, id);
    id = sub;
    flags = registry.flags[id]!;
  }
  let asked = conn.session.gates | io.turn.gates;
  const arity = registry.arity[id]!;
  if (arity >= 0 ? args.argc !== arity : args.argc < -arity) asked |= GATE.arity;
  if ((flags & FLAG_TRANSACTION) !== 0) asked |= GATE.transaction;
  if (asked !== 0) {
    const verdict = passGates(io, conn, asked, id, flags, args);
    if (verdict !== PASS) return verdict;
  }
  const route = registry.route[id]!;
  if (route === ROUTE_KEY) {
    io.placement.place(id, args);
    if ((flags & INLINE_OR_BLOCKING) === FLAG_INLINE && io.inlineAllowed && conn.headSeq === conn.nextSeq) {
      if (conn.replyMode === REPLY_MODE.on && commandBytes <= INLINE_COMMAND_BYTES_MAX) {
        const ran = io.executor.tryInline(id, args, conn.out!, conn.session, io.placement);
        if (io.blocking.unsent) settleServed(io);
        if (ran) return NEXT;
        if (io.executor.bigReply) {
          // More of the kind may follow in the pipeline: not all of their replies at once.
          io.executor.bigReply = false;
          conn.inFlightMax = IN_FLIGHT_MAX_LARGE;
        }
      }
    }
    if ((flags & FLAG_BLOCKING) !== 0) return sendBlocking(io, conn, id, args, commandBytes);
    if (io.placement.count === 1 && (registry.keyKind[id] !== KEYS_NONE || io.shards === 1)) {
      return sendKeyed(io, conn, id, args, commandBytes);
    }
    return sendAlone(io, conn, id, args, commandBytes);
  }
  if (route === ROUTE_LOCAL) {
    conn.runningBytes = commandBytes;
    return runLocal(io, conn, id, flags, args);
  }
  if (route === ROUTE_ALL) io.placement.placeAll();
  else io.placement.place(id, args);
  return sendAlone(io, conn, id, args, commandBytes);
}
