/**
 * Session: what a client is to the commands that it sends, without the way on which they come. A `Connection` has one;
 * so may code that runs commands without a socket: loading a file, following a master, a client in the same process.
 *
 * Lives on one thread, which alone touches it. Invariant: `gates` says at which gates (gate-bits.ts) the session's
 * commands are asked, so whatever changes what a gate looks at sets its bit.
 */
import { CLIENT_FLAG, CLIENT_IO_SHIFT, type ClientState } from '../../../shared/command/client-state.js';
import type { Subscriptions } from '../messages/subscriptions.js';
import type { TrackingState } from '../messages/tracking-state.js';
import type { Transaction } from '../transaction/transaction.js';
import { GATE } from './gate-bits.js';

/** Bits of `Session.modes`: what makes a session different; 0 for nearly all. */
export const MODE = {
  /** Subscribed to a channel or a pattern. */
  subscribed: 1,
  /** CLIENT TRACKING ON. */
  tracking: 2,
  /** MONITOR. */
  monitor: 4,
} as const;

export class Session implements ClientState {
  /** Global client id, from 1, never used twice. */
  readonly id: number;
  db = 0;
  proto: 2 | 3 = 2;
  /** CLIENT_FLAG bits, and the index of the I/O thread from CLIENT_IO_SHIFT on. */
  flags: number;
  /** Bits of the gates (gate-bits.ts) at which the session's commands are asked. */
  gates = 0;
  /** Registry id of the last command, run, queued or refused; -1 before the first and after an unknown one. */
  lastCommandId = -1;
  /** MULTI's queue and WATCH's keys; null until the first of them. */
  tx: Transaction | null = null;
  private modeBits = 0;
  name = '';
  libName = '';
  libVer = '';
  user = 'default';
  /** What it subscribes to; null before the first time. */
  subscriptions: Subscriptions | null = null;
  /** CLIENT TRACKING; null while off. */
  tracking: TrackingState | null = null;
  /** Commands run as part of EXEC: nothing waits. */
  neverBlocks = false;

  constructor(id: number, ioIndex: number) {
    this.id = id;
    this.flags = ioIndex << CLIENT_IO_SHIFT;
  }

  /** The client need not authenticate (any more). */
  get authenticated(): boolean {
    return (this.gates & GATE.auth) === 0;
  }

  set authenticated(yes: boolean) {
    this.gates = yes ? this.gates & ~GATE.auth : this.gates | GATE.auth;
  }

  /** MODE bits. */
  get modes(): number {
    return this.modeBits;
  }

  set modes(bits: number) {
    this.modeBits = bits;
    this.gates = bits === 0 ? this.gates & ~GATE.modes : this.gates | GATE.modes;
  }

  get noTouch(): boolean {
    return (this.flags & CLIENT_FLAG.noTouch) !== 0;
  }

  set noTouch(on: boolean) {
    this.flags = on ? this.flags | CLIENT_FLAG.noTouch : this.flags & ~CLIENT_FLAG.noTouch;
  }

  get noEvict(): boolean {
    return (this.flags & CLIENT_FLAG.noEvict) !== 0;
  }

  set noEvict(on: boolean) {
    this.flags = on ? this.flags | CLIENT_FLAG.noEvict : this.flags & ~CLIENT_FLAG.noEvict;
  }
}
