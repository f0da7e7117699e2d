/** connect-redis: the session store, by itself and under express-session, shared by two "web servers". */
import { EventEmitter } from 'node:events';
import { RedisStore } from 'connect-redis';
// @ts-expect-error The package has no types, and its own are not wanted for one test.
import session from 'express-session';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../harness/fsck.js';
import { LibraryClients, ONE_SETUP } from '../harness/library-clients.js';
import { startSherd, type TestServer } from '../harness/servers.js';

type Session = Record<string, unknown> & { cookie: object };

describe.each(ONE_SETUP)('with $shards shards, --dispatch $dispatch', (setup) => {
  let server: TestServer;
  let clients: LibraryClients;
  beforeAll(async () => {
    server = await startSherd(setup);
    clients = new LibraryClients(server);
  });
  afterEach(async () => {
    await clients.ioredis().flushall();
    clients.close();
  });
  afterAll(() => checkAndStop(server));

  const store = async (options = {}): Promise<RedisStore> =>
    new RedisStore({ client: await clients.nodeRedis(), prefix: 'app:', scanCount: 10, ...options });
  const user = (name: string): Session => ({ cookie: {}, name });

  test('a session that one server saves is seen, touched and destroyed by another', async () => {
    const [a, b] = await Promise.all([store({ ttl: 1000 }), store({ ttl: 5000 })]);
    const redis = clients.ioredis();
    await a.set('sid', user('Ada') as never);
    expect(await b.get('sid')).toEqual(user('Ada'));
    expect(await redis.ttl('app:sid')).toBeGreaterThan(990);
    await b.touch('sid', user('Ada') as never);
    expect(await redis.ttl('app:sid')).toBeGreaterThan(4990);
    await b.destroy('sid');
    expect(await a.get('sid')).toBe(null);
    const expires = { cookie: { expires: new Date(Date.now() + 90_000) } };
    await a.set('dated', expires as never);
    expect(await redis.ttl('app:dated')).toBeLessThanOrEqual(90);
    await a.set('dated', { cookie: { expires: new Date(Date.now() - 1000) } } as never);
    expect(await redis.exists('app:dated')).toBe(0);
  });

  test('hundreds of sessions are counted, listed and cleared, and nothing else is', async () => {
    const [a, b] = await Promise.all([store(), store()]);
    await clients.ioredis().mset({ other: '1', 'ap:x': '2' });
    const ids = Array.from({ length: 300 }, (_, i) => `s${i}`);
    await Promise.all(ids.map((id, i) => (i % 2 ? a : b).set(id, user(id) as never)));
    expect(await a.length()).toBe(300);
    expect((await b.ids()).sort()).toEqual([...ids].sort());
    const all = (await b.all()) as { id: string; name: string }[];
    expect(all.length).toBe(300);
    expect(all.every((each) => each.id === each.name)).toBe(true);
    await a.clear();
    expect(await b.length()).toBe(0);
    expect(await b.all()).toEqual([]);
    expect(await clients.ioredis().dbsize()).toBe(2);
  });

  test('express-session carries a visitor from one server to another', async () => {
    const handler = async () => session({ store: await store(), secret: 'x', resave: false, saveUninitialized: false });
    const [first, second] = await Promise.all([handler(), handler()]);
    const visited = await visit(first, undefined, (sess) => {
      sess.visits = 1;
    });
    expect(visited.cookie).toMatch(/^connect\.sid=/);
    let seen: unknown;
    await visit(second, visited.cookie, (sess) => {
      seen = sess.visits;
      sess.visits = 2;
    });
    expect(seen).toBe(1);
    await visit(first, visited.cookie, (sess) => {
      seen = sess.visits;
    });
    expect(seen).toBe(2);
  });
});

type Middleware = (request: object, response: object, next: (error?: unknown) => void) => void;

/** One request with a session; resolves when the response has ended, with the cookie that was set. */
function visit(
  middleware: Middleware,
  cookie: string | undefined,
  work: (session: Session) => void,
): Promise<{ cookie: string | undefined }> {
  const request = { headers: { cookie }, url: '/', originalUrl: '/', connection: {} } as { session?: Session };
  const headers = new Map<string, unknown>();
  return new Promise((resolve, reject) => {
    const response = Object.assign(new EventEmitter(), {
      headersSent: false,
      getHeader: (name: string) => headers.get(name.toLowerCase()),
      setHeader: (name: string, value: unknown) => headers.set(name.toLowerCase(), value),
      writeHead(this: { headersSent: boolean }) {
        this.headersSent = true;
      },
      _implicitHeader(this: { writeHead(status: number): void }) {
        this.writeHead(200);
      },
      write: () => true,
      end: () =>
        resolve({ cookie: [headers.get('set-cookie') ?? []].flat().map((text) => String(text).split(';')[0])[0] }),
    });
    middleware(request, response, (error) => {
      if (error !== undefined) return reject(error);
      work(request.session!);
      (response as unknown as { end(): void }).end();
    });
  });
}
