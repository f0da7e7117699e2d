/** Where long replies lie, and which memory comes back (#11). */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

// The slabs of a thread are module state, and other files of this process leave chunks in theirs: a set for each test.
let slabs: typeof import('../../../src/shared/memory/chunk-slabs.js');
let replies: typeof import('../../../src/shared/resp/reply.js');
beforeEach(async () => {
  vi.resetModules();
  slabs = await import('../../../src/shared/memory/chunk-slabs.js');
  replies = await import('../../../src/shared/resp/reply.js');
});
const takeSlabChunk = (isShared: boolean): Uint8Array => slabs.takeSlabChunk(isShared);
const giveSlabChunk = (chunk: Uint8Array): void => slabs.giveSlabChunk(chunk);
const isInSlab = (chunk: Uint8Array): boolean => slabs.isInSlab(chunk);
const dropFreeSlabs = (): void => slabs.dropFreeSlabs();

/** Nothing is taken between two looks. */
const dropAll = (): void => {
  dropFreeSlabs();
  dropFreeSlabs();
};
afterEach(dropAll);

test('#11: only chunks for other threads lie in shared memory', () => {
  const [shared, own] = [takeSlabChunk(true), takeSlabChunk(false)];
  expect(shared.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(own.buffer).toBeInstanceOf(ArrayBuffer);
  for (const chunk of [shared, own]) {
    expect(isInSlab(chunk)).toBe(true);
    giveSlabChunk(chunk);
  }
});

test.each([true, false])('#11: the chunk given back is the next one taken, shared: %s', (isShared) => {
  const chunks = Array.from({ length: 200 }, () => takeSlabChunk(isShared));
  expect(new Set(chunks.map((chunk) => chunk.buffer)).size).toBe(2);
  giveSlabChunk(chunks[3]!.subarray(0, 10));
  const again = takeSlabChunk(isShared);
  expect([again.buffer, again.byteOffset]).toEqual([chunks[3]!.buffer, chunks[3]!.byteOffset]);
  for (const chunk of chunks) giveSlabChunk(chunk);
});

test.each([true, false])('#11: a slab goes when it was not used for a second, shared: %s', (isShared) => {
  const chunk = takeSlabChunk(isShared);
  dropAll();
  const second = takeSlabChunk(isShared);
  expect(second.buffer).toBe(chunk.buffer);
  giveSlabChunk(chunk);
  giveSlabChunk(second);
  dropFreeSlabs();
  const third = takeSlabChunk(isShared);
  expect(third.buffer).toBe(chunk.buffer);
  giveSlabChunk(third);
  dropAll();
  const fourth = takeSlabChunk(isShared);
  expect(fourth.buffer).not.toBe(chunk.buffer);
  giveSlabChunk(fourth);
});

const value = new Uint8Array(60_000).fill(118);
/** A reply of several chunks. */
const fill = (reply: import('../../../src/shared/resp/reply.js').Reply): void => {
  for (let i = 0; i < 6; i++) reply.bulk(value, 0, value.length);
};

test('#11: a reply whose chunks have been sent goes on in the buffer that had grown', () => {
  const reply = new replies.Reply();
  reply.slabs = true;
  reply.isOwn = true;
  fill(reply);
  const chunks = reply.takeAll() as Uint8Array[];
  expect(chunks.length).toBe(2);
  expect(chunks.map(isInSlab)).toEqual([false, true]);
  for (const chunk of chunks) giveSlabChunk(chunk);
  expect(reply.u8.length).toBeLessThan(replies.CHUNK_BYTES_MAX);
  reply.takeBack();
  expect(reply.u8.buffer).toBe(chunks[0]!.buffer);
  reply.ok();
  expect(Buffer.from(reply.takeChunks()[0]!).toString()).toBe('+OK\r\n');
});

test('#11: bytes that others may have, too, are never taken back', () => {
  const others = new Uint8Array(100_000);
  const reply = new replies.Reply();
  reply.rawChunk(others);
  fill(reply);
  reply.takeAll();
  reply.takeBack();
  expect(reply.u8.buffer).not.toBe(others.buffer);
  // Nor what is still being sent when the writer goes to somebody else.
  const sent = new replies.Reply();
  fill(sent);
  const [first] = sent.takeAll() as Uint8Array[];
  sent.reset();
  sent.takeBack();
  expect(sent.u8.buffer).not.toBe(first!.buffer);
});
