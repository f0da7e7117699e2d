import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RespClient, Value } from '../../harness/resp-client.js';
import { startRedis, type TestServer } from '../../harness/servers.js';
import { shardCommands } from '../../../src/shard/commands/table.js';
import { localCommands } from '../../../src/main/io/commands/local-commands.js';
import { LocalRunner } from '../command/local-runner.js';
describe('x', () => {
  const runner = new LocalRunner([...shardCommands, ...localCommands]);
  let server: TestServer; let client: RespClient;
  beforeAll(async () => { server = await startRedis(); client = await server.client(); await client.ok('HELLO', 3); runner.conn.proto = 3; });
  afterAll(() => server.stop());
  for (const def of shardCommands) it(def.name, async () => {
    const i1 = (await client.ok('COMMAND','INFO',def.name)) as Value[]; const i2 = (await runner.call('COMMAND','INFO',def.name)) as Value[];
    expect(i2).toEqual(i1);
    const d1 = (await client.ok('COMMAND','DOCS',def.name)) as any; const d2 = (await runner.call('COMMAND','DOCS',def.name)) as any;
    const strip = (m: any) => { const o = new Map(m.get(def.name)); o.delete('summary'); o.delete('complexity'); o.delete('history'); return o; };
    expect(strip(d2)).toEqual(strip(d1));
  });
});
