/**
 * The Redis adapters of Socket.IO (classic and sharded): two or three "servers", each with an adapter over connections
 * of its own; the sockets are stand-ins that write down what they are sent.
 */
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import type { Adapter } from 'socket.io-adapter';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../harness/fsck.js';
import { LibraryClients, SETUPS } from '../harness/library-clients.js';
import { startSherd, type TestServer } from '../harness/servers.js';
import { until } from '../harness/waiting.js';

type AdapterMaker = (namespace: unknown) => Adapter;
interface Pingable {
  ping(): Promise<unknown>;
}

/** A Socket.IO namespace as far as an adapter looks at it, on one of several servers. */
class FakeNode {
  readonly name = '/chat';
  readonly server = { encoder: { encode: (packet: { data: unknown }) => [packet.data] }, opts: {} };
  readonly sockets = new Map<string, unknown>();
  readonly serverEvents: unknown[][] = [];
  readonly adapter: Adapter;
  _ids = 0;

  constructor(make: AdapterMaker) {
    this.adapter = make(this);
  }

  _onServerSideEmit(args: unknown[]): void {
    const last = args.at(-1);
    this.serverEvents.push(args.filter((arg) => typeof arg !== 'function'));
    if (typeof last === 'function') last(`seen by ${[...this.sockets.keys()]}`);
  }

  /** A socket that is in `rooms`; returns the list of what reaches it. */
  addSocket(id: string, ...rooms: string[]): unknown[] {
    const received: unknown[] = [];
    this.sockets.set(id, {
      id,
      handshake: { address: 'nowhere' },
      data: { of: id },
      rooms: new Set([id, ...rooms]),
      acks: new Map(),
      client: { writeToEngine: (packets: unknown[]) => received.push(...packets) },
      join: (names: string | string[]) => this.adapter.addAll(id, new Set([names].flat())),
      leave: (name: string) => this.adapter.del(id, name),
      disconnect: () => {
        this.adapter.delAll(id);
        this.sockets.delete(id);
      },
    });
    this.adapter.addAll(id, new Set([id, ...rooms]));
    return received;
  }

  emit(data: unknown, rooms: string[] = [], except: string[] = []): void {
    this.adapter.broadcast({ type: 2, data }, choice(rooms, except));
  }
}

/** The sockets that are in one of `rooms` (in any when there are none) and in none of `except`. */
function choice(rooms: string[], except: string[] = []) {
  return { rooms: new Set(rooms), except: new Set(except), flags: {} };
}

