/**
 * What connects the threads of a server: rings and mailboxes between each I/O thread and each shard, rings between I/O
 * threads, what clients are interested in, and the tables of jobs. Main thread.
 *
 * Invariants: (1) each life of a thread gets new mail channels, and both ends are on their way before it runs; (2) a
 * shard keeps its rings over its lives, an I/O thread gets new ones.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { createInterest } from '../../shared/pubsub/interest.js';
import { type ControlBlock, ioThreadId } from '../../shared/sync/control-block.js';
import type { LogLevel } from '../../shared/sync/control-messages.js';
import { RING_LIMITS } from '../../shared/sync/records.js';
import { createRing } from '../../shared/sync/ring.js';
import { JOB_WORDS, JOBS_MAX, type LinkData, type PairData } from '../../shared/sync/thread-data.js';
import { type ControlBus, ThreadGoneError } from './control-bus.js';

/** Ring from one I/O thread to another. */
const LINK_BYTES = 1 << 20;

interface PairRings {
  readonly requestRing: SharedArrayBuffer;
  readonly replyRing: SharedArrayBuffer;
}

interface Peer extends Pick<PairData, 'mail'> {
  readonly peer: number;
  readonly requestRing: SharedArrayBuffer | null;
  readonly replyRing: SharedArrayBuffer | null;
  readonly clientsBefore: number;
}

export class Wiring {
  /** By I/O thread: what its clients are interested in. */
  readonly interests: SharedArrayBuffer[] = [];
  /** By shard. */
  readonly jobTables: SharedArrayBuffer[] = [];
  private readonly block: ControlBlock;
  private readonly bus: ControlBus;
  private readonly log: (level: LogLevel, message: string) => void;
  /** [I/O thread][shard] */
  private readonly rings: PairRings[][] = [];
  /** Rings between I/O threads: [from][to]; none to itself. */
  private readonly links: (SharedArrayBuffer | null)[][] = [];
  /** Ends of mail channels for the next life of a thread: by shard for an I/O thread, by I/O thread for a shard. */
  private readonly ioMail: MessagePort[][] = [];
  private readonly shardMail: MessagePort[][] = [];
  /** By I/O thread: the ids before which clients of earlier lives are gone; 0 in its first life. */
  private readonly clientsBefore: number[] = [];

  constructor(block: ControlBlock, bus: ControlBus, log: (level: LogLevel, message: string) => void) {
    this.block = block;
    this.bus = bus;
    this.log = log;
    const { ioThreads, shards } = block;
    for (let i = 0; i < ioThreads; i++) {
      this.ioMail.push([]);
      this.clientsBefore.push(0);
      this.interests.push(createInterest());
      this.links.push(ioThreads === 1 ? [null] : newLinks(i, ioThreads));
      this.rings.push(Array.from({ length: shards }, newRings));
    }
    for (let s = 0; s < shards; s++) {
      this.shardMail.push([]);
      this.jobTables.push(new SharedArrayBuffer(JOBS_MAX * JOB_WORDS * 4));
    }
  }

  /** Makes the mail channels of all first lives. */
  connect(): void {
    for (const mine of this.ioMail) {
      for (const theirs of this.shardMail) {
        const channel = new MessageChannel();
        mine.push(channel.port1);
        theirs.push(channel.port2);
      }
    }
  }

  /** What the next life of an I/O thread gets: an end of each pair, by shard. Taken once. */
  takePairsOfIo(index: number, generation: number): PairData[] {
    return this.ioMail[index]!.splice(0).map((mail, s) => ({ ...this.rings[index]![s]!, mail, generation }));
  }

  /**
   * Before which ids the clients of I/O threads are gone, by I/O thread; 0: none are. For a shard's thread that may
   * have been dead, or died, when it was told.
   */
  clientsGone(): readonly number[] {
    return this.clientsBefore.slice();
  }

  /** What the next life of a shard's thread gets: an end of each pair, by I/O thread. Taken once. */
  takePairsOfShard(shard: number, generation: number): PairData[] {
    return this.shardMail[shard]!.splice(0).map((mail, i) => ({ ...this.rings[i]![shard]!, mail, generation }));
  }

  /** The rings between an I/O thread and each other one, as the first one sees them; null for itself. */
  linksOf(index: number): (LinkData | null)[] {
    return this.links.map((_, peer) => this.linkOf(index, peer));
  }

  /** New mail channels for the next life of a shard's thread; the I/O threads are told. */
  renewShard(shard: number): void {
    const mail: MessagePort[] = [];
    for (let i = 0; i < this.ioMail.length; i++) {
      const channel = new MessageChannel();
      mail.push(channel.port2);
      const change = { peer: shard, requestRing: null, replyRing: null, mail: channel.port1, clientsBefore: 0 };
      this.tellPair(ioThreadId(i), change);
    }
    this.shardMail[shard] = mail;
  }

  /** New rings and mail channels for the next life of an I/O thread; its peers and the shards are told. */
  renewIo(index: number): void {
    const { block, links } = this;
    for (let peer = 0; peer < links.length; peer++) {
      if (peer === index) continue;
      links[index]![peer] = createRing(LINK_BYTES);
      links[peer]![index] = createRing(LINK_BYTES);
      const change = { peer: index, ...this.linkOf(peer, index)! };
      this.bus.ask(ioThreadId(peer), 'link', change).catch(this.noted);
    }
    const mail: MessagePort[] = [];
    // The successor's clients get higher ids.
    const clientsBefore = block.nextClientId();
    this.clientsBefore[index] = clientsBefore;
    for (let s = 0; s < this.shardMail.length; s++) {
      const rings = newRings();
      this.rings[index]![s] = rings;
      const channel = new MessageChannel();
      mail.push(channel.port1);
      this.tellPair(block.shardThreadId(s), { peer: index, ...rings, mail: channel.port2, clientsBefore });
    }
    this.ioMail[index] = mail;
  }

  private linkOf(index: number, peer: number): LinkData | null {
    const incoming = this.links[peer]![index]!;
    const outgoing = this.links[index]![peer]!;
    return incoming === null || outgoing === null ? null : { incoming, outgoing };
  }

  private tellPair(threadId: number, change: Peer): void {
    this.bus.ask(threadId, 'pair', change, [change.mail]).catch(this.noted);
  }

  /** For asks whose failure stops nothing: the log gets it, unless the thread is gone. */
  private readonly noted = (error: Error): void => {
    if (!(error instanceof ThreadGoneError)) this.log('warning', `a thread failed to answer: ${error.message}`);
  };
}

function newLinks(from: number, ioThreads: number): (SharedArrayBuffer | null)[] {
  return Array.from({ length: ioThreads }, (_, to) => (to === from ? null : createRing(LINK_BYTES)));
}

function newRings(): PairRings {
  return { requestRing: createRing(RING_LIMITS.requestBytes), replyRing: createRing(RING_LIMITS.replyBytes) };
}
