import { describe, expect, test } from 'vitest';
import { ShardLoop, type ShardParts } from '../../../src/shard/thread/shard-loop.js';
import { Args } from '../../../src/shared/resp/args.js';
import {
  REPLY,
  ReplyView,
  RequestHead,
  readReply,
  writeReply,
  writeRequest,
} from '../../../src/shared/sync/records.js';
import { createRing, RingConsumer, RingProducer } from '../../../src/shared/sync/ring.js';
import { JOB_WORDS, JOBS_MAX } from '../../../src/shared/sync/thread-data.js';

interface Told {
  seq: number;
  close: boolean;
  text?: string;
}

/** One pair whose shard thread died; `die` prepares what it left behind in the memory. */
function scene() {
  const requestRing = createRing(4096);
  const replyRing = createRing(4096);
  const jobTable = new SharedArrayBuffer(JOBS_MAX * JOB_WORDS * 4);
  const requests = new RingProducer(requestRing);
  const args = new Args();
  args.argc = 1;
  const head = Object.assign(new RequestHead(), { connId: 7, clientId: 1 });
  for (head.seq = 0; head.seq < 3; head.seq++) writeRequest(requests, head, args);
  requests.publish();
  const takeOver = (leaseWasHeld: boolean): Told[] => {
    const pair = {
      requests: new RingConsumer(requestRing),
      replies: new RingProducer(replyRing),
      bell: { ring() {} },
    };
    const registry = { route: new Uint8Array(1), facts: new Uint32Array(1), flags: new Uint32Array(1), defs: [] };
    const port = { log() {} };
    const block = { claims: () => new Int32Array(8) };
    const executor = { outbox: null, scripts: null, blocking: {}, tellLost() {} };
    const loop = new ShardLoop({ pairs: [pair], jobTable, registry, port, block, executor } as unknown as ShardParts);
    loop.takeOver(leaseWasHeld);
    const replies = new RingConsumer(replyRing);
    const view = new ReplyView();
    const out: Told[] = [];
    for (let at = replies.peek(); at >= 0; at = replies.peek()) {
      readReply(replies, at, view);
      const reply: Told = { seq: view.seq, close: (view.flags & REPLY.CLOSE) !== 0 };
      if (view.length > 5) reply.text = Buffer.from(view.u8.buffer, view.start, view.length).toString();
      out.push(reply);
      replies.advance();
    }
    return out;
  };
  /** The sequence number of the request that the successor runs first. */
  const nextSeq = (): number => {
    const ring = new RingConsumer(requestRing);
    return ring.i32[(ring.peek() >> 2) + 1]!;
  };
  const old = { requests: new RingConsumer(requestRing), replies: new RingProducer(replyRing) };
  old.requests.peek();
  /** A further thread takes the first request up; it dies then. */
  const die = (): RingConsumer => {
    const next = new RingConsumer(requestRing);
    next.peek();
    next.takeUp();
    return next;
  };
  return { old, jobTable, takeOver, nextSeq, die };
}

describe('the successor of a shard thread', () => {
  test('runs the request again at which its predecessor had not begun to execute', () => {
    const { old, takeOver, nextSeq } = scene();
    old.requests.begin(old.replies.committedPosition());
    expect(takeOver(false)).toEqual([]);
    expect(nextSeq()).toBe(0);
  });

  test('closes the connection whose request may have taken effect', () => {
    const { old, takeOver, nextSeq } = scene();
    old.requests.begin(old.replies.committedPosition());
    expect(takeOver(true)).toEqual([{ seq: 0, close: true }]);
    expect(nextSeq()).toBe(1);
  });

  test('closes the connection whose request was executed, also without a lease', () => {
    const { old, takeOver, nextSeq } = scene();
    old.requests.begin(old.replies.committedPosition());
    old.requests.executed();
    expect(takeOver(false)).toEqual([{ seq: 0, close: true }]);
    expect(nextSeq()).toBe(1);
  });

  test('publishes a reply that was committed, once', () => {
    const { old, takeOver, nextSeq } = scene();
    old.requests.begin(old.replies.committedPosition());
    writeReply(old.replies, 7, 0, 0, new Uint8Array(5), 0, 5);
    expect(takeOver(true)).toEqual([{ seq: 0, close: false }]);
    expect(nextSeq()).toBe(1);
  });

  test('does not take its own words to lost jobs for replies of its predecessor', () => {
    const { old, jobTable, takeOver, nextSeq } = scene();
    new Int32Array(jobTable).set([1, 0, 8, 5, 0, 2, 0, 9, 6, old.replies.committedPosition()]);
    old.requests.begin(old.replies.committedPosition());
    expect(takeOver(true)).toEqual([
      { seq: 5, close: true },
      { seq: 6, close: true },
      { seq: 0, close: true },
    ]);
    expect(nextSeq()).toBe(1);
  });

  test('does not begin a job again that is in the table already', () => {
    const { old, jobTable, takeOver, nextSeq } = scene();
    new Int32Array(jobTable).set([1, 0, 7, 0, 0]);
    expect(old.requests.interrupted).toBe(false);
    expect(takeOver(false)).toEqual([{ seq: 0, close: true }]);
    expect(nextSeq()).toBe(1);
  });

  test('#11 runs a request again that was at hand when a thread died, but not after a second death', () => {
    const { old, takeOver, nextSeq, die } = scene();
    old.requests.takeUp();
    expect(takeOver(false)).toEqual([]);
    expect(nextSeq()).toBe(0);
    die();
    expect(takeOver(false)).toEqual([{ seq: 0, close: true, text: expect.stringMatching(/^-ERR .*ended the thread/) }]);
    expect(nextSeq()).toBe(1);
  });

  test('#11 does not blame a request that was put off, nor one behind that which was at hand', () => {
    const { old, takeOver, nextSeq, die } = scene();
    for (let round = 0; round < 3; round++) {
      old.requests.takeUp();
      old.requests.putOff();
      expect(takeOver(false)).toEqual([]);
    }
    for (let seq = 0; seq < 3; seq++) {
      const next = die();
      expect(takeOver(false)).toEqual([]);
      expect(nextSeq()).toBe(seq);
      next.advance();
    }
  });
});
