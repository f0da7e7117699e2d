/**
 * A thread's end of its control port: calls the main thread, answers the main thread's asks, sends log lines. Used by
 * I/O threads (event loop: `start()`) and shard threads (blocking: `drainSync()` when told to). Control plane only.
 *
 * Invariants: (1) one handler per ask; an ask without handler is answered with null; (2) answers to asks may come late
 * (promises), in any order; (3) `callSync` blocks the thread and must be rare.
 */

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { monotonicMs } from '../clock.js';
import type { ControlBlock } from './control-block.js';
import { THREAD } from './control-block.js';
import {
  type AskName,
  type Asks,
  type CallName,
  type Calls,
  fromWireError,
  type IoCall,
  type LogFields,
  type LogLevel,
  type ToMain,
  type ToThread,
  toWireError,
} from './control-messages.js';

/** How long a blocking call waits for the main thread. */
const CALL_SYNC_MS = 30_000;

type AskHandler<N extends AskName> = (payload: Asks[N]['payload']) => Asks[N]['answer'] | Promise<Asks[N]['answer']>;
type Settle = { resolve: (value: unknown) => void; reject: (error: Error) => void };

/** A function that other I/O threads may call by name; `from` is the caller's thread id. */
export type IoCallHandler = (payload: unknown, from: number) => unknown;

export class ControlPort {
  private readonly port: MessagePort;
  private readonly block: ControlBlock;
  private readonly threadId: number;
  private readonly handlers: Map<string, (payload: unknown) => unknown> = new Map();
  private readonly ioHandlers: Map<string, IoCallHandler> = new Map();
  private readonly pending: Map<number, Settle> = new Map();
  private readonly syncAnswers: Map<number, ToThread & { t: 'answer' }> = new Map();
  private nextId = 1;

  constructor(port: MessagePort, block: ControlBlock, threadId: number) {
    this.port = port;
    this.block = block;
    this.threadId = threadId;
    this.handlers.set('io-call', (payload) => this.runIoCall(payload as IoCall));
  }

  /** Event-loop threads: reads messages as they come; the port keeps the thread alive from here on. */
  start(): void {
    this.port.on('message', (message: ToThread) => this.handle(message));
  }

  /**
   * Reads all waiting messages at once. For shard threads, and for a thread that needs a message that is on its way.
   */
  drainSync(): void {
    for (;;) {
      const got = receiveMessageOnPort(this.port);
      if (got === undefined) return;
      this.handle(got.message as ToThread);
    }
  }

  /** Sets the handler of an ask. */
  on<N extends AskName>(name: N, handler: AskHandler<N>): void {
    this.handlers.set(name, handler as (payload: unknown) => unknown);
  }

  /** Makes a function callable from all I/O threads, see ioCall(). */
  onIoCall(name: string, handler: IoCallHandler): void {
    this.ioHandlers.set(name, handler);
  }

  /** Calls the main thread; rejects with the error it answers. */
  call<N extends CallName>(name: N, payload: Calls[N]['payload']): Promise<Calls[N]['answer']> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.post({ t: 'call', id, name, payload, sync: false });
    });
  }

  /** Calls the main thread and blocks until it answers (other messages that arrive meanwhile are handled). */
  callSync<N extends CallName>(name: N, payload: Calls[N]['payload']): Calls[N]['answer'] {
    const id = this.nextId++;
    const word = this.block.threadWord(this.threadId) + THREAD.answer;
    const deadline = monotonicMs() + CALL_SYNC_MS;
    this.syncAnswers.set(id, null as never);
    this.post({ t: 'call', id, name, payload, sync: true });
    for (;;) {
      const seen = Atomics.load(this.block.i32, word);
      this.drainSync();
      const answer = this.syncAnswers.get(id);
      if (answer) {
        this.syncAnswers.delete(id);
        if (answer.error !== null) throw fromWireError(answer.error);
        return answer.value as Calls[N]['answer'];
      }
      const left = deadline - monotonicMs();
      if (left <= 0) throw new Error(`control: no answer to ${name} from the main thread`);
      Atomics.wait(this.block.i32, word, seen, left);
    }
  }

  /** Runs `name` on one I/O thread (by thread id) or on all of them, this one included; answers in thread order. */
  ioCall(target: number | 'all', name: string, payload: unknown): Promise<readonly unknown[]> {
    return this.call('io-call', { target, name, payload });
  }

  /** A line for the server's log. */
  log(level: LogLevel, message: string, fields: LogFields | null = null): void {
    this.post({ t: 'log', level, message, fields });
  }

  /** This thread can serve. */
  ready(): void {
    this.post({ t: 'ready' });
  }

  /** This thread cannot go on, and the server must stop with this one line. */
  fatal(error: unknown): void {
    this.post({ t: 'fatal', error: toWireError(error) });
  }

  close(): void {
    this.port.close();
  }

  private post(message: ToMain): void {
    this.port.postMessage(message);
  }

  private handle(message: ToThread): void {
    if (message.t === 'ask') {
      this.answerAsk(message.id, message.name, message.payload);
      return;
    }
    if (this.syncAnswers.has(message.id)) {
      this.syncAnswers.set(message.id, message);
      return;
    }
    const settle = this.pending.get(message.id);
    if (settle === undefined) return;
    this.pending.delete(message.id);
    if (message.error === null) settle.resolve(message.value);
    else settle.reject(fromWireError(message.error));
  }

  private answerAsk(id: number, name: AskName, payload: unknown): void {
    const done = (value: unknown): void => this.post({ t: 'answer', id, value: value ?? null, error: null });
    const failed = (error: unknown): void => this.post({ t: 'answer', id, value: null, error: toWireError(error) });
    const handler = this.handlers.get(name);
    if (handler === undefined) {
      done(null);
      return;
    }
    try {
      const value = handler(payload);
      if (value instanceof Promise) value.then(done, failed);
      else done(value);
    } catch (error) {
      failed(error);
    }
  }

  private runIoCall(call: IoCall): unknown {
    const handler = this.ioHandlers.get(call.name);
    if (handler === undefined) throw new Error(`control: no I/O function named ${call.name}`);
    return handler(call.payload, call.from);
  }
}
