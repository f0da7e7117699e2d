import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONTROL, CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import type { RespClient, Value } from '../../harness/resp-client.js';
import { ReplyError } from '../../harness/resp-client.js';
import { REDIS_AVAILABLE, startRedis, type TestServer } from '../../harness/servers.js';
import { fakeConnection, LocalRunner } from './local-runner.js';

const text = (value: Value): string => (value instanceof ReplyError ? `-${value.message}` : String(value));

describe('connection commands', () => {
  it('HELLO switches the protocol, names the client and tells seven fields', async () => {
    const runner = new LocalRunner();
    const map = (await runner.call('HELLO', '3', 'SETNAME', 'me')) as Map<Value, Value>;
    expect([...map.keys()]).toEqual(['server', 'version', 'proto', 'id', 'mode', 'role', 'modules']);
    expect([map.get('server'), map.get('proto'), map.get('id'), map.get('mode')]).toEqual([
      'redis',
      3,
      1,
      'standalone',
    ]);
    expect([runner.conn.session.proto, runner.conn.session.name]).toEqual([3, 'me']);
    expect((await runner.raw(['HELLO', '2'])).toString()).toMatch(/^\*14\r\n/);
  });

  it('changes nothing when HELLO fails', async () => {
    const runner = new LocalRunner();
    runner.io.config.applyChanges([['requirepass', 'secret']]);
    runner.conn.session.authenticated = false;
    expect(text(await runner.call('HELLO', '3'))).toMatch(/^-NOAUTH HELLO must be called/);
    expect(text(await runner.call('HELLO', '3', 'AUTH', 'default', 'wrong'))).toMatch(/^-WRONGPASS/);
    expect(text(await runner.call('HELLO', '4'))).toBe('-NOPROTO unsupported protocol version');
    expect(text(await runner.call('HELLO', '3', 'SETNAME', 'a b'))).toMatch(/^-ERR Client names cannot/);
    expect([runner.conn.session.proto, runner.conn.session.authenticated, runner.conn.session.name]).toEqual([
      2,
      false,
      '',
    ]);
    await runner.call('HELLO', '3', 'AUTH', 'default', 'secret');
    expect([runner.conn.session.proto, runner.conn.session.authenticated]).toEqual([3, true]);
  });

  it('AUTH takes the password with and without the user name', async () => {
    const runner = new LocalRunner();
    runner.io.config.applyChanges([['requirepass', 'p\xe9']]);
    runner.conn.session.authenticated = false;
    expect(text(await runner.call('AUTH', 'p'))).toMatch(/^-WRONGPASS/);
    expect(text(await runner.call('AUTH', 'other', 'p\xe9'))).toMatch(/^-WRONGPASS/);
    expect(await runner.call('AUTH', 'p\xe9')).toBe('OK');
    expect(await runner.call('AUTH', 'default', 'p\xe9')).toBe('OK');
    expect(await runner.call('RESET')).toBe('RESET');
    expect(runner.conn.session.authenticated).toBe(false);
  });

  it('SELECT keeps to the number of databases', async () => {
    const runner = new LocalRunner();
    expect(await runner.call('SELECT', '15')).toBe('OK');
    expect(text(await runner.call('SELECT', '16'))).toBe('-ERR DB index is out of range');
    expect(runner.conn.session.db).toBe(15);
  });
});

