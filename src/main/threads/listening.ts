/**
 * Which I/O thread listens, and on whose sockets: the first one opens them, the others share its port (SO_REUSEPORT) or
 * get copies of its descriptors. Runs on the main thread's event loop; part of the supervisor.
 *
 * Invariant: a thread that cannot listen for now is asked again until it can; meanwhile others serve, and no client and
 * no data is lost for it.
 */

import { ioThreadId } from '../../shared/sync/control-block.js';
import type { ListenFd, ListenOrder, LogLevel } from '../../shared/sync/control-messages.js';
import { type ControlBus, ThreadGoneError } from './control-bus.js';
import { untilRetry } from './shortage.js';

export class Listening {
  private readonly bus: ControlBus;
  /** By I/O thread: the sockets on which it listens. */
  private readonly fds: (readonly ListenFd[])[];
  /** By I/O thread: how often it died. */
  private readonly deaths: number[];
  private readonly log: (level: LogLevel, message: string) => void;
  private order: Pick<ListenOrder, 'port' | 'reusePort'> = { port: -1, reusePort: false };
  private begun = false;
  private ended = false;
  private underWay: Promise<unknown> = Promise.resolve();
  /** Threads listen again one after the other, so that the second one finds the first one's sockets. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(bus: ControlBus, ioThreads: number, log: (level: LogLevel, message: string) => void) {
    this.bus = bus;
    this.fds = Array.from({ length: ioThreads }, () => []);
    this.deaths = new Array(ioThreads).fill(0);
    this.log = log;
  }

  /**
   * Opens the listening sockets in all I/O threads; resolves with the TCP port (0 if there is none). `port` 0 means
   * any, -1 none. Rejects with an error for people.
   */
  async listen(port: number): Promise<number> {
    const again = this.begun;
    this.begun = true;
    this.order = { port, reusePort: this.fds.length > 1 && reusePortWorks() };
    // CONFIG SET port, bind.
    if (again) await Promise.allSettled(this.fds.map((_, i) => this.bus.ask(ioThreadId(i), 'unlisten', null)));
    return this.open();
  }

  /** Opens in the first thread, then lets all others share. */
  private async open(): Promise<number> {
    const opened = await this.bus.ask(ioThreadId(0), 'listen', { ...this.order, mode: 'open', probe: true, fds: [] });
    this.fds[0] = opened.fds;
    if (this.order.port >= 0) this.order = { ...this.order, port: opened.port };
    await Promise.all(
      this.fds.map((_, i) => (i === 0 ? null : this.share(i, opened.fds).catch((error) => this.later(i, error)))),
    );
    return opened.port;
  }

  private async share(index: number, fds: readonly ListenFd[]): Promise<void> {
    const mode = this.order.reusePort ? 'reuse' : 'fd';
    if (mode === 'reuse' && this.order.port < 0) return;
    const order: ListenOrder = { ...this.order, mode, probe: false, fds };
    this.fds[index] = (await this.bus.ask(ioThreadId(index), 'listen', order)).fds;
  }

  /** A thread has died, and its sockets with it. */
  gone(index: number): void {
    this.fds[index] = [];
    this.deaths[index]! += 1;
  }

  /**
   * A thread that was started again listens again once it is `ready`. If no thread listened before, the new thread does
   * not listen.
   */
  resume(index: number, ready: Promise<void>): void {
    const work = ready.then(
      () => this.inTurn(index).catch((error) => this.later(index, error)),
      // Its death is seen elsewhere.
      nothing,
    );
    this.underWay = Promise.all([this.underWay, work]);
  }

  private inTurn(index: number): Promise<void> {
    const work = this.turn.then(() => this.again(index));
    this.turn = work.then(nothing, nothing);
    return work;
  }

  /**
   * With SO_REUSEPORT the new thread binds again; without, it gets copies of a living thread's sockets. Only if no
   * thread was listening any more, the port was free for a moment.
   */
  private async again(index: number): Promise<void> {
    if (this.ended || !this.begun) return;
    const alive = this.fds.find((fds, i) => i !== index && fds.length > 0);
    if (this.order.reusePort && index !== 0) await this.share(index, []);
    else if (!this.order.reusePort && alive !== undefined) await this.share(index, alive);
    else {
      const order: ListenOrder = { ...this.order, mode: 'open', probe: false, fds: [] };
      this.fds[index] = (await this.bus.ask(ioThreadId(index), 'listen', order)).fds;
    }
  }

  private later(index: number, error: Error): void {
    if (this.ended || error instanceof ThreadGoneError) return;
    this.log('warning', `I/O thread ${index} cannot listen, tries go on: ${error.message}`);
    this.underWay = Promise.all([this.underWay, this.retry(index, this.deaths[index]!)]);
  }

  private async retry(index: number, deaths: number): Promise<void> {
    for (;;) {
      await untilRetry();
      if (this.ended || this.deaths[index] !== deaths) return;
      try {
        await this.inTurn(index);
        this.log('notice', `I/O thread ${index} listens`);
        return;
      } catch {
        // The log has told it.
      }
    }
  }

  /** Resolves when no thread is about to listen again. */
  async settled(): Promise<void> {
    await this.underWay;
  }

  /** No thread is asked to listen any more. */
  end(): void {
    this.ended = true;
  }
}

function nothing(): void {}

/** SO_REUSEPORT in `server.listen` is there from Node 22.12 and 23.1 on, and spreads connections on Linux only. */
function reusePortWorks(): boolean {
  if (process.platform !== 'linux') return false;
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
  return major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
}
