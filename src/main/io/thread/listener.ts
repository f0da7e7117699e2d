/**
 * Listener: opens the sockets that the directives ask for and turns what arrives into connections.
 *
 * The accepted handle is taken over before `net` builds a Socket around it (see stream-binding.ts); without those
 * primitives the Socket stays. With several I/O threads the first one binds, and the others either bind the same port
 * with SO_REUSEPORT or listen on the first one's descriptors; the kernel then deals the connections out.
 *
 * Invariants: (1) `maxclients` counts the connections of all I/O threads, in one control word; (2) a connection that is
 * refused gets Redis's error line and is closed; (3) closing the listener leaves connections alone; (4) a connection
 * never gets one of the process's last descriptors, so that nothing else fails for want of one.
 */

import { chmodSync, existsSync } from 'node:fs';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { monotonicMs } from '../../../shared/clock.js';
import { CLIENT_FLAG } from '../../../shared/command/client-state.js';
import { MAX_CLIENTS, PROTECTED_MODE } from '../../../shared/errors/replies.js';
import { SherdError } from '../../../shared/errors/sherd-error.js';
import { STAT } from '../../../shared/stats/stats-layout.js';
import { CONTROL } from '../../../shared/sync/control-block.js';
import type { ListenFd, Listening, ListenOrder } from '../../../shared/sync/control-messages.js';
import { fromBinary } from '../../config/binary-string.js';
import type { BindAddress } from '../../config/config.js';
import { copyDescriptors } from '../net/descriptor-copy.js';
import { HandleTransport } from '../net/handle-transport.js';
import { SocketTransport } from '../net/socket-transport.js';
import { SpareDescriptor } from '../net/spare-descriptor.js';
import { isStreamHandle, type StreamHandle, streamBinding } from '../net/stream-binding.js';
import { freeUnixPath, removeUnixSocket } from '../net/unix-socket-path.js';
import { ConnectionInput } from '../request/input.js';
import { Connection } from '../session/connection.js';
import { Session } from '../session/session.js';
import type { IoThread } from './io-thread.js';

interface ServerHandle {
  fd: number;
  onconnection: (status: number, handle: unknown) => void;
}

/** How often the log says that connections are refused for want of descriptors. */
const COMPLAIN_MS = 60_000;
/** How long the thread rests when it has nothing with which to accept. */
const REST_MS = 10;
const NEVER_WOKEN = new Int32Array(new SharedArrayBuffer(4));

interface Address {
  address?: string;
  family?: string;
  port?: number;
}

export class Listener {
  private readonly io: IoThread;
  private readonly copyProgram: URL;
  private servers: Server[] = [];
  private unixPath = '';
  private readonly spare: SpareDescriptor = new SpareDescriptor();
  /** The spare descriptor was given up: the next connection has it, and is refused. */
  private spareIsOut = false;
  private complainedAtMs = -COMPLAIN_MS;

  /** `copyProgram`: see copyDescriptors. */
  constructor(io: IoThread, copyProgram: URL) {
    this.io = io;
    this.copyProgram = copyProgram;
  }

  /**
   * Listens as ordered (`port` 0: any; below 0: no TCP), and no longer where it did before. Rejects with a SherdError
   * that names address and reason.
   */
  async listen(order: ListenOrder): Promise<Listening> {
    await this.close();
    if (order.mode === 'fd') return this.listenFds(order.fds, order.port);
    const fds: ListenFd[] = [];
    let port = order.port;
    const reusePort = order.reusePort || order.mode === 'reuse';
    const binds = this.io.limits.binds;
    // With `bind ""` nobody comes by TCP.
    if (port >= 0 && binds.length > 0) {
      // A first bind without SO_REUSEPORT finds out whether another server has the port.
      if (reusePort && order.probe && port !== 0) await this.probe(port);
      for (const bind of binds) {
        const server = await this.open(bind, port, reusePort);
        if (server === null) continue;
        const bound = server.address() as { port: number };
        port = bound.port;
        fds.push({ fd: fdOf(server), kind: 'tcp', address: `${bind.host}:${port}` });
      }
      if (fds.length === 0) throw new SherdError('SHERD_LISTEN', `Could not bind any address on port ${port}.`);
    }
    const path = fromBinary(this.io.limits.unixSocket);
    if (path !== '' && order.mode === 'open') fds.push(await this.openUnix(path));
    if (fds.length === 0 && order.mode === 'open') {
      throw new SherdError('SHERD_LISTEN', 'Configured to not listen anywhere, exiting.');
    }
    return { port: Math.max(port, 0), fds };
  }

  /** Stops accepting. */
  async close(): Promise<void> {
    const servers = this.servers;
    this.servers = [];
    for (const server of servers) server.close();
    const problem = this.unixPath === '' ? null : removeUnixSocket(this.unixPath);
    if (problem !== null) this.io.log('warning', `the unix socket stays behind: ${problem}`);
    this.unixPath = '';
    this.spare.release();
  }