describe('CLIENT', () => {
  it('lists every client by id, in lines of the known fields', async () => {
    const runner = new LocalRunner();
    runner.io.connections.byId.set(7, fakeConnection(7));
    await runner.call('CLIENT', 'SETNAME', 'worker');
    await runner.call('CLIENT', 'SETINFO', 'LIB-NAME', 'lib');
    const lines = ((await runner.call('CLIENT', 'LIST')) as string).trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(
      /^id=1 addr=\S+ laddr=\S+ fd=\d+ name=worker age=0 idle=0 flags=N db=0 sub=0 psub=0 ssub=0/,
    );
    expect(lines[0]!.split(' ').map((field) => field.split('=')[0])).toEqual(
      (
        'id addr laddr fd name age idle flags db sub psub ssub multi watch qbuf qbuf-free argv-mem multi-mem rbs rbp' +
        ' obl oll omem tot-mem events cmd user redir resp lib-name lib-ver io-thread'
      ).split(' '),
    );
    expect(lines[0]).toContain('cmd=client|list user=default redir=-1 resp=2 lib-name=lib lib-ver=');
    expect(await runner.call('CLIENT', 'LIST', 'ID', '7', '99')).toMatch(/^id=7 [^\n]*\n$/);
    expect(await runner.call('CLIENT', 'LIST', 'TYPE', 'pubsub')).toBe('');
  });

  it('kills by filters, spares the caller unless told not to, and lets the caller end after its reply', async () => {
    const runner = new LocalRunner();
    const others = [7, 8, 9].map(fakeConnection);
    for (const conn of others) runner.io.connections.byId.set(conn.session.id, conn);
    expect(await runner.call('CLIENT', 'KILL', 'ID', '7')).toBe(1);
    expect(await runner.call('CLIENT', 'KILL', others[1]!.addr)).toBe('OK');
    expect(others.map((conn) => conn.closed)).toEqual([true, true, false]);
    expect(text(await runner.call('CLIENT', 'KILL', '1.2.3.4:5'))).toBe('-ERR No such client');
    expect(await runner.call('CLIENT', 'KILL', 'ID', '1')).toBe(0);
    expect(await runner.call('CLIENT', 'KILL', 'ID', '1', 'SKIPME', 'no')).toBe(1);
    expect([runner.conn.closed, runner.conn.closeAfterReply]).toEqual([false, true]);
  });

  it('PAUSE neither loosens nor shortens a pause in force, UNPAUSE ends it', async () => {
    const runner = new LocalRunner();
    const { i32, f64 } = runner.io.control;
    await runner.call('CLIENT', 'PAUSE', '60000', 'ALL');
    const until = f64[CONTROL_F64.pauseUntilMs];
    await runner.call('CLIENT', 'PAUSE', '10', 'WRITE');
    expect([i32[CONTROL.pauseMode], f64[CONTROL_F64.pauseUntilMs]]).toEqual([2, until]);
    await runner.call('CLIENT', 'UNPAUSE');
    expect(i32[CONTROL.pauseMode]).toBe(0);
  });
});

