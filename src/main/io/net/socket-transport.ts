/**
 * SocketTransport: a connection on a plain `net.Socket` ('data' events, `socket.write`). The fallback where Node's
 * stream primitives are not as we know them, and the way for TLS later, whose sockets have no handle of that kind.
 * What arrives is copied into the thread's read buffer, so that everything behind sees one kind of input.
 */
import type { Socket } from 'node:net';
import type { Connection } from '../session/connection.js';
import type { Transport } from './transport.js';

export class SocketTransport implements Transport {
  private readonly socket: Socket;
  private readonly readBuffer: Uint8Array;
  private conn: Connection | null = null;

  constructor(socket: Socket, readBuffer: Uint8Array) {
    this.socket = socket;
    this.readBuffer = readBuffer;
    socket.on('data', (data: Buffer) => this.received(data));
    socket.on('end', () => this.conn?.io.onEnd(this.conn, true));
    socket.on('error', () => this.conn?.io.onEnd(this.conn, false));
    socket.on('close', () => this.conn?.io.onEnd(this.conn, false));
    socket.pause();
  }

  attach(conn: Connection): void {
    this.conn = conn;
  }

  write(bytes: Uint8Array): boolean {
    this.socket.write(bytes, this.written);
    return false;
  }

  writeChunks(chunks: Uint8Array[]): boolean {
    this.socket.cork();
    for (let i = 0; i < chunks.length; i++) {
      if (i === chunks.length - 1) this.socket.write(chunks[i]!, this.written);
      else this.socket.write(chunks[i]!);
    }
    this.socket.uncork();
    return false;
  }

  readStart(): void {
    this.socket.resume();
  }

  readStop(): void {
    this.socket.pause();
  }

  close(): void {
    this.conn = null;
    this.socket.destroy();
  }

  private readonly written = (error?: Error | null): void => {
    if (this.conn !== null) this.conn.io.onWritten(this.conn, error === null || error === undefined);
  };

  private received(data: Buffer): void {
    for (let at = 0; at < data.length && this.conn !== null; at += this.readBuffer.length) {
      const piece = data.subarray(at, at + this.readBuffer.length);
      this.readBuffer.set(piece);
      this.conn.io.onData(this.conn, piece.length);
    }
  }
}
