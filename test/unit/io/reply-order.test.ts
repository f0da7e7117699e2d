/**
 * ReplyOrder beside a plain model: shards answer requests in any order, whole, in pieces or in buffers that become
 * ours, and what leaves is every reply that is not muted, once, in the order of the requests.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReplyOrder } from '../../../src/main/io/reply/reply-order.js';
import { Reply } from '../../../src/shared/resp/reply.js';

interface Answer {
  /** Lengths of its pieces; one of them unless the reply is long. */
  readonly pieces: readonly number[];
  readonly isMuted: boolean;
  /** Its pieces come as buffers that become ours. */
  readonly inChunks: boolean;
}

const answer: fc.Arbitrary<Answer> = fc.record({
  pieces: fc.oneof(
    { weight: 4, arbitrary: fc.tuple(fc.nat(60)) },
    { weight: 1, arbitrary: fc.tuple(fc.nat(5000)) },
    { weight: 1, arbitrary: fc.array(fc.nat(300), { minLength: 2, maxLength: 4 }) },
  ),
  isMuted: fc.boolean(),
  inChunks: fc.boolean(),
});

/** A connection as `takeReply` treats it: a reply whose turn it is goes straight to the output. */
class Client {
  readonly order = new ReplyOrder();
  readonly out = new Reply();
  head: number;
  next: number;

  constructor(first: number) {
    this.head = first;
    this.next = first;
  }

  request(isMuted: boolean): number {
    const seq = this.next;
    this.next = (seq + 1) >>> 0;
    this.order.reserve(this.head, this.next, (this.next - this.head) >>> 0);
    if (isMuted) this.order.mute(seq);
    return seq;
  }

  take(seq: number, bytes: Uint8Array, more: boolean, inChunks: boolean): void {
    const { order, out } = this;
    if (seq !== this.head) {
      order.reserve(this.head, this.next, (this.next - this.head) >>> 0);
      if (inChunks) order.holdChunks(seq, more, [bytes]);
      else order.hold(this.head, seq, more, bytes, 0, bytes.length);
      return;
    }
    if (!order.isMuted(seq)) out.raw(bytes, 0, bytes.length);
    else if (!more) order.unmute(seq);
    if (more) return;
    this.head = order.deliver((seq + 1) >>> 0, this.next, out);
  }
}

const textOf = (out: Reply): string => Buffer.concat(out.takeChunks()).toString('latin1');
/** Bytes that say of which piece of which reply they are. */
const pieceOf = (i: number, piece: number, length: number): Uint8Array =>
  Uint8Array.from(Buffer.from(`<${i}.${piece}${'x'.repeat(length)}>`, 'latin1'));

test('replies leave in the order of the requests, each once, whole, and muted ones never', () => {
  fc.assert(
    fc.property(
      fc.array(answer, { minLength: 1, maxLength: 200 }),
      fc.constantFrom(0, 7, 2 ** 32 - 3),
      fc.infiniteStream(fc.nat(1000)),
      (answers, first, choices) => {
        const client = new Client(first);
        const seqs: number[] = [];
        const told = answers.map(() => 0);
        const begun = new Set<number>();
        const step = (): number => choices.next().value as number;
        while (seqs.length < answers.length || begun.size > 0) {
          if (seqs.length < answers.length && (begun.size === 0 || step() % 3 > 0)) {
            begun.add(seqs.length);
            seqs.push(client.request(answers[seqs.length]!.isMuted));
            continue;
          }
          const i = [...begun][step() % begun.size]!;
          const { pieces, inChunks } = answers[i]!;
          const piece = told[i]!++;
          const more = piece < pieces.length - 1;
          client.take(seqs[i]!, pieceOf(i, piece, pieces[piece]!), more, inChunks);
          if (!more) begun.delete(i);
        }
        const expected = answers.flatMap(({ pieces, isMuted }, i) =>
          isMuted ? [] : pieces.map((length, piece) => Buffer.from(pieceOf(i, piece, length)).toString('latin1')),
        );
        expect(textOf(client.out)).toBe(expected.join(''));
        expect(client.head).toBe(client.next);
      },
    ),
    { numRuns: 150, seed: 12 },
  );
});

test('what was sent so far is the longest beginning that has come', () => {
  const client = new Client(2 ** 32 - 2);
  const seqs = Array.from({ length: 100 }, () => client.request(false));
  const bytes = (i: number) => pieceOf(i, 0, 3);
  for (let i = 99; i > 1; i--) client.take(seqs[i]!, bytes(i), false, false);
  expect(client.out.byteLength).toBe(0);
  client.take(seqs[1]!, bytes(1), true, false);
  client.take(seqs[0]!, bytes(0), false, false);
  expect(textOf(client.out)).toBe('<0.0xxx><1.0xxx>');
  expect(client.head).toBe(seqs[1]);
  client.take(seqs[1]!, pieceOf(1, 1, 0), false, false);
  const rest = Array.from({ length: 98 }, (_, i) => Buffer.from(bytes(i + 2)).toString('latin1')).join('');
  expect(textOf(client.out)).toBe(`<1.1>${rest}`);
});
