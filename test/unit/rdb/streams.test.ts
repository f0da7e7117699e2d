/** The codec of streams against a live redis-server, and against damaged dumps, by way of a model of plain objects. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  RDB_STREAM_LISTPACKS,
  RDB_STREAM_LISTPACKS_2,
  RDB_STREAM_LISTPACKS_3,
} from '../../../src/shard/rdb/rdb-format.js';
import { BAD_DATA, RdbReader } from '../../../src/shard/rdb/rdb-reader.js';
import { RdbWriter } from '../../../src/shard/rdb/rdb-writer.js';
import { readStream, streamForm, writeStream } from '../../../src/shard/types/stream/stream-codec.js';
import { SeededRandom, seedFrom } from '../../harness/random.js';
import type { RespClient } from '../../harness/resp-client.js';
import { REDIS_AVAILABLE, startRedis, type TestServer } from '../../harness/servers.js';
import { int64, length, listpack, payload, str } from './old-forms.js';
import { PlainStream, setId } from './plain-stream.js';
import { STREAMS } from './values.js';

function read(form: number, body: Uint8Array): PlainStream {
  const bytes = Uint8Array.from(body);
  const reader = new RdbReader().open(bytes, new DataView(bytes.buffer), 0, bytes.length);
  const stream = new PlainStream();
  readStream(stream, form, reader);
  expect(reader.atEnd).toBe(true);
  return stream;
}

function write(stream: PlainStream, form: number): Buffer {
  const writer = new RdbWriter();
  writeStream(writer, stream, form);
  const out = Buffer.alloc(writer.byteLength);
  writer.copyTo(out, 0);
  return out;
}

function id(ms: number, seq: number): Buffer {
  const out = Buffer.alloc(16);
  out.writeBigUInt64BE(BigInt(ms));
  out.writeBigUInt64BE(BigInt(seq), 8);
  return out;
}

/** Two live entries and a deleted one; the last has fields of its own. */
const ITEMS = [2, 1, 2, 'a', 'b', 0, 2, 0, 0, 'one', 1, 5, 3, 0, 1, 'two', 2, 5, 0, 5, -1, 1, 'c', 'three', 6];
const NODE = listpack(ITEMS);
const FIGURES = [length(2), length(15), length(1)];

function stream5(...groups: Buffer[]): Buffer {
  const nodes = [length(1), str(id(10, 2)), str(NODE)];
  return Buffer.concat([...nodes, ...FIGURES, length(groups.length), ...groups]);
}

const pel = (...ids: number[]) =>
  Buffer.concat(ids.map((ms) => Buffer.concat([id(ms, 0), int64(1_700_000_000_000), length(3)])));
const group = (name: string, global: number[], consumers: [string, number[]][]) =>
  Buffer.concat([
    ...[str(name), length(10), length(2), length(global.length), pel(...global), length(consumers.length)],
    ...consumers.map(([consumer, own]) =>
      Buffer.concat([str(consumer), int64(1_600_000_000_000), length(own.length), ...own.map((ms) => id(ms, 0))]),
    ),
  ]);

