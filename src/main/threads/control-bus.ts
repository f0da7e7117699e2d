/**
 * The main thread's ends of the control ports: one line per thread, asks with answers, calls from the threads.
 *
 * Runs on the main thread's event loop. Control plane only.
 *
 * Invariants: (1) every ask settles: with the answer, or with ThreadGoneError when the thread dies; (2) after a post to
 * a blocking thread its controlPending word is set and its doorbell rung; (3) calls are answered exactly once.
 */
import type { MessagePort, Transferable } from 'node:worker_threads';
import { type ControlBlock, THREAD } from '../../shared/sync/control-block.js';
import {
  type AskName,
  type Asks,
  type CallName,
  fromWireError,
  type IoCallRequest,
  type LogFields,
  type LogLevel,
  type ToMain,
  type ToThread,
  toWireError,
  type WireError,
} from '../../shared/sync/control-messages.js';

/** The answer to asks of a thread that died. */
export class ThreadGoneError extends Error {
  constructor(threadId: number) {
    super(`thread ${threadId} is gone`);
  }
}

/** What the owner of the bus does with what threads say. */
export interface BusEvents {
  ready(threadId: number): void;
  fatal(threadId: number, error: Error): void;
  log(threadId: number, level: LogLevel, message: string, fields: LogFields | null): void;
  /** Answers a call; may throw or reject. `io-call` does not come here: the bus serves it. */
  call(threadId: number, name: CallName, payload: unknown): unknown;
}

interface Line {
  readonly port: MessagePort;
  /** The thread has clients: `io-call` goes to it. */
  readonly hasClients: boolean;
  readonly pending: Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>;
}

export class ControlBus {
  private readonly block: ControlBlock;
  private readonly events: BusEvents;
  private readonly lines: Map<number, Line> = new Map();
  private nextId = 1;

  constructor(block: ControlBlock, events: BusEvents) {
    this.block = block;
    this.events = events;
  }

  /**
   * Connects a thread; a former line of the same thread must have been detached. `hasClients`: its clients are asked
   * when a thread asks all clients something (`io-call`).
   */
  attach(threadId: number, port: MessagePort, hasClients: boolean): void {
    if (this.lines.has(threadId)) throw new Error(`control bus: thread ${threadId} is attached already`);
    this.lines.set(threadId, { port, hasClients, pending: new Map() });
    port.on('message', (message: ToMain) => this.handle(threadId, port, message));
  }

  /** The thread is gone: its asks fail, its port is closed. */
  detach(threadId: number): void {
    const line = this.lines.get(threadId);
    if (line === undefined) return;
    this.lines.delete(threadId);
    line.port.close();
    for (const settle of line.pending.values()) settle.reject(new ThreadGoneError(threadId));
  }

  /** Asks a thread something; rejects with its error, or ThreadGoneError. */
  ask<N extends AskName>(
    threadId: number,
    name: N,
    payload: Asks[N]['payload'],
    transfer: Transferable[] = [],
  ): Promise<Asks[N]['answer']> {
    const line = this.lines.get(threadId);
    if (line === undefined) return Promise.reject(new ThreadGoneError(threadId));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      line.pending.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.post(threadId, line, { t: 'ask', id, name, payload }, transfer);
    });
  }

  /** Asks all attached threads; answers in thread order, without those that died meanwhile. */
  async askAll<N extends AskName>(name: N, payload: Asks[N]['payload']): Promise<Asks[N]['answer'][]> {
    return this.askEach([...this.lines.keys()], name, payload);
  }

  private async askEach<N extends AskName>(
    threadIds: readonly number[],
    name: N,
    payload: Asks[N]['payload'],
  ): Promise<Asks[N]['answer'][]> {
    const settled = await Promise.allSettled(threadIds.map((id) => this.ask(id, name, payload)));
    const answers: Asks[N]['answer'][] = [];
    for (const result of settled) {
      if (result.status === 'fulfilled') answers.push(result.value);
      else if (!(result.reason instanceof ThreadGoneError)) throw result.reason;
    }
    return answers;
  }

  /** Closes every line. */
  close(): void {
    for (const threadId of [...this.lines.keys()]) this.detach(threadId);
  }

  private handle(threadId: number, port: MessagePort, message: ToMain): void {
    switch (message.t) {
      case 'ready':
        this.events.ready(threadId);
        return;
      case 'fatal':
        this.events.fatal(threadId, fromWireError(message.error));
        return;
      case 'log':
        this.events.log(threadId, message.level, message.message, message.fields);
        return;
      case 'answer':
        this.settle(threadId, message.id, message.value, message.error);
        return;
      case 'call':
        this.answerCall(threadId, port, message.id, message.name, message.payload);
        return;
    }
  }

  private settle(threadId: number, id: number, value: unknown, error: WireError | null): void {
    const pending = this.lines.get(threadId)?.pending;
    const waiting = pending?.get(id);
    if (pending === undefined || waiting === undefined) return;
    pending.delete(id);
    if (error === null) waiting.resolve(value);
    else waiting.reject(fromWireError(error));
  }

  private answerCall(threadId: number, port: MessagePort, id: number, name: CallName, payload: unknown): void {
    const answer = (value: unknown, error: WireError | null): void => {
      const line = this.lines.get(threadId);
      // The thread may have been started again meanwhile: its successor did not ask.
      if (line === undefined || line.port !== port) return;
      this.post(threadId, line, { t: 'answer', id, value: value ?? null, error }, []);
    };
    const failed = (error: unknown): void => answer(null, toWireError(error));
    try {
      const value =
        name === 'io-call'
          ? this.ioCall(threadId, payload as IoCallRequest)
          : this.events.call(threadId, name, payload);
      if (value instanceof Promise) value.then((result) => answer(result, null), failed);
      else answer(value, null);
    } catch (error) {
      failed(error);
    }
  }

  /** Runs a named function on I/O threads for the thread `from`. */
  private ioCall(from: number, request: IoCallRequest): Promise<unknown[]> {
    const { name, payload } = request;
    const targets: number[] = [];
    for (const [threadId, line] of this.lines) {
      if (line.hasClients && (request.target === 'all' || request.target === threadId)) targets.push(threadId);
    }
    targets.sort((a, b) => a - b);
    return this.askEach(targets, 'io-call', { name, payload, from });
  }

  private post(threadId: number, line: Line, message: ToThread, transfer: Transferable[]): void {
    line.port.postMessage(message, transfer);
    const word = this.block.threadWord(threadId) + THREAD.answer;
    Atomics.add(this.block.i32, word, 1);
    Atomics.notify(this.block.i32, word);
    this.block.setControlPending(threadId);
    this.block.doorbell(threadId).ring();
  }
}
