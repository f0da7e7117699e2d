/** Bulletins over the rings between I/O threads: whole, in order, whatever their size and however small the ring. */
import { describe, expect, test } from 'vitest';
import { IoLinks } from '../../../src/main/io/messages/io-links.js';
import { BulletinBuffer, BulletinView, KIND_CHANNEL, readBulletins } from '../../../src/shared/pubsub/bulletin.js';
import { ControlBlock } from '../../../src/shared/sync/control-block.js';
import { createRing } from '../../../src/shared/sync/ring.js';
import { SeededRandom } from '../../harness/random.js';

function linked(ringBytes: number) {
  const control = ControlBlock.create(2, 1);
  const there = createRing(ringBytes);
  const back = createRing(ringBytes);
  const sender = new IoLinks(control, [null, { incoming: back, outgoing: there }]);
  const receiver = new IoLinks(control, [{ incoming: there, outgoing: back }, null]);
  const buffers = [new BulletinBuffer(), new BulletinBuffer()];
  const got: string[] = [];
  const view = new BulletinView();
  const take = (): void => {
    receiver.receive((u8, start, end, fromIo) => {
      expect(fromIo).toBe(0);
      return readBulletins(u8, start, end, view, (v) => {
        const a = Buffer.from(v.u8.slice(v.aOff, v.aOff + v.aLen)).toString('latin1');
        const b = Buffer.from(v.u8.slice(v.bOff, v.bOff + v.bLen)).toString('latin1');
        got.push(`${v.kind} ${v.x} ${v.y} ${a} ${b}`);
      });
    });
  };
  return { sender, buffers, take, got };
}

describe('links between I/O threads', () => {
  test.each([1, 2, 3, 4])('carry bulletins of any size in order (seed %i)', (seed) => {
    const random = new SeededRandom(seed);
    const { sender, buffers, take, got } = linked(4096);
    const sent: string[] = [];
    for (let n = 0; n < 2000; n++) {
      const a = `channel-${n}`;
      const b = 'm'.repeat(random.chance(0.05) ? random.below(30_000) : random.below(100));
      const message = Uint8Array.from(Buffer.from(a + b, 'latin1'));
      buffers[1]!.add(KIND_CHANNEL, n, -n, message, 0, a.length, message, a.length, b.length);
      sent.push(`${KIND_CHANNEL} ${n} ${-n} ${a} ${b}`);
      if (random.chance(0.4)) sender.send(buffers);
      if (random.chance(0.4)) take();
    }
    for (let n = 0; n < 100_000 && (n === 0 || buffers[1]!.bytes > 0); n++) {
      sender.send(buffers);
      take();
    }
    take();
    expect(got).toEqual(sent);
    expect(sender.isBlocked).toBe(false);
  });

  test('say when so much waits that clients should', () => {
    const { sender, buffers, take, got } = linked(4096);
    const big = new Uint8Array(3 << 20);
    buffers[1]!.addOne(KIND_CHANNEL, 0, 0, big);
    sender.send(buffers);
    expect([sender.isBlocked, sender.isCongested]).toEqual([true, true]);
    while (buffers[1]!.bytes > 0) {
      take();
      sender.send(buffers);
    }
    take();
    expect([sender.isBlocked, sender.isCongested]).toEqual([false, false]);
    expect(got).toHaveLength(1);
  });

  test('begin anew with a peer that was started again', () => {
    const { sender, buffers } = linked(4096);
    buffers[1]!.addOne(KIND_CHANNEL, 0, 0, new Uint8Array(100_000));
    sender.send(buffers);
    expect(sender.isBlocked).toBe(true);
    sender.replace(1, createRing(4096), createRing(4096), buffers[1]!);
    expect(buffers[1]!.bytes).toBe(0);
    sender.send(buffers);
    expect(sender.isBlocked).toBe(false);
  });
});
