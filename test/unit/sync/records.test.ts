import { MessageChannel } from 'node:worker_threads';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { Args } from '../../../src/shared/resp/args.js';
import { MAIL_BYTES_MAX, Mailbox } from '../../../src/shared/sync/mailbox.js';
import {
  finishRequest,
  REPLY,
  ReplyView,
  RequestHead,
  RequestView,
  readReply,
  readRequest,
  writeReply,
  writeReplyChunks,
  writeRequest,
  writeRequestGiven,
} from '../../../src/shared/sync/records.js';
import { createRing, RingConsumer, RingProducer } from '../../../src/shared/sync/ring.js';

const boxes: Mailbox[] = [];
afterEach(() => {
  for (const box of boxes.splice(0)) box.close();
});

function pair(capacity: number) {
  const { port1, port2 } = new MessageChannel();
  const near = new Mailbox(port1);
  const far = new Mailbox(port2);
  boxes.push(near, far);
  const sab = createRing(capacity);
  return { sab, near, far, producer: new RingProducer(sab, near), consumer: new RingConsumer(sab, far) };
}

function argsOf(parts: Uint8Array[], shared = false): Args {
  const total = parts.reduce((sum, part) => sum + part.length, 0);
  const u8 = new Uint8Array(shared ? new SharedArrayBuffer(total) : new ArrayBuffer(total));
  const args = new Args();
  args.reserve(parts.length);
  args.setBuffer(u8, new DataView(u8.buffer));
  args.argc = parts.length;
  let at = 0;
  parts.forEach((part, i) => {
    u8.set(part, at);
    args.off[i] = at;
    args.len[i] = part.length;
    at += part.length;
  });
  return args;
}

function argsBack(args: Args): Uint8Array[] {
  return Array.from({ length: args.argc }, (_, i) => new Uint8Array(args.copy(i)));
}

const headOf = (fields: Partial<RequestHead>): RequestHead => Object.assign(new RequestHead(), fields);

const bytes = (n: number, seed = 1): Uint8Array => Uint8Array.from({ length: n }, (_, i) => (i * 7 + seed) & 255);

