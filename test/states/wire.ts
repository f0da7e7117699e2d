/**
 * A connection of a cell of the table: it notes every reply and every push, byte for byte, in the order in which they
 * come, and the end of the connection, whoever it comes from.
 */
import net from 'node:net';
import { type Arg, encode, FrameScanner } from '../harness/resp-client.js';

/** A reply longer than this is noted by its beginning and its length. */
const SHOWN_BYTES = 400;
export const CLOSED = '(closed)';

export class Wire {
  /** What came since the last `take`. */
  lines: string[] = [];
  isClosed = false;
  private readonly socket: net.Socket;
  private bytes: Buffer = Buffer.alloc(0);
  private readonly scanner = new FrameScanner();

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => this.ended());
    socket.on('end', () => this.ended());
    socket.on('close', () => this.ended());
    socket.on('data', (data: Buffer) => this.came(data));
  }

  static connect(port: number): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Wire(socket));
      });
    });
  }

  /** Its address as CLIENT KILL takes it. */
  get address(): string {
    return `${this.socket.localAddress}:${this.socket.localPort}`;
  }

  send(...args: Arg[]): void {
    this.pipeline([args]);
  }

  /** Sends commands in one write. */
  pipeline(commands: readonly (readonly Arg[])[]): void {
    if (!this.isClosed) this.socket.write(Buffer.concat(commands.map(encode)));
  }

  /** Closes the connection at once. */
  destroy(): void {
    this.isClosed = true;
    this.socket.destroy();
  }

  /** Closes the half in which it writes; it goes on reading. */
  finish(): void {
    this.socket.end();
  }

  take(): string[] {
    const { lines } = this;
    this.lines = [];
    return lines;
  }

  private ended(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.lines.push(CLOSED);
    this.socket.destroy();
  }

  private came(data: Buffer): void {
    this.bytes = this.bytes.length === 0 ? data : Buffer.concat([this.bytes, data]);
    while (this.bytes.length > 0) {
      const end = this.scanner.scan(this.bytes, this.bytes.length);
      if (end < 0) return;
      const text = this.bytes.toString('latin1', 0, Math.min(end, SHOWN_BYTES)).replaceAll('\r\n', '|');
      this.lines.push(end > SHOWN_BYTES ? `${text}... (${end} bytes)` : text);
      this.bytes = this.bytes.subarray(end);
    }
  }
}