  private async probe(port: number): Promise<void> {
    for (const bind of this.io.limits.binds) {
      const server = createServer();
      try {
        await listening(server, this.options(bind.host, port, false));
      } catch (error) {
        if (!bind.optional || (error as NodeJS.ErrnoException).code === 'EADDRINUSE')
          throw bindError(bind.host, port, error);
      } finally {
        await new Promise<void>((resolve) => server.close(() => resolve()));
      }
    }
  }

  private options(host: string, port: number, reusePort: boolean): ListenOptions {
    const options: ListenOptions & { reusePort?: boolean } = {
      host,
      port,
      backlog: this.io.limits.backlog,
      ipv6Only: host.includes(':'),
      exclusive: true,
    };
    if (reusePort) options.reusePort = true;
    return options;
  }

  private async open(bind: BindAddress, port: number, reusePort: boolean): Promise<Server | null> {
    const server = this.server();
    try {
      await listening(server, this.options(bind.host, port, reusePort));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      // Redis: an address with a minus sign may be missing on this machine, not occupied.
      if (bind.optional && (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT' || code === 'EINVAL')) return null;
      throw bindError(bind.host, port, error);
    }
    this.take(server, false);
    return server;
  }

  private async openUnix(path: string): Promise<ListenFd> {
    freeUnixPath(path);
    const server = this.server();
    try {
      await listening(server, { path, backlog: this.io.limits.backlog, exclusive: true });
      this.take(server, true);
      this.unixPath = path;
      const mode = this.io.limits.unixSocketMode;
      if (mode > 0) chmodSync(path, mode);
    } catch (error) {
      throw bindError(path, -1, error);
    }
    return { fd: fdOf(server), kind: 'unix', address: path };
  }

  /** Listens on copies, of its own, of another thread's listening sockets. */
  private async listenFds(shared: readonly ListenFd[], port: number): Promise<Listening> {
    const handles = await copyDescriptors(
      this.copyProgram,
      shared.map((entry) => entry.fd),
    );
    const fds: ListenFd[] = [];
    for (let i = 0; i < shared.length; i++) {
      const { kind, address } = shared[i]!;
      // libuv has removed the path when this thread's former life ended: nobody could come by it any more.
      if (kind === 'unix' && this.io.index === 0 && !existsSync(address)) {
        (handles[i] as { close?: () => void }).close?.();
        fds.push(await this.openUnix(address));
        continue;
      }
      const server = this.server();
      try {
        await listening(server, handles[i] as ListenOptions, this.io.limits.backlog);
      } catch (error) {
        throw bindError(address, port, error);
      }
      // The first thread removes the path at the end, also in a later life.
      if (kind === 'unix' && this.io.index === 0) this.unixPath = address;
      this.take(server, kind === 'unix');
      fds.push({ fd: fdOf(server), kind, address });
    }
    return { port, fds };
  }

  private server(): Server {
    return createServer({ noDelay: true, allowHalfOpen: true, pauseOnConnect: true });
  }

  /** Routes what `server` accepts to us. */
  private take(server: Server, unix: boolean): void {
    this.servers.push(server);
    this.spare.keep();
    server.on('error', (error) => this.io.log('warning', `Accepting client connection: ${error.message}`));
    server.on('connection', (socket) => this.acceptSocket(socket, unix));
    const handle = (server as unknown as { _handle: ServerHandle | null })._handle;
    const binding = streamBinding();
    if (binding === null || handle === null || typeof handle.onconnection !== 'function') return;
    const plain = handle.onconnection;
    handle.onconnection = (status, accepted) => {
      if (status !== 0) this.acceptFailed(status);
      else if (!isStreamHandle(accepted)) plain.call(handle, status, accepted);
      else this.acceptHandle(accepted, unix);
    };
  }

  private acceptHandle(handle: StreamHandle, unix: boolean): void {
    const { io } = this;
    const transport = new HandleTransport(handle, streamBinding()!, io.readBuffer);
    if (!this.admit(handle.fd)) {
      transport.write(MAX_CLIENTS);
      handle.close();
      this.spare.keep();
      return;
    }
    if (!unix) {
      handle.setNoDelay?.(true);
      const seconds = io.limits.keepAliveSeconds;
      if (seconds > 0) handle.setKeepAlive?.(true, seconds);
    }
    const peer: Address = {};
    const own: Address = {};
    if (!unix) {
      handle.getpeername?.(peer);
      handle.getsockname?.(own);
    }
    this.add(transport, unix, peer, own, handle.fd);
  }

  private acceptSocket(socket: Socket, unix: boolean): void {
    const { io } = this;
    const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd ?? -1;
    if (!this.admit(fd)) {
      socket.on('error', () => socket.destroy());
      socket.once('close', () => this.spare.keep());
      socket.end(MAX_CLIENTS);
      return;
    }
    const seconds = io.limits.keepAliveSeconds;
    if (!unix && seconds > 0) socket.setKeepAlive(true, seconds * 1000);
    const peer = { address: socket.remoteAddress, family: socket.remoteFamily, port: socket.remotePort } as Address;
    const own = { address: socket.localAddress, family: socket.localFamily, port: socket.localPort } as Address;
    this.add(new SocketTransport(socket, io.readBuffer), unix, peer, own, fd);
  }

  /**
   * Counts a new client over all threads, unless `maxclients` is reached, or the client's descriptor is one of the
   * last.
   */
  private admit(fd: number): boolean {
    const { i32 } = this.io.control;
    const max = i32[CONTROL.maxclients]!;
    const refusedFrom = i32[CONTROL.descriptorsRefusedFrom]!;
    const isLast = this.spareIsOut || (refusedFrom !== 0 && fd >= refusedFrom);
    this.spareIsOut = false;
    if (!isLast && (Atomics.add(i32, CONTROL.clients, 1) < max || max === 0)) return true;
    if (isLast) this.complain('the process has no descriptors left for clients, connections are refused');
    else Atomics.sub(i32, CONTROL.clients, 1);
    this.io.stats.f64[STAT.connectionsRejected]! += 1;
    return false;
  }

  /** No connection could be accepted, and the one that waits stays: what is given up here, it gets. */
  private acceptFailed(status: number): void {
    this.complain(`Accepting client connection: ${getSystemErrorName(status)}`);
    // libuv goes on at once, whatever happens here: without a rest it would burn the core.
    this.spareIsOut = this.spare.release();
    if (!this.spareIsOut) Atomics.wait(NEVER_WOKEN, 0, 0, REST_MS);
  }

  private complain(message: string): void {
    const now = monotonicMs();
    if (now - this.complainedAtMs < COMPLAIN_MS) return;
    this.complainedAtMs = now;
    this.io.log('warning', message);
  }

  private add(
    transport: HandleTransport | SocketTransport,
    unix: boolean,
    peer: Address,
    own: Address,
    fd: number,
  ): void {
    const { io } = this;
    const addr = unix ? `${io.limits.unixSocket}:0` : addressText(peer);
    const laddr = unix ? `${io.limits.unixSocket}:0` : addressText(own);
    this.spare.keep();
    const session = new Session(io.control.nextClientId(), io.index);
    if (unix) session.flags |= CLIENT_FLAG.unixSocket | CLIENT_FLAG.local;
    else if (isLoopback(peer.address ?? '')) session.flags |= CLIENT_FLAG.local;
    session.authenticated = io.limits.password === '';
    const input = new ConnectionInput();
    const nowMs = io.control.nowMs();
    const conn = new Connection({
      io,
      session,
      transport,
      input,
      slot: io.connections.takeSlot(),
      nowMs,
      addr,
      laddr,
      fd,
    });
    io.addConnection(conn);
    // Without a password only this machine may come in, unless the person who runs it says otherwise.
    if (session.authenticated && (session.flags & CLIENT_FLAG.local) === 0 && io.limits.protectedMode) {
      transport.write(PROTECTED_MODE);
      io.closeConnection(conn);
    }
  }
}

/** "127.0.0.1:5000", "[::1]:5000", "?:0" when the peer is gone already. */
function addressText(address: Address): string {
  if (address.address === undefined) return '?:0';
  return address.address.includes(':') ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || address.startsWith('::ffff:127.');
}

function fdOf(server: Server): number {
  return (server as unknown as { _handle?: { fd?: number } })._handle?.fd ?? -1;
}

function listening(server: Server, options: ListenOptions, backlog?: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const done = (): void => {
      server.off('error', reject);
      resolve();
    };
    // A handle takes its backlog as an argument.
    if (backlog === undefined) server.listen(options, done);
    else server.listen(options, backlog, done);
  });
}

/** For the operator: one line that names the directive. `port` -1 is a Unix socket, whose path is `host`. */
function bindError(host: string, port: number, error: unknown): SherdError {
  const { code, message } = error as NodeJS.ErrnoException;
  const directive = port < 0 ? 'unixsocket' : code === 'EADDRNOTAVAIL' ? 'bind' : 'port';
  const where = port < 0 ? `unix socket ${host}` : `port ${port} on ${host}`;
  const problem = code === 'EADDRINUSE' ? 'is already in use' : `cannot be opened: ${message}`;
  return new SherdError('SHERD_LISTEN', `${where} ${problem} (directive '${directive}')`, { directive, cause: error });
}