describe('records', () => {
  test('requests come out as they went in, small ones in the ring and big ones by mail', () => {
    const { producer, consumer } = pair(4096);
    const view = new RequestView();
    const sizes = fc.array(fc.oneof({ weight: 9, arbitrary: fc.nat(80) }, { weight: 1, arbitrary: fc.nat(5000) }), {
      minLength: 1,
      maxLength: 90,
    });
    fc.assert(
      fc.property(sizes, fc.nat(0xffffffff), fc.nat(15), fc.boolean(), (lengths, seq, db, resp3) => {
        const parts = lengths.map((n, i) => bytes(n, i));
        const proto = resp3 ? 3 : 2;
        expect(
          writeRequest(
            producer,
            headOf({
              connId: 5,
              seq: seq,
              cmdId: 77,
              db: db,
              proto: proto,
              clientFlags: 9,
              clientId: 2 ** 40 + 1,
              info: -3,
            }),
            argsOf(parts),
          ),
        ).toBe(true);
        producer.publish();
        expect(readRequest(consumer, consumer.peek(), view)).toBe(true);
        expect(view).toMatchObject({
          connId: 5,
          seq,
          cmdId: 77,
          db,
          proto,
          clientFlags: 9,
          clientId: 2 ** 40 + 1,
          info: -3,
        });
        expect(argsBack(view.args)).toEqual(parts);
        consumer.advance();
        consumer.release();
      }),
      { numRuns: 100 },
    );
  });

  test('a big request whose buffer is given away is not copied', () => {
    const { producer, consumer } = pair(4096);
    const parts = [bytes(3), bytes(100_000)];
    const args = argsOf(parts, true);
    expect(
      writeRequestGiven(
        producer,
        headOf({ connId: 1, seq: 2, cmdId: 3, db: 0, proto: 2, clientFlags: 0, clientId: 4 }),
        args,
      ),
    ).toBe(true);
    producer.publish();
    const view = new RequestView();
    readRequest(consumer, consumer.peek(), view);
    args.u8[3] = 99;
    expect(view.args.u8[view.args.off[1]!]).toBe(99);
  });

  test('replies come out as they went in, in one piece, in chunks, and by mail', () => {
    const { producer, consumer } = pair(4096);
    const view = new ReplyView();
    const take = (): Uint8Array => {
      producer.publish();
      expect(readReply(consumer, consumer.peek(), view)).toBe(true);
      const chunks = view.chunks ?? [view.u8.slice(view.start, view.start + view.length)];
      const out = new Uint8Array(Buffer.concat(chunks as Uint8Array[]));
      consumer.advance();
      consumer.release();
      return out;
    };
    expect(writeReply(producer, 9, 4_000_000_000, REPLY.CLOSE, bytes(50), 10, 20)).toBe(true);
    expect(take()).toEqual(bytes(50).slice(10, 30));
    expect(view).toMatchObject({ connId: 9, seq: 4_000_000_000, flags: REPLY.CLOSE });
    expect(writeReplyChunks(producer, 9, 2, 0, [bytes(30), bytes(40, 5)])).toBe(true);
    expect(take()).toEqual(Uint8Array.from([...bytes(30), ...bytes(40, 5)]));
    expect(writeReplyChunks(producer, 9, 3, 0, [bytes(3000), bytes(4000, 5)])).toBe(true);
    expect(take()).toEqual(Uint8Array.from([...bytes(3000), ...bytes(4000, 5)]));
    expect(view.chunks).toHaveLength(2);
    expect(writeReply(producer, 9, 4, 0, bytes(9000), 0, 9000)).toBe(true);
    expect(take()).toEqual(bytes(9000));
    expect(writeReply(producer, 9, 5, 0, bytes(0), 0, 0)).toBe(true);
    expect(take()).toHaveLength(0);
  });

  test('a full ring or mailbox is refused and told to the consumer; a single mail may be of any size', () => {
    const { producer, consumer } = pair(1024);
    const one = argsOf([new Uint8Array(MAIL_BYTES_MAX + 1)], true);
    const small = argsOf([bytes(2000)]);
    const view = new RequestView();
    expect(
      writeRequestGiven(
        producer,
        headOf({ connId: 1, seq: 1, cmdId: 1, db: 0, proto: 2, clientFlags: 0, clientId: 1 }),
        one,
      ),
    ).toBe(true);
    expect(
      writeRequest(
        producer,
        headOf({ connId: 1, seq: 2, cmdId: 1, db: 0, proto: 2, clientFlags: 0, clientId: 1 }),
        small,
      ),
    ).toBe(false);
    producer.publish();
    expect(readRequest(consumer, consumer.peek(), view)).toBe(true);
    consumer.advance();
    expect(consumer.release()).toBe(true);
    expect(
      writeRequest(
        producer,
        headOf({ connId: 1, seq: 2, cmdId: 1, db: 0, proto: 2, clientFlags: 0, clientId: 1 }),
        small,
      ),
    ).toBe(true);
    let written = 0;
    while (
      writeRequest(
        producer,
        headOf({ connId: 1, seq: 3, cmdId: 1, db: 0, proto: 2, clientFlags: 0, clientId: 1 }),
        argsOf([bytes(50)]),
      )
    )
      written++;
    expect(written).toBeGreaterThan(5);
  });

  test('a receiver that was started again gets every mail that was not released', () => {
    const { sab, near, producer, consumer } = pair(4096);
    const view = new RequestView();
    for (let i = 0; i < 4; i++)
      writeRequest(
        producer,
        headOf({ connId: i, seq: i, cmdId: 1, db: 0, proto: 2, clientFlags: 0, clientId: 1 }),
        argsOf([bytes(2000, i)]),
      );
    producer.publish();
    // The first receiver takes all mails off the port, carries out one request, and dies.
    readRequest(consumer, consumer.peek(), view);
    consumer.advance();
    const { port1, port2 } = new MessageChannel();
    const successor = new Mailbox(port2);
    boxes.push(successor);
    near.reattach(port1, producer.headPosition());
    const again = new RingConsumer(sab, successor);
    for (let i = 1; i < 4; i++) {
      expect(readRequest(again, again.peek(), view)).toBe(true);
      expect(argsBack(view.args)).toEqual([bytes(2000, i)]);
      again.advance();
    }
    expect(again.peek()).toBe(-1);
  });

  test('a reader of a mail that is nowhere is told so', () => {
    const { sab, producer } = pair(4096);
    writeRequest(
      producer,
      headOf({ connId: 3, seq: 4, cmdId: 1, db: 0, proto: 2, clientFlags: 0, clientId: 1 }),
      argsOf([bytes(2000)]),
    );
    producer.publish();
    const { port2 } = new MessageChannel();
    const stranger = new Mailbox(port2);
    boxes.push(stranger);
    const consumer = new RingConsumer(sab, stranger);
    const view = new RequestView();
    expect(readRequest(consumer, consumer.peek(), view)).toBe(false);
    expect(view).toMatchObject({ connId: 3, seq: 4 });
  });

  test('#11 a big request can be read again until it is finished, and leaves nothing in the box then', () => {
    const { producer, consumer, far } = pair(4096);
    const view = new RequestView();
    const sent = [1, 2].map((seed) => bytes(5000, seed));
    sent.forEach((part, seq) => {
      expect(
        writeRequest(
          producer,
          headOf({ connId: 1, seq: seq, cmdId: 0, db: 0, proto: 2, clientFlags: 0, clientId: 1 }),
          argsOf([part]),
        ),
      ).toBe(true);
    });
    producer.publish();
    for (let seq = 0; seq < 2; seq++) {
      for (let time = 0; time < 3; time++) {
        expect(readRequest(consumer, consumer.peek(), view)).toBe(true);
        expect(argsBack(view.args)).toEqual([sent[seq]]);
      }
      finishRequest(consumer, view);
      expect(far.look(view.mail)).toBe(null);
    }
    expect(consumer.peek()).toBe(-1);
  });
});
