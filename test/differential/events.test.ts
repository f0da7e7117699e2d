/** Keyspace events: the same ones, in the same order, as redis-server raises for the same commands. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REDIS_AVAILABLE, startRedis, startSherd, type TestServer } from '../harness/servers.js';

/** Commands that make, change and end keys of all types. */
const COMMANDS = `
set a 1; append ap x; incr i; incrbyfloat f 1.5; setrange sr 0 x; setbit b 1 1; bitfield bf set u8 0 1; bitop not bo b
getset gs 1; mset m1 1 m2 2; msetnx m3 1 m4 2; setnx nx 1; setex ex 100 1; psetex px 100000 1; getdel m1
getex ex persist; hset h f v; hset h g v; hincrby h2 f 1; hincrbyfloat h3 f 1.5; hsetnx h4 f v; hdel h f g
lpush l a; rpush l b c d; lpushx l x; linsert l before a y; lset l 0 z; ltrim l 0 3; lrem l 1 z; lmove l l2 left left
rpoplpush l l3; blmove l3 l4 left left 1; lpop l2; rpop l; lmpop 1 l4 left
sadd s 1 2 3; smove s s2 1; sunionstore s3 s s2; sinterstore s4 s s2; srem s 2; spop s3
zadd z 1 m 2 n; zincrby z4 1 m; zunionstore z2 1 z; zrangestore z3 z 0 -1; zremrangebyrank z3 0 0; zpopmin z2; zrem z m
xadd x 1-1 f v; xgroup create xg g $ mkstream; xadd x 2-1 f v; xtrim x maxlen 1; xdel x 2-1; xsetid x 9-9
xgroup createconsumer xg g c; xgroup delconsumer xg g c; xgroup setid xg g 0; xgroup destroy xg g
pfadd p a; pfmerge pm p; geoadd g 1 1 m; geosearchstore gss g frommember m byradius 1 km
rename a a2; copy a2 a3; sort s2 store so; move m2 1; expire a2 100; persist a2; pexpireat a3 1; del b bo; unlink i f
swapdb 2 3; restore r 0 bad; flushdb
`
  .split(/[;\n]/)
  .map((line) => line.trim())
  .filter((line) => line !== '');

describe.skipIf(!REDIS_AVAILABLE)('keyspace events', () => {
  const servers: TestServer[] = [];
  beforeAll(async () => {
    servers.push(await startSherd({ shards: 2 }), await startRedis());
  });
  afterAll(() => Promise.all(servers.map((server) => server.stop())));

  test('are those of redis-server', async () => {
    const heard: string[][] = [];
    for (const server of servers) {
      const client = await server.client();
      const events: string[] = [];
      await client.ok('CONFIG', 'SET', 'notify-keyspace-events', 'KEAn');
      const listener = await server.client();
      await listener.ok('PSUBSCRIBE', '__keyevent@*');
      for (const line of COMMANDS) await client.call(...line.split(' '));
      await client.ok('PUBLISH', '__keyevent@end', 'end');
      for (;;) {
        const [, , channel, key] = (await listener.read()) as string[];
        if (channel === '__keyevent@end') break;
        events.push(`${channel} ${key}`);
      }
      heard.push(events);
    }
    expect(heard[0]!.length).toBeGreaterThan(COMMANDS.length / 2);
    expect(heard[0]).toEqual(heard[1]);
  });
});
