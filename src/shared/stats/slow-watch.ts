/**
 * Decides which commands are timed one by one, and notes those that took too long: in the slow log, and as latency
 * events. Each thread that runs commands has one.
 *
 * To time every command would cost a tenth of a short one. If the thresholds are a millisecond or more, only commands
 * that can be slow are timed (`longWork` in their definitions): the size of a value, or many or long arguments, can
 * make a command slow. An I/O thread runs only bounded commands itself, so these are not timed. If a threshold is below
 * a millisecond, every command is timed.
 *
 * Invariant: `mode` and the thresholds are as of the last `refresh`.
 */
import { FACT_INTERNAL, FACT_LONG_ARGUMENTS, FACT_LONG_VALUE, FLAG_FAST, FLAG_SKIP_SLOWLOG } from '../command/flags.js';
import type { Registry } from '../command/registry.js';
import { invariant } from '../errors/invariant.js';
import type { Args } from '../resp/args.js';
import { CONTROL_F64, type ControlBlock } from '../sync/control-block.js';
import { EVENT_COMMAND, EVENT_FAST_COMMAND, LatencyEvents } from './latency-events.js';
import { SlowLog, slowArguments } from './slow-log.js';

/** Values of `mode`. */
export const WATCH = { nothing: 0, slowOnes: 1, everything: 2 } as const;

/** If the thresholds are at least this, short commands are not timed. */
const EVERYTHING_BELOW_USEC = 1000;
/** A call with this many arguments, or this many bytes in one of the arguments looked at, is not short. */
const LONG_ARGUMENTS = 64;
const LONG_BYTES = 64 * 1024;
/** The argument of SET, and of other commands with options behind it, that may be long; else it is the last. */
const VALUE_ARGUMENT = 2;

/** Whether the arguments are many, or the value among them is long. */
function hasLongArguments(args: Args): boolean {
  const { argc, len } = args;
  if (argc >= LONG_ARGUMENTS || len[argc - 1]! >= LONG_BYTES) return true;
  return argc > VALUE_ARGUMENT && len[VALUE_ARGUMENT]! >= LONG_BYTES;
}

export class SlowWatch {
  readonly log: SlowLog;
  readonly events: LatencyEvents;
  private readonly control: ControlBlock;
  private readonly registry: Registry;
  private readonly facts: Int32Array;
  mode: number = WATCH.nothing;
  /** From here on a command is noted, microseconds. */
  usec = Number.POSITIVE_INFINITY;

  constructor(control: ControlBlock, registry: Registry) {
    this.control = control;
    this.registry = registry;
    this.log = new SlowLog(control);
    this.events = new LatencyEvents(control);
    this.facts = registry.facts;
    this.refresh();
  }

  /** Reads the thresholds. Once a batch. */
  refresh(): void {
    const { f64 } = this.control;
    const slow = f64[CONTROL_F64.slowlogUsec]!;
    const latency = f64[CONTROL_F64.latencyMs]! * 1000;
    let usec = slow < 0 ? Number.POSITIVE_INFINITY : slow;
    if (latency > 0 && latency < usec) usec = latency;
    this.usec = usec;
    if (usec === Number.POSITIVE_INFINITY) this.mode = WATCH.nothing;
    else this.mode = usec < EVERYTHING_BELOW_USEC ? WATCH.everything : WATCH.slowOnes;
  }

  /**
   * Whether a call is timed. `bounded`: its work is bounded. @requires mode is not WATCH.nothing
   * hot: calls over a ring, and in scripts and transactions; bench/peer "ring"
   */
  times(cmdId: number, args: Args, bounded: boolean): boolean {
    invariant(this.mode !== WATCH.nothing, 'mode is not WATCH.nothing');
    const facts = this.facts[cmdId]!;
    // What an internal request carries is timed command by command.
    if (this.mode === WATCH.everything) return (facts & FACT_INTERNAL) === 0;
    if (bounded || (facts & (FACT_LONG_VALUE | FACT_LONG_ARGUMENTS)) === 0) return false;
    return (facts & FACT_LONG_VALUE) !== 0 || hasLongArguments(args);
  }

  /** A call took `usec`, which is not less than `this.usec`. `clientId` 0: `address` and `name` are known. */
  note(cmdId: number, args: Args, usec: number, clientId: number, address = '', name = ''): void {
    this.noteArguments(cmdId, null, args, usec, clientId, address, name);
  }

  /** As `note`, for a command whose arguments were put aside. */
  noteArguments(
    cmdId: number,
    kept: readonly string[] | null,
    args: Args | null,
    usec: number,
    clientId: number,
    address: string,
    name: string,
  ): void {
    if ((this.facts[cmdId]! & FACT_INTERNAL) !== 0) return;
    const { f64 } = this.control;
    const flags = this.registry.flags[cmdId]!;
    const slow = f64[CONTROL_F64.slowlogUsec]!;
    const length = f64[CONTROL_F64.slowlogLength]!;
    if (slow >= 0 && usec >= slow && length > 0 && (flags & FLAG_SKIP_SLOWLOG) === 0) {
      const texts = kept ?? (args === null ? null : slowArguments(args));
      if (texts !== null) this.log.push(texts, usec, clientId, address, name, length);
    }
    const latencyMs = f64[CONTROL_F64.latencyMs]!;
    if (latencyMs > 0 && usec >= latencyMs * 1000) {
      this.events.add((flags & FLAG_FAST) === 0 ? EVENT_COMMAND : EVENT_FAST_COMMAND, usec / 1000);
    }
  }
}