describe.each(SETUPS)('with $shards shards, --dispatch $dispatch', (setup) => {
  let server: TestServer;
  let clients: LibraryClients;
  beforeAll(async () => {
    server = await startSherd(setup);
    clients = new LibraryClients(server);
  });
  afterEach(() => clients.close());
  afterAll(() => checkAndStop(server));

  // The connections of the adapters of a test.
  let used: Pingable[] = [];
  const use = <C extends Pingable>(...pair: [C, C]): [C, C] => {
    used.push(...pair);
    return pair;
  };
  const overIoredis = () => use(clients.ioredis(), clients.ioredis());
  const overNodeRedis = async () => use(await clients.nodeRedis(), await clients.nodeRedis());

  const KINDS: Record<string, () => Promise<AdapterMaker>> = {
    'classic over ioredis': async () => createAdapter(...overIoredis()),
    'classic over node-redis': async () => createAdapter(...(await overNodeRedis())),
    'classic, answers to the asker alone': async () =>
      createAdapter(...overIoredis(), { publishOnSpecificResponseChannel: true }),
    'sharded over ioredis': async () => createShardedAdapter(...overIoredis()) as AdapterMaker,
    'sharded over node-redis': async () => createShardedAdapter(...(await overNodeRedis())) as AdapterMaker,
  };

  describe.each(Object.keys(KINDS))('%s', (kind) => {
    // What an adapter sent before (it waits for no subscription) has been done when a PING behind it is answered.
    const settled = async (): Promise<void> => void (await Promise.all(used.map((client) => client.ping())));
    async function nodes(count: number): Promise<FakeNode[]> {
      used = [];
      const made: FakeNode[] = [];
      for (let i = 0; i < count; i++) made.push(new FakeNode(await KINDS[kind]!()));
      await settled();
      expect(await made[0]!.adapter.serverCount()).toBe(count);
      return made;
    }
    async function closeAll(all: FakeNode[]): Promise<void> {
      for (const node of all) node.adapter.close();
      await settled();
    }

    test('what one server emits reaches the sockets of all, by room, also as bytes', async () => {
      const all = await nodes(3);
      const [a, b, c] = all as [FakeNode, FakeNode, FakeNode];
      const [atA, atB] = [a.addSocket('sa', 'red'), b.addSocket('sb', 'red')];
      const atC = c.addSocket('sc', 'blue');
      const quiet = c.addSocket('sq', 'red');
      await settled();
      const bytes = Buffer.from([0, 255, 13, 10]);
      a.emit('to all');
      b.emit(['to the red', 'ä€'], ['red'], ['sq']);
      c.emit(bytes, ['red', 'blue'], ['sq']);
      // What servers say at the same time arrives in any order, what one of them says in its own.
      for (const node of all) node.emit('end');
      const ends = (list: unknown[]): number => list.filter((each) => each === 'end').length;
      const lists = [atA, atB, atC, quiet];
      await until('the ends', async () => lists.every((list) => ends(list) === 3));
      const toTheRed = ['to all', ['to the red', 'ä€'], bytes];
      for (const [list, expected] of [
        [atA, toTheRed],
        [atB, toTheRed],
        [atC, ['to all', bytes]],
        [quiet, ['to all']],
      ] as const) {
        expect(list.length).toBe(expected.length + 3);
        expect(list).toEqual(expect.arrayContaining([...expected]));
      }
      await closeAll(all);
    });

    test('sockets of all servers are found, put into rooms, taken out and disconnected', async () => {
      const all = await nodes(2);
      const [a, b] = all as [FakeNode, FakeNode];
      a.addSocket('s1', 'red');
      b.addSocket('s2', 'red');
      b.addSocket('s3');
      const ids = async (...rooms: string[]): Promise<string[]> => {
        const found = await a.adapter.fetchSockets(choice(rooms));
        return found.map((socket: { id: string }) => socket.id).sort();
      };
      expect(await ids('red')).toEqual(['s1', 's2']);
      expect(await ids()).toEqual(['s1', 's2', 's3']);
      a.adapter.addSockets(choice(['s3', 's1']), ['green']);
      await until('green', async () => (await ids('green')).length === 2);
      b.adapter.delSockets(choice(['green'], ['s3']), ['red', 'green']);
      await until('not red', async () => (await ids('red', 'green')).join() === 's2,s3');
      a.adapter.disconnectSockets(choice(['green']), true);
      await until('gone', async () => (await ids()).join() === 's1,s2');
      await closeAll(all);
    });

    test('servers talk to each other and get answers', async () => {
      const all = await nodes(3);
      const [a, b, c] = all as [FakeNode, FakeNode, FakeNode];
      b.addSocket('sb');
      c.addSocket('sc');
      const answers = await new Promise((resolve, reject) =>
        a.adapter.serverSideEmit([
          'who',
          1,
          (error: unknown, replies: unknown) => (error ? reject(error) : resolve(replies)),
        ]),
      );
      expect((answers as string[]).sort()).toEqual(['seen by sb', 'seen by sc']);
      expect([a.serverEvents, b.serverEvents, c.serverEvents]).toEqual([[], [['who', 1]], [['who', 1]]]);
      c.adapter.close();
      await until('one is gone', async () => (await a.adapter.serverCount()) === 2);
      await closeAll([a, b]);
    });
  });
});
