/**
 * ConnectionInput: however a client's bytes are cut into reads, and wherever the connection must wait, the commands
 * that are run are those that were sent, with the same arguments.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ConnectionInput, SHORT_REST_BYTES } from '../../../src/main/io/request/input.js';
import { Args } from '../../../src/shared/resp/args.js';
import { PARSED, RespParser } from '../../../src/shared/resp/parser.js';

const READ_BYTES = 16 * 1024;

/** A connection as an I/O thread treats it: commands run in the read buffer, or where the long rest is. */
class Client {
  readonly ran: string[][] = [];
  readonly input = new ConnectionInput();
  readonly window = new Uint8Array(SHORT_REST_BYTES + READ_BYTES);
  readonly view = new DataView(this.window.buffer);
  readonly parser = new RespParser();
  readonly args = new Args();
  /** Commands that may still run before the connection waits. */
  budget = Number.POSITIVE_INFINITY;

  read(bytes: Uint8Array): void {
    this.window.set(bytes, SHORT_REST_BYTES);
    const end = SHORT_REST_BYTES + bytes.length;
    if (this.input.parser === null && !this.waits)
      this.runWindow(this.input.putBefore(this.window, SHORT_REST_BYTES), end);
    else this.addInput(end);
  }

  get waits(): boolean {
    return this.budget === 0;
  }

  /** The wait is over. */
  resume(budget: number): void {
    this.budget = budget;
    if (this.input.parser !== null && !this.waits) this.runKept();
  }

  private run(parser: RespParser, args: Args): void {
    while (!this.waits && parser.next(args) === PARSED) {
      this.ran.push(Array.from({ length: args.argc }, (_, i) => args.latin1(i)));
      this.budget--;
      // A large command's memory may become the shard's.
      if (this.input.parser === parser && this.input.canGiveAway && args.argc % 2 === 0) this.input.gaveAway();
    }
  }

  private runWindow(start: number, end: number): void {
    const { parser } = this;
    parser.window(this.window, this.view, start, end);
    this.run(parser, this.args);
    const rest = parser.restStart;
    const missing = parser.missingBytes;
    parser.forget();
    if (rest < end) this.input.keep(this.window, rest, end, this.waits, missing);
  }

  private addInput(end: number): void {
    const { input } = this;
    let at = SHORT_REST_BYTES;
    while (input.parser !== null && !this.waits) {
      const missing = input.missingBytes;
      if (missing === 0 || missing >= end - at) break;
      input.append(this.window, at, at + missing);
      at += missing;
      this.runKept();
    }
    if (input.parser !== null) input.append(this.window, at, end);
    else {
      const start = input.putBefore(this.window, at);
      if (!this.waits) {
        this.runWindow(start, end);
        return;
      }
      input.keep(this.window, start, end, true, 0);
    }
    if (!this.waits) this.runKept();
  }

  private runKept(): void {
    this.run(this.input.parser!, this.input.args!);
    this.input.settle(this.waits);
  }
}

const word = fc.oneof(
  { weight: 40, arbitrary: fc.string({ maxLength: 12 }) },
  { weight: 8, arbitrary: fc.nat(3000).map((n) => 'm'.repeat(n)) },
  { weight: 1, arbitrary: fc.integer({ min: 250_000, max: 300_000 }).map((n) => 'l'.repeat(n)) },
);
const commands = fc.array(fc.array(word, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 25 });
const bytesOf = (words: readonly string[]) =>
  `*${words.length}\r\n${words.map((text) => `$${Buffer.byteLength(text, 'latin1')}\r\n${text}\r\n`).join('')}`;

test('commands are run once each and unchanged, however their bytes come and wherever the connection waits', () => {
  fc.assert(
    fc.property(commands, fc.infiniteStream(fc.nat(1 << 20)), fc.boolean(), (sent, choices, small) => {
      const words = sent.map((command) => command.map((text) => Buffer.from(text, 'latin1').toString('latin1')));
      const stream = Uint8Array.from(Buffer.from(words.map(bytesOf).join(''), 'latin1'));
      const choose = (n: number): number => (choices.next().value as number) % n;
      const client = new Client();
      for (let at = 0; at < stream.length; ) {
        const most = Math.min(stream.length - at, READ_BYTES);
        const n = 1 + choose(small && stream.length < 5000 ? Math.min(most, 40) : most);
        client.read(stream.slice(at, at + n));
        at += n;
        // Nothing is lost: what has come was run or is kept.
        if (client.input.bytes > at) throw new Error('more is kept than has come');
        if (choose(4) === 0) client.resume(choose(3));
      }
      client.resume(Number.POSITIVE_INFINITY);
      expect(client.ran.length).toBe(words.length);
      expect(client.ran.every((command, i) => command.join('\n') === words[i]!.join('\n'))).toBe(true);
      expect(client.input.bytes).toBe(0);
    }),
    { numRuns: 25, seed: 12 },
  );
});

test('a short rest needs no buffer, and memory for a long one follows what has come, not what is promised', () => {
  const client = new Client();
  client.read(Uint8Array.from(Buffer.from('*2\r\n$4\r\nECHO\r\n$500000000\r\nbegin', 'latin1')));
  expect(client.input.parser).toBe(null);
  expect(client.input.capacity).toBeLessThanOrEqual(SHORT_REST_BYTES);
  for (let i = 0; i < 20; i++) client.read(new Uint8Array(READ_BYTES).fill(120));
  const { bytes, capacity } = client.input;
  expect(bytes).toBeGreaterThan(20 * READ_BYTES);
  expect(capacity).toBeLessThan(bytes * 4);
  client.input.drop();
  expect(client.input.bytes).toBe(0);
});
