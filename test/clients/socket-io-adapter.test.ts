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

/** A Socket.IO namespace as far as an adapter looks at it, on one of several servers. */
class FakeNode {
  readonly name = '/chat';
  readonly server = { encoder: { encode: (packet: { data: unknown }) => [packet.data] } };
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
    this.adapter.broadcast({ type: 2, data }, { rooms: new Set(rooms), except: new Set(except), flags: {} });
  }
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

  const KINDS: Record<string, () => Promise<AdapterMaker>> = {
    'classic over ioredis': async () => createAdapter(clients.ioredis(), clients.ioredis()),
    'classic over node-redis': async () => createAdapter(await clients.nodeRedis(), await clients.nodeRedis()),
    'classic, answers to the asker alone': async () =>
      createAdapter(clients.ioredis(), clients.ioredis(), { publishOnSpecificResponseChannel: true }),
    'sharded over node-redis': async () =>
      createShardedAdapter(await clients.nodeRedis(), await clients.nodeRedis()) as AdapterMaker,
  };

  describe.each(Object.keys(KINDS))('%s', (kind) => {
    async function nodes(count: number): Promise<FakeNode[]> {
      const made: FakeNode[] = [];
      for (let i = 0; i < count; i++) made.push(new FakeNode(await KINDS[kind]!()));
      await until('all servers are subscribed', async () => (await made[0]!.adapter.serverCount()) === count);
      return made;
    }
    const closeAll = (all: FakeNode[]): void => {
      for (const node of all) node.adapter.close();
    };

    test('what one server emits reaches the sockets of all, by room, also as bytes', async () => {
      const all = await nodes(3);
      const [a, b, c] = all as [FakeNode, FakeNode, FakeNode];
      const [atA, atB] = [a.addSocket('sa', 'red'), b.addSocket('sb', 'red')];
      const atC = c.addSocket('sc', 'blue');
      const quiet = c.addSocket('sq', 'red');
      const bytes = Buffer.from([0, 255, 13, 10]);
      a.emit('to all');
      b.emit(['to the red', 'ä€'], ['red'], ['sq']);
      c.emit(bytes, ['red', 'blue'], ['sq']);
      c.emit('last');
      await until('the last', async () => [atA, atB, atC, quiet].every((list) => list.includes('last')));
      expect(atA).toEqual(['to all', ['to the red', 'ä€'], bytes, 'last']);
      expect(atB).toEqual(['to all', ['to the red', 'ä€'], bytes, 'last']);
      expect(new Set(atC)).toEqual(new Set(['to all', bytes, 'last']));
      expect(quiet.length).toBe(2);
      closeAll(all);
    });

    test('sockets of all servers are found, put into rooms, taken out and disconnected', async () => {
      const all = await nodes(2);
      const [a, b] = all as [FakeNode, FakeNode];
      a.addSocket('s1', 'red');
      b.addSocket('s2', 'red');
      b.addSocket('s3');
      const ids = async (...rooms: string[]): Promise<string[]> => {
        const found = await a.adapter.fetchSockets({ rooms: new Set(rooms), except: new Set() });
        return found.map((socket: { id: string }) => socket.id).sort();
      };
      expect(await ids('red')).toEqual(['s1', 's2']);
      expect(await ids()).toEqual(['s1', 's2', 's3']);
      a.adapter.addSockets({ rooms: new Set(['s3', 's1']), except: new Set() }, ['green']);
      await until('green', async () => (await ids('green')).length === 2);
      b.adapter.delSockets({ rooms: new Set(['green']), except: new Set(['s3']) }, ['red', 'green']);
      await until('not red', async () => (await ids('red', 'green')).join() === 's2,s3');
      a.adapter.disconnectSockets({ rooms: new Set(['green']), except: new Set() }, true);
      await until('gone', async () => (await ids()).join() === 's1,s2');
      closeAll(all);
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
      closeAll([a, b]);
    });
  });
});
