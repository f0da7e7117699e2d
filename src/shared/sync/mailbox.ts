/**
 * Carries the records that are too big for a ring. Each travels in SharedArrayBuffers of its own, posted over a
 * MessagePort *before* the ring record that names the mail is published. So the reader finds the mail synchronously
 * with `receiveMessageOnPort`.
 *
 * One port pair per (I/O thread, shard); both ends send and receive over it. The sender keeps each mail until the ring
 * has released the naming record: if the receiver dies, its successor gets a new port and all kept mails again.
 *
 * Invariants: (1) ids count up per direction and are never 0; (2) bytes in flight are at most MAIL_BYTES_MAX, or one
 * mail; (3) a mail stays in the box until `drop`: a request that is looked at and put off finds its mail again.
 */

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { isInSlab } from '../memory/chunk-slabs.js';
import { type Chunk, chunkBytes, isBytes } from '../memory/pins.js';
import { noteForeign, noteShared } from '../memory/shared-garbage.js';

/** Bytes that may be in flight per direction before the sender must wait (a single mail may be bigger). */
export const MAIL_BYTES_MAX = 64 << 20;

/** A big record: buffers and, for requests, the table of (offset, length) pairs of the arguments. */
export interface Mail {
  readonly id: number;
  readonly chunks: readonly Chunk[];
  readonly table: Int32Array | null;
}

interface Sent {
  readonly mail: Mail;
  readonly bytes: number;
  /** End position of the naming record in the ring. */
  end: number;
}

export class Mailbox {
  private port: MessagePort;
  private nextId = 1;
  private bytesInFlight = 0;
  private sent: Sent[] = [];
  private readonly received: Map<number, Mail> = new Map();
  private readonly onMissing: () => void;

  /**
   * `onMissing` is called when a named mail is not there: it should process control messages (a new port may be among
   * them).
   */
  constructor(port: MessagePort, onMissing: () => void = nothing) {
    this.port = port;
    this.onMissing = onMissing;
    port.unref();
  }

  /**
   * Whether a mail of `bytes` may be posted now; `headPosition` is the released position of the ring that names the
   * mails.
   */
  hasRoom(bytes: number, headPosition: number): boolean {
    this.forgetReleased(headPosition);
    return this.sent.length === 0 || this.bytesInFlight + bytes <= MAIL_BYTES_MAX;
  }

  /**
   * Posts a mail; returns its id for the ring record. All bytes must lie in SharedArrayBuffers that are not written any
   * more.
   */
  post(chunks: readonly Chunk[], table: Int32Array | null): number {
    const id = this.nextId;
    this.nextId = id === 0x7fff_ffff ? 1 : id + 1;
    let bytes = table === null ? 0 : table.byteLength;
    for (const chunk of chunks) bytes += chunkBytes(chunk);
    const mail: Mail = { id, chunks, table };
    this.bytesInFlight += bytes;
    this.sent.push({ mail, bytes, end: 0 });
    this.port.postMessage(mail);
    return id;
  }

  /** Tells where the record that names the last mail ends, once it is committed. */
  named(endPosition: number): void {
    this.sent[this.sent.length - 1]!.end = endPosition;
  }

  /** Finds a mail, which stays in the box; null when it is lost (its sender died before it had posted all). */
  look(id: number): Mail | null {
    const mail = this.find(id);
    if (mail !== null) return mail;
    this.onMissing();
    return this.find(id);
  }

  /**
   * Drops this mail: the record that names it has been carried out. Earlier mails are dropped too: a dead predecessor
   * may have carried out records without releasing them, and then their mails were sent a second time.
   */
  drop(id: number): void {
    const { received } = this;
    if (!received.has(id)) return;
    for (const known of received.keys()) {
      received.delete(known);
      if (known === id) return;
    }
  }

  /**
   * Takes the mail out of the box; null when the mail is lost. For a reader that finishes the naming record at once.
   */
  take(id: number): Mail | null {
    const mail = this.look(id);
    if (mail !== null) this.drop(id);
    return mail;
  }

  private find(id: number): Mail | null {
    this.drain();
    return this.received.get(id) ?? null;
  }

  private drain(): void {
    for (;;) {
      const got = receiveMessageOnPort(this.port);
      if (got === undefined) return;
      const mail = got.message as Mail;
      for (const chunk of mail.chunks) {
        if (!isBytes(chunk)) continue;
        if (isInSlab(chunk)) noteForeign(chunk.length);
        else noteShared(chunk.length);
      }
      this.received.set(mail.id, mail);
    }
  }

  /**
   * The other end was started again: takes what the old one posted, then posts everything unreleased over the new port.
   */
  reattach(port: MessagePort, headPosition: number): void {
    this.drain();
    this.port.close();
    this.port = port;
    port.unref();
    this.forgetReleased(headPosition);
    for (const entry of this.sent) port.postMessage(entry.mail);
  }

  /** First id for mails of a restarted sender: higher than all ids of its predecessor. */
  startIdsAt(id: number): void {
    this.nextId = id;
  }

  close(): void {
    this.port.close();
  }

  /**
   * Drops the mails whose records the ring has released up to `headPosition`. Called now and then when nothing is sent.
   */
  forgetReleased(headPosition: number): void {
    let n = 0;
    let bytes = 0;
    while (n < this.sent.length && ((headPosition - this.sent[n]!.end) | 0) >= 0) bytes += this.sent[n++]!.bytes;
    if (n === 0) return;
    this.bytesInFlight -= bytes;
    this.sent = this.sent.slice(n);
    noteShared(bytes);
  }
}

function nothing(): void {}
