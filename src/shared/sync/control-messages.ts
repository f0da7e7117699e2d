/**
 * The messages between the main thread and the other threads over control ports. Control plane only: objects and
 * strings.
 *
 * Invariants: (1) messages of one port keep their order; (2) a thread answers each `ask`, the main thread each `call`,
 * exactly once; (3) a thread that blocks (a shard) reads its port when THREAD.controlPending is set.
 */
import type { MessagePort } from 'node:worker_threads';
import { SherdError, type SherdErrorCode } from '../errors/sherd-error.js';

/** redis's levels, as `loglevel` orders them. */
export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning';

/**
 * A listening socket of one thread. Another thread takes a copy of the descriptor (descriptor-copy.ts), never the
 * number itself.
 */
export interface ListenFd {
  readonly fd: number;
  readonly kind: 'tcp' | 'unix';
  /** Address for messages: "127.0.0.1:6379" or the path. */
  readonly address: string;
}

/**
 * How an I/O thread is to listen. `open`: bind as the directives say, TCP and Unix (`port` replaces the directive, 0 is
 * any, -1 no TCP), with SO_REUSEPORT if `reusePort`, and then, if `probe`, only after a trial without it, so that a
 * second server on the port still fails. `reuse`: bind the TCP addresses again with SO_REUSEPORT on the resolved
 * `port`; no Unix socket. `fd`: listen on copies of `fds`.
 */
export interface ListenOrder {
  readonly mode: 'open' | 'reuse' | 'fd';
  readonly port: number;
  readonly reusePort: boolean;
  readonly probe: boolean;
  readonly fds: readonly ListenFd[];
}

/** The answer to `listen`. */
export interface Listening {
  /** The TCP port that was opened; 0 when TCP is off. */
  readonly port: number;
  readonly fds: readonly ListenFd[];
}

/** Asked by the main thread; each name with its payload and its answer. */
export interface Asks {
  /** I/O threads: begin to listen. Rejects with a message for people ("Could not bind ..."). */
  listen: { readonly payload: ListenOrder; readonly answer: Listening };
  /** I/O threads: stop accepting; connections stay. */
  unlisten: { readonly payload: null; readonly answer: null };
  /** All threads: directives changed, in canonical form. The control block already has its words. */
  config: { readonly payload: readonly (readonly [string, string])[]; readonly answer: null };
  /** All threads: end. I/O threads flush what they can and close their connections. */
  close: { readonly payload: null; readonly answer: null };
  /** I/O threads: a named function registered by ControlPort.onIoCall. */
  'io-call': { readonly payload: IoCall; readonly answer: unknown };
  /** All threads: the other side of a pair was started again, see PairChange. */
  pair: { readonly payload: PairChange; readonly answer: null };
  /** I/O threads: another I/O thread was started again. */
  link: { readonly payload: LinkChange; readonly answer: null };
}

export interface IoCall {
  readonly name: string;
  readonly payload: unknown;
  /** Thread id of the caller. */
  readonly from: number;
}

/**
 * To an I/O thread: shard `peer` was started again; its rings are the same, its mail port is new (rings null). To a
 * shard: I/O thread `peer` was started again; everything is new and what the old rings held is forgotten.
 */
export interface PairChange {
  readonly peer: number;
  readonly requestRing: SharedArrayBuffer | null;
  readonly replyRing: SharedArrayBuffer | null;
  readonly mail: MessagePort;
  /** All clients of the dead I/O thread have lower ids than this. */
  readonly clientsBefore: number;
}

/** I/O thread `peer` was started again; these are the rings from and to it now. */
export interface LinkChange {
  readonly peer: number;
  readonly incoming: SharedArrayBuffer;
  readonly outgoing: SharedArrayBuffer;
}

export type AskName = keyof Asks;

/** Called by threads, answered by the main thread. */
export interface Calls {
  /** CONFIG SET; answered once every thread has the new values. Rejects with the whole reply ("ERR CONFIG SET ..."). */
  'config-set': { readonly payload: ConfigSetRequest; readonly answer: null };
  /** CONFIG REWRITE; rejects with the whole reply. */
  'config-rewrite': { readonly payload: null; readonly answer: null };
  /** SHUTDOWN: answered only when it is refused. */
  shutdown: { readonly payload: ShutdownRequest; readonly answer: null };
  /** Runs a named function on I/O threads; answers in thread order, threads that died left out. */
  'io-call': { readonly payload: IoCallRequest; readonly answer: readonly unknown[] };
  segment: { readonly payload: SegmentId; readonly answer: SharedArrayBuffer | null };
}

export interface ConfigSetRequest {
  /** As the client gave them, binary strings. */
  readonly pairs: readonly (readonly [string, string])[];
  /** The client is on this machine. */
  readonly local: boolean;
}

export interface ShutdownRequest {
  readonly save: boolean | null;
  readonly now: boolean;
  readonly force: boolean;
}

export interface IoCallRequest {
  /** An I/O thread's id, or all of them (the caller too). */
  readonly target: number | 'all';
  readonly name: string;
  readonly payload: unknown;
}

export interface SegmentId {
  readonly shard: number;
  readonly index: number;
}

export type CallName = keyof Calls;

/** An error as it crosses threads. */
export interface WireError {
  readonly message: string;
  readonly code: string | null;
}

export type ToMain =
  | { readonly t: 'ready' }
  | { readonly t: 'fatal'; readonly error: WireError }
  | { readonly t: 'log'; readonly level: LogLevel; readonly message: string; readonly fields: LogFields | null }
  | {
      readonly t: 'call';
      readonly id: number;
      readonly name: CallName;
      readonly payload: unknown;
      readonly sync: boolean;
    }
  | { readonly t: 'answer'; readonly id: number; readonly value: unknown; readonly error: WireError | null };

export type ToThread =
  | { readonly t: 'ask'; readonly id: number; readonly name: AskName; readonly payload: unknown }
  | { readonly t: 'answer'; readonly id: number; readonly value: unknown; readonly error: WireError | null };

export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** An error of any kind in the form in which it crosses threads. */
export function toWireError(error: unknown): WireError {
  if (error instanceof Error) {
    const code = (error as { code?: unknown }).code;
    return { message: error.message, code: typeof code === 'string' ? code : null };
  }
  return { message: String(error), code: null };
}

/** The same error on the other side: a SherdError stays one. */
export function fromWireError(wire: WireError): Error {
  if (wire.code?.startsWith('SHERD_')) return new SherdError(wire.code as SherdErrorCode, wire.message);
  const error = new Error(wire.message);
  if (wire.code !== null) (error as { code?: string }).code = wire.code;
  return error;
}
