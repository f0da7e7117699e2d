/**
 * Refuses the requests that wait in the rings of a shard's thread while its script runs for too long: each gets the
 * -BUSY error. Later requests get the same error from their I/O thread. Called by the script's hook, on the shard's
 * thread, in the middle of the script's request.
 *
 * A refused record is answered before its turn and marked; the loop later passes over marked records.
 *
 * Invariants: (1) nothing is read or written but rings: the script may be in the middle of anything; (2) what follows
 * the script on its own connection waits for it, as does a transaction, which is past MULTI; (3) a refused mail stays
 * in its box until the loop passes over its record; (4) the mark of the script's request (RingConsumer.begin) is the
 * end of its reply ring, as in the loop.
 */
import { FACT_INTERNAL, FLAG_ALLOW_BUSY } from '../../shared/command/flags.js';
import type { Registry } from '../../shared/command/registry.js';
import { markAnswered, RequestView, readRequestHead, writeReply } from '../../shared/sync/records.js';
import type { ShardPair } from './shard-loop.js';

export class BusyRefusal {
  private readonly pairs: readonly ShardPair[];
  /** By command id: 1 when it is refused. */
  private readonly refusable: Uint8Array;
  private readonly count: (cmdId: number, line: Uint8Array) => void;
  private readonly view = new RequestView();

  /** `count` is told of each refusal. */
  constructor(pairs: readonly ShardPair[], registry: Registry, count: (cmdId: number, line: Uint8Array) => void) {
    this.pairs = pairs;
    this.count = count;
    // What I/O threads send on their own account is not refused.
    this.refusable = Uint8Array.from(registry.facts, (facts, id) =>
      (facts & FACT_INTERNAL) === 0 && (registry.flags[id]! & FLAG_ALLOW_BUSY) === 0 ? 1 : 0,
    );
  }

  /**
   * Answers what waits with `line`. The script's request is the one in progress in the ring of `io`, from connection
   * `connId`.
   */
  refuse(io: number, connId: number, line: Uint8Array): void {
    for (let i = 0; i < this.pairs.length; i++) this.refuseOf(i, i === io, connId, line);
  }

  private refuseOf(io: number, isScripts: boolean, connId: number, line: Uint8Array): void {
    const { requests, replies, bell } = this.pairs[io]!;
    const { view } = this;
    requests.lookAhead(isScripts);
    for (let offset = requests.peekAhead(); offset >= 0; offset = requests.peekAhead()) {
      readRequestHead(requests, offset, view);
      const { cmdId } = view;
      const ownOfScript = isScripts && view.connId === connId;
      if (cmdId >= 0 && this.refusable[cmdId] === 1 && !ownOfScript) {
        // Full: the next call goes on here.
        if (!writeReply(replies, view.connId, view.seq, 0, line, 0, line.length)) break;
        markAnswered(requests, offset);
        this.count(cmdId, line);
        if (isScripts) requests.begin(replies.committedPosition());
      }
      requests.passAhead();
    }
    if (replies.publish()) bell.ring();
  }
}