describe('streams', () => {
  test('of 5.0 are read', () => {
    const stream = read(RDB_STREAM_LISTPACKS, stream5(group('g', [10, 15], [['c', [15, 10]]]), group('h', [], [])));
    expect(stream.entries).toEqual([
      ['10-2', ['a', 'one', 'b', '1']],
      ['15-1', ['c', 'three']],
    ]);
    expect(stream.groupList.map(({ name, read: offset }) => [name.toString(), offset])).toEqual([
      ['g', [-1, -1]],
      ['h', [-1, -1]],
    ]);
    expect(stream.groupList[0]!.consumers[0]).toMatchObject({
      activeAtMs: 1_600_000_000_000,
      pending: ['15-0', '10-0'],
    });
    for (const form of [RDB_STREAM_LISTPACKS_2, RDB_STREAM_LISTPACKS_3]) {
      const again = read(form, write(read(RDB_STREAM_LISTPACKS, stream5(group('g', [10], [['c', [10]]]))), form));
      expect(again.entries).toEqual(stream.entries);
      expect(again.groupList[0]!.read).toEqual([-1, -1]);
      expect(again.figures.added).toEqual({ hi: 0, lo: 2 });
    }
    expect([streamForm(10), streamForm(12)]).toEqual([RDB_STREAM_LISTPACKS_2, RDB_STREAM_LISTPACKS_3]);
  });

  const change = (at: number, ...items: (string | number)[]) => {
    const node = listpack([...ITEMS.slice(0, at), ...items, ...ITEMS.slice(at + items.length)]);
    return Buffer.concat([length(1), str(id(10, 2)), str(node), ...FIGURES, length(0)]);
  };

  test.each<[string, Buffer]>([
    ['fewer live entries than the node says', change(0, 3)],
    ['other deleted entries than the node says', change(1, 0)],
    ['no fields', change(2, 0)],
    ['more fields than there are entries', change(2, 1_000_000)],
    ['a master entry that does not end', change(5, 1)],
    ['unknown flags', change(6, 8)],
    ['an id that is text', change(7, 'x')],
    ['an id below zero', change(7, -11)],
    ['ids that do not ascend', change(13, -3)],
    ['equal ids', change(13, 0, 0)],
    ['a count of listpack entries that lies', change(11, 6)],
    ['negative fields', change(21, -1)],
    ['a node without entries', Buffer.concat([length(1), str(id(10, 2)), str(listpack([])), ...FIGURES, length(0)])],
    ['a short id', Buffer.concat([length(1), str(id(10, 2).subarray(1)), str(NODE), ...FIGURES, length(0)])],
    [
      'the same node twice',
      Buffer.concat([length(2), ...[1, 2].flatMap(() => [str(id(10, 2)), str(NODE)]), ...FIGURES, length(0)]),
    ],
    [
      'another length',
      Buffer.concat([length(1), str(id(10, 2)), str(NODE), length(3), ...FIGURES.slice(1), length(0)]),
    ],
    [
      'a last id below the last entry',
      Buffer.concat([length(1), str(id(10, 2)), str(NODE), length(2), length(15), length(0), length(0)]),
    ],
    ['a length without entries', Buffer.concat([length(0), length(1), length(1), length(1), length(0)])],
    ['a group twice', stream5(group('g', [], []), group('g', [], []))],
    [
      'a consumer twice',
      stream5(
        group(
          'g',
          [],
          [
            ['c', []],
            ['c', []],
          ],
        ),
      ),
    ],
    ['a pending entry twice', stream5(group('g', [10, 10], [['c', [10]]]))],
    ['a pending entry without an owner', stream5(group('g', [10, 15], [['c', [10]]]))],
    [
      'a pending entry with two owners',
      stream5(
        group(
          'g',
          [10],
          [
            ['c', [10]],
            ['d', [10]],
          ],
        ),
      ),
    ],
    ['an owned entry that is not pending', stream5(group('g', [10], [['c', [10, 15]]]))],
    ['a dump that ends early', stream5(group('g', [10], [['c', [10]]])).subarray(0, -5)],
  ])('with %s are refused', (_what, body) => {
    expect(() => read(RDB_STREAM_LISTPACKS, body)).toThrow(BAD_DATA);
  });

  test('ids are compared as unsigned numbers of 128 bits', () => {
    const [a, b] = [new PlainStream().nodeId, new PlainStream().nodeId];
    const ordered = ['0-0', '0-1', '0-4294967296', '0-18446744073709551615', '1-0', '9223372036854775808-0'];
    for (let i = 0; i < ordered.length; i++) {
      for (let k = 0; k < ordered.length; k++) {
        setId(a, ordered[i]!);
        setId(b, ordered[k]!);
        expect(Math.sign(a.compare(b))).toBe(Math.sign(i - k));
      }
    }
  });
});

/** XINFO STREAM FULL but for what depends on the moment. */
function stable(reply: Buffer): string {
  return reply.toString('latin1').replace(/(seen-time|radix-tree-keys|radix-tree-nodes)\r\n:\d+\r\n/g, '$1');
}

describe.skipIf(!REDIS_AVAILABLE)('streams of a live redis-server', () => {
  let server: TestServer;
  let redis: RespClient;
  const dumps = new Map<string, Buffer>();
  beforeAll(async () => {
    server = await startRedis();
    redis = await server.client();
    for (const { name, commands } of STREAMS) {
      for (const command of commands) await redis.ok(...command);
      const reply = await redis.raw('DUMP', name);
      dumps.set(name, Buffer.from(reply.subarray(reply.indexOf(10) + 1, reply.length - 2)));
    }
  });
  afterAll(() => server?.stop());

  test.each(STREAMS.map(({ name }) => name))('%s is read, and written back', async (name) => {
    const bytes = dumps.get(name)!;
    const stream = read(bytes[0]!, bytes.subarray(1, bytes.length - 10));
    expect(stream.entries).toEqual(await redis.ok('XRANGE', name, '-', '+'));
    const body = Buffer.concat([Buffer.from([RDB_STREAM_LISTPACKS_2]), write(stream, RDB_STREAM_LISTPACKS_2)]);
    expect(await redis.call('RESTORE', `copy:${name}`, 0, payload(body), 'REPLACE')).toBe('OK');
    const [info, copy] = await redis.pipelineRaw(
      [name, `copy:${name}`].map((k) => ['XINFO', 'STREAM', k, 'FULL', 'COUNT', 0]),
    );
    expect(stable(copy!)).toBe(stable(info!));
  });

  test('damaged dumps are refused or read, and never do harm', () => {
    const random = new SeededRandom(seedFrom('FUZZ_SEED'));
    for (let run = 0; run < 3000; run++) {
      const bytes = Buffer.from(dumps.get(random.pick(STREAMS).name)!.subarray(1, -10));
      for (let n = random.below(3); n >= 0; n--) bytes[random.below(bytes.length)] = random.below(256);
      const input = Uint8Array.from(bytes);
      const reader = new RdbReader().open(input, new DataView(input.buffer), 0, input.length);
      try {
        readStream(new PlainStream(), random.pick([15, 19, 19, 19, 21]), reader);
      } catch (error) {
        expect(error).toBe(BAD_DATA);
      }
    }
  });
});
