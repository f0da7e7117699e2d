/**
 * The rings between this I/O thread and the others, over which bulletins travel.
 *
 * A ring carries a stream of bytes: a record usually holds many whole bulletins; a bulletin that does not fit into a
 * record continues in the next record. If the ring is full, the bytes stay in the outbox's buffer. If many bytes stay
 * there, `isCongested` is set, and commands that may publish more wait (waiting/pause-watch.ts) until the peer has
 * read. This is back pressure: nothing is dropped.
 *
 * Invariant: bytes for a peer leave in order; a peer that was started again gets a new stream, which begins with a
 * whole bulletin.
 */
import type { BulletinBuffer } from '../../../shared/pubsub/bulletin.js';
import { type ControlBlock, ioThreadId } from '../../../shared/sync/control-block.js';
import type { Doorbell } from '../../../shared/sync/doorbell.js';
import { RingConsumer, RingProducer } from '../../../shared/sync/ring.js';
import type { LinkData } from '../../../shared/sync/thread-data.js';

/** If more bytes than this wait for one peer, this thread's clients must wait before they publish more. */
const WAITING_BYTES_MAX = 1 << 20;

/** Takes whole bulletins out of u8[start, end); returns where the first incomplete bulletin begins. */
export type BulletinReader = (u8: Uint8Array, start: number, end: number, fromIo: number) => number;

interface Link {
  incoming: RingConsumer;
  outgoing: RingProducer;
  readonly bell: Doorbell;
  /** The beginning of a bulletin whose rest has not come; null when there is none. */
  rest: Uint8Array | null;
  restBytes: number;
}

export class IoLinks {
  private readonly links: (Link | null)[];
  /** Some bytes did not fit into a ring. */
  isBlocked = false;
  /** Too many bytes wait for a peer: commands that publish must wait. */
  isCongested = false;

  constructor(control: ControlBlock, links: readonly (LinkData | null)[]) {
    this.links = links.map((data, io) => {
      if (data === null) return null;
      const incoming = new RingConsumer(data.incoming);
      const outgoing = new RingProducer(data.outgoing);
      return { incoming, outgoing, bell: control.doorbell(ioThreadId(io)), rest: null, restBytes: 0 };
    });
  }

  /** The peer was started again: takes its new rings, and drops the waiting bytes, whose clients are gone. */
  replace(peer: number, incoming: SharedArrayBuffer, outgoing: SharedArrayBuffer, buffer: BulletinBuffer): void {
    const link = this.links[peer]!;
    if (link === null) return;
    link.incoming = new RingConsumer(incoming);
    link.outgoing = new RingProducer(outgoing);
    link.rest = null;
    buffer.drop();
  }

  /** Sends what the buffers hold, as far as there is room. */
  send(buffers: readonly BulletinBuffer[]): void {
    let blocked = false;
    let congested = false;
    for (let io = 0; io < this.links.length; io++) {
      const link = this.links[io]!;
      if (link === null || buffers[io]!.bytes === 0) continue;
      const sent = sendTo(link.outgoing, buffers[io]!);
      if (link.outgoing.publish()) link.bell.ring();
      if (sent) continue;
      blocked = true;
      if (buffers[io]!.bytes > WAITING_BYTES_MAX) congested = true;
    }
    this.isBlocked = blocked;
    this.isCongested = congested;
  }

  /** Whether a peer has sent something. */
  hasWork(): boolean {
    for (let io = 0; io < this.links.length; io++) {
      if (this.links[io]?.incoming.hasWork() === true) return true;
    }
    return false;
  }

  /** Gives everything that peers have sent to `read`. Returns whether there was anything. */
  receive(read: BulletinReader): boolean {
    let any = false;
    for (let io = 0; io < this.links.length; io++) {
      const link = this.links[io]!;
      if (link === null) continue;
      const ring = link.incoming;
      for (let at = ring.peek(); at >= 0; at = ring.peek()) {
        any = true;
        if (link.rest === null) {
          const whole = read(ring.u8, at, at + ring.length, io);
          if (whole < at + ring.length) keep(link, ring.u8, whole, at + ring.length);
        } else {
          keep(link, ring.u8, at, at + ring.length);
          const whole = read(link.rest, 0, link.restBytes, io);
          if (whole === link.restBytes) link.rest = null;
          else if (whole > 0) {
            link.rest.copyWithin(0, whole, link.restBytes);
            link.restBytes -= whole;
          }
        }
        ring.advance();
      }
      if (ring.release()) link.bell.ring();
    }
    return any;
  }
}

/** Moves bytes from the buffer into the ring; false when not all found room. */
function sendTo(ring: RingProducer, buffer: BulletinBuffer): boolean {
  while (buffer.bytes > 0) {
    const n = Math.min(buffer.bytes, ring.recordBytesMax & ~7);
    const at = ring.reserve(n);
    if (at < 0) return false;
    ring.u8.set(buffer.u8.subarray(buffer.start, buffer.start + n), at);
    ring.commit(n);
    buffer.drop(n);
  }
  return true;
}

/** Adds bytes to the rest that waits for more. */
function keep(link: Link, u8: Uint8Array, start: number, end: number): void {
  const n = end - start;
  const held = link.rest === null ? 0 : link.restBytes;
  if (link.rest === null || link.rest.length < held + n) {
    let size = 64 * 1024;
    while (size < held + n) size *= 2;
    const grown = new Uint8Array(size);
    if (link.rest !== null) grown.set(link.rest.subarray(0, held));
    link.rest = grown;
  }
  link.rest.set(u8.subarray(start, end), held);
  link.restBytes = held + n;
}
