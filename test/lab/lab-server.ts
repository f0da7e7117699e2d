/** A server in this process, from the build that checks: its fault points can be armed, its threads can be ended. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { createServer as CreateServer } from '../../src/main/index.js';
import { FAULT, type FAULT_ACTION, FAULT_STATE, type POINT } from '../../src/shared/memory/fault-point.js';
import type { Embedded } from '../harness/embedded.js';
import { PROJECT_ROOT } from '../harness/servers.js';
import { until } from '../harness/waiting.js';

export type Point = (typeof POINT)[keyof typeof POINT];
type Action = (typeof FAULT_ACTION)[keyof typeof FAULT_ACTION];

export interface Setup {
  readonly shards: number;
  readonly ioThreads: number;
  readonly dispatch: 'inline' | 'ring';
}

/** Makes `dist-check` from the sources as they are, and has servers of this process check. A second. */
export function buildCheckedServer(): void {
  process.env.SHERD_CHECK = '1';
  const rolldown = join(PROJECT_ROOT, 'node_modules/.bin/rolldown');
  execFileSync(rolldown, ['-c', '--logLevel', 'warn'], { cwd: PROJECT_ROOT, stdio: 'pipe' });
}

export class LabServer {
  readonly server: Embedded;
  readonly setup: Setup;
  /** Threads that were ended so far. */
  deaths = 0;
  /** What the server said when it ended by itself. */
  ended: string | null = null;

  private constructor(server: Embedded, setup: Setup) {
    this.server = server;
    this.setup = setup;
    const note = (error?: Error): void => {
      this.ended = error?.message ?? 'it ended';
    };
    server.closed.then(() => note(), note);
  }

  static async start(setup: Setup): Promise<LabServer> {
    const entry = pathToFileURL(join(PROJECT_ROOT, 'dist-check/main/index.js')).href;
    const { createServer }: { createServer: typeof CreateServer } = await import(/* @vite-ignore */ entry);
    return new LabServer(await createServer({ port: 0, enableDebugCommand: true, ...setup }), setup);
  }

  close(): Promise<void> {
    return this.server.close();
  }

  /** Has the `n`th hit of a point, by whatever thread, stop or fail. */
  arm(point: Point, n: number, action: Action): void {
    const { faults } = this.server.debug;
    Atomics.store(faults, FAULT.state, FAULT_STATE.idle);
    Atomics.store(faults, FAULT.thread, 0);
    Atomics.store(faults, FAULT.reachedBy, 0);
    Atomics.store(faults, FAULT.action, action);
    Atomics.store(faults, FAULT.left, n);
    Atomics.store(faults, FAULT.point, point);
  }

  /** No fault from now on; a thread that has stopped goes on. */
  disarm(): void {
    Atomics.store(this.server.debug.faults, FAULT.point, 0);
    this.goOn();
  }

  /** The id of the thread that stopped or failed; 0 as long as none has. */
  reachedBy(): number {
    return Atomics.load(this.server.debug.faults, FAULT.reachedBy);
  }

  /** Ids: 1 is main, then the I/O threads, then the shards (control-block.ts). */
  isIoThread(id: number): boolean {
    return id - 2 < this.server.ioThreads;
  }

  isStopped(): boolean {
    return Atomics.load(this.server.debug.faults, FAULT.state) === FAULT_STATE.stopped;
  }

  /** Lets the thread that has stopped go on. */
  goOn(): void {
    const { faults } = this.server.debug;
    Atomics.store(faults, FAULT.state, FAULT_STATE.goOn);
    Atomics.notify(faults, FAULT.state);
  }

  /** Ends the thread that has stopped, where it stands. */
  async kill(): Promise<void> {
    const { debug, ioThreads } = this.server;
    await until('a thread has stopped', async () => this.isStopped());
    this.deaths++;
    const index = this.reachedBy() - 2;
    if (this.isIoThread(this.reachedBy())) await debug.terminateIo(index, 'anywhere');
    else await debug.terminateShard(index - ioThreads, 'anywhere');
    this.disarm();
    await debug.settled();
  }
}
