/**
 * Which I/O thread listens, and on whose sockets: the first one opens them, the others share its port (SO_REUSEPORT) or
 * get copies of its descriptors. Runs on the main thread's event loop; part of the supervisor.
 *
 * Invariant: a thread that cannot listen for now is asked again until it can; meanwhile others serve, and no client and
 * no data is lost for it.
 */
import type { ListenFd, ListenOrder, LogLevel } from '../../shared/sync/control-messages.js';
import { type ControlBus, ThreadGoneError } from './control-bus.js';
import { untilRetry } from './shortage.js';

/** An I/O thread, as far as listening goes. */
export interface ListeningThread {
  readonly id: number;
  readonly index: number;
  readonly generation: number;
  /** The sockets on which it listens. */
  fds: readonly ListenFd[];
}

export class Listening {
  private readonly bus: ControlBus;
  private readonly io: readonly ListeningThread[];
  private readonly log: (level: LogLevel, message: string) => void;
  private order: Pick<ListenOrder, 'port' | 'reusePort'> = { port: -1, reusePort: false };
  private begun = false;
  private ended = false;
  private underWay: Promise<unknown> = Promise.resolve();
  /** Threads listen again one after the other, so that the second one finds the first one's sockets. */
  private turn: Promise<unknown> = Promise.resolve();

  constructor(bus: ControlBus, io: readonly ListeningThread[], log: (level: LogLevel, message: string) => void) {
    this.bus = bus;
    this.io = io;
    this.log = log;
  }

  /**
   * Opens the listening sockets in all I/O threads; resolves with the TCP port (0 if there is none). `port` 0 means
   * any, -1 none. Rejects with an error for people.
   */
  async listen(port: number): Promise<number> {
    const again = this.begun;
    this.begun = true;
    this.order = { port, reusePort: this.io.length > 1 && reusePortWorks() };
    // CONFIG SET port, bind.
    if (again) await Promise.allSettled(this.io.map((t) => this.bus.ask(t.id, 'unlisten', null)));
    return this.open(this.io[0]!);
  }

  /** Opens in `first`, then lets all others share. */
  private async open(first: ListeningThread): Promise<number> {
    const opened = await this.bus.ask(first.id, 'listen', { ...this.order, mode: 'open', probe: true, fds: [] });
    first.fds = opened.fds;
    if (this.order.port >= 0) this.order = { ...this.order, port: opened.port };
    const others = this.io.filter((t) => t !== first);
    await Promise.all(others.map((t) => this.share(t, opened.fds).catch((error) => this.later(t, error))));
    return opened.port;
  }

  private async share(thread: ListeningThread, fds: readonly ListenFd[]): Promise<void> {
    const mode = this.order.reusePort ? 'reuse' : 'fd';
    if (mode === 'reuse' && this.order.port < 0) return;
    const order: ListenOrder = { ...this.order, mode, probe: false, fds };
    thread.fds = (await this.bus.ask(thread.id, 'listen', order)).fds;
  }

  /** A thread that was started again, once it is `ready`, listens again; so does nobody when nobody did. */
  resume(thread: ListeningThread, ready: Promise<void>): void {
    const work = ready.then(
      () => this.inTurn(thread).catch((error) => this.later(thread, error)),
      // Its death is seen elsewhere.
      nothing,
    );
    this.underWay = Promise.all([this.underWay, work]);
  }

  private inTurn(thread: ListeningThread): Promise<void> {
    const work = this.turn.then(() => this.again(thread));
    this.turn = work.then(nothing, nothing);
    return work;
  }

  /**
   * With SO_REUSEPORT the new thread binds again; without, it gets copies of a living thread's sockets. Only when
   * nobody is left who listens, the port was free for a moment.
   */
  private async again(thread: ListeningThread): Promise<void> {
    if (this.ended || !this.begun) return;
    const alive = this.io.find((t) => t !== thread && t.fds.length > 0);
    if (this.order.reusePort && thread.index !== 0) await this.share(thread, []);
    else if (!this.order.reusePort && alive !== undefined) await this.share(thread, alive.fds);
    else {
      const order: ListenOrder = { ...this.order, mode: 'open', probe: false, fds: [] };
      thread.fds = (await this.bus.ask(thread.id, 'listen', order)).fds;
    }
  }

  private later(thread: ListeningThread, error: Error): void {
    if (this.ended || error instanceof ThreadGoneError) return;
    this.log('warning', `I/O thread ${thread.index} cannot listen, tries go on: ${error.message}`);
    this.underWay = Promise.all([this.underWay, this.retry(thread, thread.generation)]);
  }

  private async retry(thread: ListeningThread, life: number): Promise<void> {
    for (;;) {
      await untilRetry();
      if (this.ended || thread.generation !== life) return;
      try {
        await this.inTurn(thread);
        this.log('notice', `I/O thread ${thread.index} listens`);
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
