/**
 * HandleTransport: a connection directly on a libuv handle. All handles of a thread read into the same buffer, which is
 * parsed before the callback returns.
 *
 * Invariants: (1) one write at a time; (2) after close() no callback reaches the connection; (3) a WriteWrap whose
 * write ended at once never reached libuv, so the thread's next write uses it again.
 */
import type { Connection } from '../session/connection.js';
import type { StreamBinding, StreamHandle, WriteRequest } from './stream-binding.js';
import type { Transport } from './transport.js';

interface OwnedHandle extends StreamHandle {
  transport: HandleTransport | null;
}

interface OwnedRequest extends WriteRequest {
  transport: HandleTransport | null;
}

/** A write request that can be used again, per thread. */
let spare: OwnedRequest | null = null;

export class HandleTransport implements Transport {
  private readonly handle: OwnedHandle;
  private readonly binding: StreamBinding;
  private conn: Connection | null = null;

  /** `readBuffer`: where the thread's sockets read. */
  constructor(handle: StreamHandle, binding: StreamBinding, readBuffer: Uint8Array) {
    this.handle = handle as OwnedHandle;
    this.binding = binding;
    this.handle.transport = this;
    this.handle.onread = onRead;
    this.handle.useUserBuffer(readBuffer);
  }

  attach(conn: Connection): void {
    this.conn = conn;
  }

  write(bytes: Uint8Array): boolean {
    const request = this.request();
    const status = this.handle.writeBuffer(request, bytes);
    return this.wrote(request, status, bytes);
  }

  writeChunks(chunks: Uint8Array[]): boolean {
    const request = this.request();
    const status = this.handle.writev(request, chunks, true);
    return this.wrote(request, status, chunks);
  }

  readStart(): void {
    this.handle.readStart();
  }

  readStop(): void {
    this.handle.readStop();
  }

  close(): void {
    if (this.conn === null) return;
    this.conn = null;
    this.handle.transport = null;
    this.handle.onread = ignoreRead;
    this.handle.close();
  }

  /** For onRead below. */
  received(): void {
    const conn = this.conn;
    if (conn === null) return;
    const n = this.binding.streamBaseState[this.binding.kReadBytesOrError]!;
    if (n > 0) conn.io.onData(conn, n);
    else if (n < 0) conn.io.onEnd(conn, n === UV_EOF);
  }

  /** For onWritten below. */
  written(status: number): void {
    const conn = this.conn;
    if (conn !== null) conn.io.onWritten(conn, status === 0);
  }

  private request(): OwnedRequest {
    const request = spare ?? makeRequest(this.binding);
    spare = null;
    request.handle = this.handle;
    request.transport = this;
    return request;
  }

  private wrote(request: OwnedRequest, status: number, buffers: unknown): boolean {
    if (status !== 0) {
      request.transport = null;
      this.conn?.io.onWriteError(this.conn);
      return true;
    }
    if (this.binding.streamBaseState[this.binding.kLastWriteWasAsync] === 0) {
      request.handle = null;
      request.transport = null;
      spare = request;
      return true;
    }
    request.buffers = buffers;
    return false;
  }
}

const UV_EOF = -4095;

function makeRequest(binding: StreamBinding): OwnedRequest {
  const request = new binding.WriteWrap() as OwnedRequest;
  request.handle = null;
  request.transport = null;
  request.buffers = null;
  request.async = true;
  request.oncomplete = onWritten;
  return request;
}

function onRead(this: StreamHandle): void {
  const transport = (this as OwnedHandle).transport;
  if (transport !== null) transport.received();
}

function ignoreRead(): void {}

function onWritten(this: WriteRequest, status: number): void {
  const request = this as OwnedRequest;
  const transport = request.transport;
  request.buffers = null;
  request.handle = null;
  request.transport = null;
  if (transport !== null) transport.written(status);
}