describe('INFO', () => {
  it('shows the sections asked for, in its own order', async () => {
    const runner = new LocalRunner();
    const titles = async (...names: string[]): Promise<string[]> =>
      [...((await runner.call('INFO', ...names)) as string).matchAll(/^# (\w+)/gm)].map((m) => m[1]!);
    expect(await titles('KEYSPACE', 'server')).toEqual(['Server', 'Keyspace']);
    expect(await titles('nope')).toEqual([]);
    expect(await titles()).not.toContain('Commandstats');
    expect(await titles('default', 'commandstats')).toContain('Commandstats');
    expect(await titles('all')).toContain('Latencystats');
    expect(await titles('everything')).toEqual(await titles('all'));
  });

  it('counts calls and errors, and RESETSTAT makes them begin anew', async () => {
    const runner = new LocalRunner();
    const ping = runner.registry.idOf('ping');
    runner.io.stats.call(ping);
    runner.io.stats.time(ping, 3);
    runner.io.stats.error(Uint8Array.from(Buffer.from('-ERR x\r\n')), 0);
    const info = (await runner.call('INFO', 'all')) as string;
    expect(info).toContain('cmdstat_ping:calls=1,usec=3,usec_per_call=3.00,rejected_calls=0,failed_calls=0\r\n');
    expect(info).toContain('errorstat_ERR:count=1\r\n');
    expect(info).toContain('latency_percentiles_usec_ping:p50=');
    expect(info).toContain('total_commands_processed:1\r\n');
    const histogram = (await runner.call('HELLO', '3')) && (await runner.call('LATENCY', 'HISTOGRAM', 'ping', 'get'));
    expect(histogram).toEqual(
      new Map([
        [
          'ping',
          new Map<Value, Value>([
            ['calls', 1],
            ['histogram_usec', new Map([[4, 1]])],
          ]),
        ],
      ]),
    );
    await runner.call('CONFIG', 'RESETSTAT');
    // As in Redis, the call that forgets all calls is the first of the new ones.
    const after = (await runner.call('INFO', 'commandstats', 'errorstats')) as string;
    expect(after.replace(/:calls=1,.*/, '')).toBe('# Commandstats\r\ncmdstat_config|resetstat\r\n\r\n# Errorstats\r\n');
  });
});

describe('CONFIG GET', () => {
  it('matches globs and exact names', async () => {
    const runner = new LocalRunner();
    expect(await runner.call('CONFIG', 'GET', 'maxclients', 'MAXCL*')).toEqual(['maxclients', '10000']);
    expect(await runner.call('CONFIG', 'GET', 'nope')).toEqual([]);
  });
});

describe.skipIf(!REDIS_AVAILABLE)('beside redis-server', () => {
  let server: TestServer;
  let client: RespClient;
  beforeAll(async () => {
    server = await startRedis();
    client = await server.client();
  });
  afterAll(() => server.stop());

  const SAME = [
    'PING',
    'PING x',
    'PING x y',
    'ECHO hello',
    'ECHO',
    'SELECT x',
    'SELECT 99',
    'SELECT -1',
    'SELECT 3',
    'AUTH x',
    'AUTH a b c',
    'AUTH default anything',
    'AUTH nobody x',
    'HELLO 5',
    'HELLO x',
    'HELLO 2 FOO',
    'HELLO 2 AUTH nobody x',
    'HELLO 2 SETNAME',
    'CLIENT',
    'CLIENT ID x',
    'CLIENT GETNAME',
    'CLIENT SETNAME a\tb',
    'CLIENT SETNAME ok',
    'CLIENT GETNAME',
    'CLIENT LIST FOO',
    'CLIENT LIST TYPE foo',
    'CLIENT LIST ID x',
    'CLIENT LIST TYPE replica',
    'CLIENT KILL 1.2.3.4:5',
    'CLIENT KILL ID 0',
    'CLIENT KILL ID x',
    'CLIENT KILL TYPE foo',
    'CLIENT KILL USER foo',
    'CLIENT KILL SKIPME maybe',
    'CLIENT KILL ID 1 FOO',
    'CLIENT KILL ADDR 1.2.3.4:5 TYPE normal',
    'CLIENT NO-EVICT maybe',
    'CLIENT NO-EVICT ON',
    'CLIENT PAUSE x',
    'CLIENT PAUSE -1',
    'CLIENT PAUSE 1 FOO',
    'CLIENT UNPAUSE',
    'CLIENT UNBLOCK x',
    'CLIENT UNBLOCK 99999',
    'CLIENT UNBLOCK 99999 FOO',
    'CLIENT GETREDIR',
    'CLIENT TRACKINGINFO',
    'CLIENT CACHING YES',
    'CLIENT REPLY foo',
    'CLIENT REPLY ON',
    'CONFIG GET nope',
    'CONFIG SET a b c',
    'SLOWLOG LEN',
    'SLOWLOG GET',
    'SLOWLOG GET -2',
    'SLOWLOG RESET',
    'LATENCY LATEST',
    'LATENCY HISTORY x',
    'LATENCY GRAPH x',
    'LATENCY RESET',
    'LATENCY RESET x',
    'LATENCY HISTOGRAM nope',
    'ACL WHOAMI',
    'ACL CAT',
    'ACL CAT nope',
    'ACL GETUSER nope',
    'ACL USERS',
    'ACL GENPASS 0',
    'ACL GENPASS x',
    'MEMORY PURGE',
    'SHUTDOWN FOO',
    'SHUTDOWN SAVE NOSAVE',
    'SHUTDOWN ABORT NOW',
    'SHUTDOWN ABORT',
    'LOLWUT VERSION x',
    'ROLE',
    'ROLE x',
    'MODULE LIST',
    'MODULE LOAD /nowhere.so',
    'MODULE UNLOAD nothing',
    'RESET',
    'CLIENT GETNAME',
  ];

  it('answers with the same bytes', async () => {
    const runner = new LocalRunner();
    for (const line of SAME) {
      const words = line.split(' ');
      const theirs = (await client.raw(...words)).toString('latin1');
      expect(`${line}: ${(await runner.raw(words)).toString('latin1')}`).toBe(`${line}: ${theirs}`);
    }
  });

  it('has every field of INFO', async () => {
    const runner = new LocalRunner();
    const names = (info: string): string[] => [...info.matchAll(/^([a-z_0-9]+):/gm)].map((m) => m[1]!);
    const ours = new Set(names((await runner.call('INFO')) as string));
    const threads = ['used_cpu_sys_main_thread', 'used_cpu_user_main_thread'];
    const missing = names((await client.call('INFO')) as string).filter(
      (name) => !ours.has(name) && !/^errorstat/.test(name),
    );
    expect(missing.filter((name) => !threads.includes(name))).toEqual([]);
  });

  it('has every field of MEMORY STATS', async () => {
    const runner = new LocalRunner();
    // Since 7.4.
    const newer = /^(overhead\.db\.hashtable|db\.dict|allocator\.muzzy)/;
    const names = (value: Value): Value[] =>
      (value as Value[]).filter((name, i) => i % 2 === 0 && !newer.test(String(name)));
    expect(names(await runner.call('MEMORY', 'STATS'))).toEqual(names(await client.call('MEMORY', 'STATS')));
  });
});
