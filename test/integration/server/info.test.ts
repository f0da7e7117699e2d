/** INFO: what stock alert rules look at must not alarm on a healthy server, and must on a sick one. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import type { RespClient, Value } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';
import { until } from '../../harness/waiting.js';

const MB = 1024 * 1024;

/** Fields of Redis 7.4 that rules and exporters read, in their order. */
const MEMORY = [
  ...['used_memory', 'used_memory_human', 'used_memory_rss', 'used_memory_rss_human', 'used_memory_peak'],
  ...['used_memory_peak_human', 'used_memory_peak_perc', 'used_memory_overhead', 'used_memory_startup'],
  ...['used_memory_dataset', 'used_memory_dataset_perc', 'allocator_allocated', 'allocator_active'],
  ...['allocator_resident', 'allocator_muzzy', 'total_system_memory', 'total_system_memory_human', 'used_memory_lua'],
  ...['used_memory_vm_eval', 'used_memory_lua_human', 'used_memory_scripts_eval', 'number_of_cached_scripts'],
  ...['number_of_functions', 'number_of_libraries', 'used_memory_vm_functions', 'used_memory_vm_total'],
  ...['used_memory_vm_total_human', 'used_memory_functions', 'used_memory_scripts', 'used_memory_scripts_human'],
  ...['maxmemory', 'maxmemory_human', 'maxmemory_policy', 'allocator_frag_ratio', 'allocator_frag_bytes'],
  ...['allocator_rss_ratio', 'allocator_rss_bytes', 'rss_overhead_ratio', 'rss_overhead_bytes'],
  ...['mem_fragmentation_ratio', 'mem_fragmentation_bytes', 'mem_not_counted_for_evict', 'mem_replication_backlog'],
  ...['mem_total_replication_buffers', 'mem_clients_slaves', 'mem_clients_normal', 'mem_cluster_links'],
  ...['mem_aof_buffer', 'mem_allocator', 'mem_overhead_db_hashtable_rehashing', 'active_defrag_running'],
  ...['lazyfree_pending_objects', 'lazyfreed_objects'],
];

describe('INFO (#11)', () => {
  let server: TestServer;
  let client: RespClient;
  beforeAll(async () => {
    server = await startSherd({ shards: 2, ioThreads: 2 });
    client = await server.client();
  });
  afterAll(() => checkAndStop(server));

  const info = async (...sections: string[]): Promise<Record<string, string>> => {
    const text = String(await client.ok('INFO', ...sections));
    const lines = text.split('\r\n').filter((line) => line.includes(':'));
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
    );
  };
  const ratio = async (): Promise<number> => Number((await info('memory')).mem_fragmentation_ratio);

  test('of an empty server shows no fragmentation, and a fixed part that is no data', async () => {
    const fields = await info('memory');
    expect(Object.keys(fields).slice(0, MEMORY.length)).toEqual(MEMORY);
    await until('the first figures', async () => Number((await info('memory')).allocator_active) > 0);
    const memory = await info('memory');
    for (const name of ['mem_fragmentation_ratio', 'allocator_frag_ratio', 'allocator_rss_ratio']) {
      expect(Number(memory[name]), name).toBeGreaterThanOrEqual(0.99);
      expect(Number(memory[name]), name).toBeLessThan(1.5);
    }
    expect(Number(memory.used_memory_startup)).toBeGreaterThan(0);
    expect(Number(memory.used_memory)).toBeGreaterThanOrEqual(Number(memory.used_memory_startup));
    expect(Number(memory.used_memory_dataset_perc!.replace('%', ''))).toBeLessThan(100.01);
    expect(Number(memory.used_memory_dataset) + Number(memory.used_memory_overhead)).toBe(Number(memory.used_memory));
  });

  test('shows memory that is kept after much data went as fragmentation', async () => {
    await client.ok('DEBUG', 'POPULATE', '80', 'big', String(MB));
    expect(await ratio()).toBeLessThan(1.5);
    const full = await info('memory');
    expect(Number(full.used_memory_dataset_perc!.replace('%', ''))).toBeGreaterThan(90);
    expect(Number(full.used_memory)).toBeGreaterThan(80 * MB);
    await client.ok('FLUSHALL', 'SYNC');
    // The figures come once a second: on a quick machine the data has come and gone before the first.
    await until('the fragmentation', async () => (await ratio()) > 1.3);
    expect(Number((await info('memory')).mem_fragmentation_bytes)).toBeGreaterThan(40 * MB);
    const stats = (await client.ok('MEMORY', 'STATS')) as Value[];
    expect(stats).toHaveLength(2 * 31);
    expect(stats).toContain('fragmentation.bytes');
  });

  test('averages the times to live of each database, 0 where nothing expires', async () => {
    const ttl = async (db: number): Promise<number> =>
      Number(/avg_ttl=(\d+)/.exec((await info('keyspace'))[`db${db}`] ?? '')?.[1] ?? -1);
    const commands = Array.from({ length: 400 }, (_, i) => ['SET', `t:${i}`, 'v', 'PX', 500_000 + (i % 2) * 1_000_000]);
    await client.pipeline(commands);
    await client.pipeline([
      ['SELECT', '1'],
      ['SET', 'for ever', 'v'],
      ['SELECT', '0'],
    ]);
    await until('an average', async () => (await ttl(0)) > 0);
    expect(await ttl(0)).toBeGreaterThan(600_000);
    expect(await ttl(0)).toBeLessThan(1_400_000);
    expect(await ttl(1)).toBe(0);
    await client.pipeline(commands.map(([, key]) => ['PERSIST', key!]));
    expect(await ttl(0)).toBe(0);
  });

  test('tells the processor time of the thread that answers, and addresses as they are configured', async () => {
    await until('some time', async () => Number((await info('cpu')).used_cpu_user_main_thread) > 0, 20_000);
    const fields = await info('cpu', 'server', 'stats');
    expect(Number(fields.used_cpu_user_main_thread)).toBeLessThanOrEqual(Number(fields.used_cpu_user) + 0.02);
    expect(fields.evicted_scripts).toBe('0');
    expect(await info('nosuch')).toEqual({});
    const names = Object.keys(await info('stats'));
    expect(names.indexOf('client_query_buffer_limit_disconnections')).toBeLessThan(
      names.indexOf('reply_buffer_shrinks'),
    );
  });

  test('counts the calls of clients, not what threads ask of each other', async () => {
    const calls = async (): Promise<number> => Number((await info('stats')).total_commands_processed);
    const before = await calls();
    await client.pipeline([['WATCH', 'a'], ['MULTI'], ['SET', 'a', '1'], ['SET', 'b', '1'], ['EXEC'], ['UNWATCH']]);
    expect((await calls()) - before).toBe(7);
  });
});
