import { describe, expect, it } from 'vitest';
import { Config, type ConfigSetOrigin } from '../../../src/main/config/config.js';
import { DIRECTIVES, findDirective } from '../../../src/main/config/directives.js';

function set(config: Config, origin: ConfigSetOrigin, ...words: string[]): string {
  const pairs = words.flatMap((word, i): [string, string][] => (i % 2 === 0 ? [[word, words[i + 1]!]] : []));
  const result = config.set(pairs, origin);
  return result.ok ? 'OK' : result.error;
}

const failed = (name: string, reason: string) =>
  `ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`;

describe('CONFIG GET', () => {
  it('shows the defaults of Redis 7.2', () => {
    const config = new Config();
    const value = (name: string) => config.get([name])[1];
    expect(value('save')).toBe('3600 1 300 100 60 10000');
    expect(value('client-output-buffer-limit')).toBe(
      'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60',
    );
    expect(value('proto-max-bulk-len')).toBe('536870912');
    expect(value('client-query-buffer-limit')).toBe('1073741824');
    expect(value('bind')).toBe('* -::*');
    expect(value('maxmemory-clients')).toBe('0');
    expect(value('unixsocketperm')).toBe('0');
    expect(value('latency-tracking-info-percentiles')).toBe('50 99 99.9');
    expect(value('dir')).toBe(process.cwd());
    expect(value('io-threads')).toBe('1');
    expect(value('shards')).toBe('0');
    expect(value('dispatch')).toBe('auto');
  });

  it('takes several patterns, lists nothing twice, and lists aliases too', () => {
    const reply = new Config().get(['maxmemory', 'maxmemory*', 'bind', '*of']);
    const names = reply.filter((_, i) => i % 2 === 0);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toEqual(
      expect.arrayContaining(['maxmemory', 'maxmemory-samples', 'maxmemory-clients', 'bind', 'replicaof', 'slaveof']),
    );
  });

  it('shows hidden directives only when asked by name', () => {
    const config = new Config();
    expect(config.get(['*'])).not.toContain('key-load-delay');
    expect(config.get(['key-load-delay'])).toEqual(['key-load-delay', '0']);
  });

  it('ignores case, gives an exact name back as it was spelled, and is empty for unknown names', () => {
    const config = new Config();
    expect(config.get(['MaxMemory'])).toEqual(['MaxMemory', '0']);
    expect(config.get(['MAXMEMORY-S*'])).toEqual(['maxmemory-samples', '5']);
    expect(config.get(['nosuch'])).toEqual([]);
  });
});

describe('CONFIG SET', () => {
  it('accepts every value that CONFIG GET shows and changes nothing by it', () => {
    const config = new Config();
    for (const directive of DIRECTIVES) {
      if (directive.immutable || directive.protected) continue;
      expect([directive.name, config.set([[directive.name, config.raw(directive.name)]])]).toEqual([
        directive.name,
        { ok: true, changed: [] },
      ]);
    }
  });

  it('reads memory with units and shows bytes', () => {
    const config = new Config();
    for (const [given, shown] of [
      ['1gb', '1073741824'],
      ['1G', '1000000000'],
      ['10m', '10000000'],
      ['10MB', '10485760'],
      ['5kb', '5120'],
      ['7b', '7'],
      ['', '0'],
      ['0018', '18'],
      ['99999999999999999999', '18446744073709551615'],
    ] as const) {
      expect(set(config, {}, 'maxmemory', given)).toBe('OK');
      expect(config.raw('maxmemory')).toBe(shown);
    }
    expect(set(config, {}, 'maxmemory', '1x')).toBe(failed('maxmemory', 'argument must be a memory value'));
    expect(set(config, {}, 'maxmemory', '-1')).toBe(failed('maxmemory', 'argument must be a memory value'));
  });

  it('refuses wrong values in the words of Redis', () => {
    const config = new Config();
    const cases: [string, string, string][] = [
      ['maxclients', 'abc', "argument couldn't be parsed into an integer"],
      ['maxclients', '007', "argument couldn't be parsed into an integer"],
      ['maxclients', '0', 'argument must be between 1 and 4294967295 inclusive'],
      ['hash-max-listpack-entries', '-1', 'argument must be between 0 and 9223372036854775807 inclusive'],
      ['appendonly', 'maybe', "argument must be 'yes' or 'no'"],
      ['loglevel', 'x', 'argument(s) must be one of the following: debug, verbose, notice, warning, nothing'],
      ['maxmemory-clients', '200%', 'percentage argument must be less or equal to 100'],
      ['maxmemory-clients', 'x', 'argument must be a memory or percent value'],
      ['save', 'a b', 'Invalid save parameters'],
      ['save', '10', 'Invalid save parameters'],
      ['save', '0 1', 'Invalid save parameters'],
      ['client-output-buffer-limit', 'normal 1', 'Wrong number of arguments in buffer limit configuration.'],
      ['client-output-buffer-limit', 'x 1 1 1', 'Invalid client class specified in buffer limit configuration.'],
      ['notify-keyspace-events', 'KEQ', "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."],
      ['shutdown-on-sigterm', 'save nosave', "shutdown options SAVE and NOSAVE can't be used simultaneously"],
      ['proc-title-template', '{x}', 'template format is invalid or contains unknown variables'],
      ['cluster-announce-hostname', 'a_b', 'Hostnames may only contain alphanumeric characters, hyphens or dots'],
    ];
    for (const [name, value, reason] of cases) expect(set(config, {}, name, value)).toBe(failed(name, reason));
  });

  it('applies all pairs or none', () => {
    const config = new Config();
    expect(set(config, {}, 'maxmemory', '10000001', 'save', '3000 5', 'hz', '50')).toBe('OK');
    expect(set(config, {}, 'maxmemory', '7', 'maxmemory-clients', '200%', 'hz', 'x')).toBe(
      failed('maxmemory-clients', 'percentage argument must be less or equal to 100'),
    );
    expect(config.raw('maxmemory')).toBe('10000001');
    expect(config.raw('save')).toBe('3000 5');
  });

  it('refuses unknown, repeated and immutable directives', () => {
    const config = new Config();
    expect(set(config, {}, 'maxmemory', '1', 'nosuch', '1')).toBe(
      "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'",
    );
    expect(set(config, {}, 'maxmemory', '1', 'MAXMEMORY', '2')).toBe(failed('MAXMEMORY', 'duplicate parameter'));
    expect(set(config, {}, 'daemonize', 'yes')).toBe(failed('daemonize', "can't set immutable config"));
    expect(set(config, {}, 'shards', '4')).toBe(failed('shards', "can't set immutable config"));
    expect(config.raw('maxmemory')).toBe('0');
  });

  it('guards protected directives by enable-protected-configs', () => {
    const config = new Config();
    const refused = failed('dir', "can't set protected config");
    expect(set(config, { local: true }, 'dir', '/')).toBe(refused);
    config.applyChanges([['enable-protected-configs', 'local']]);
    expect(set(config, { local: false }, 'dir', '/')).toBe(refused);
    expect(set(config, { local: true }, 'dir', '/nosuch')).toBe(failed('dir', 'No such file or directory'));
    expect(set(config, { local: true }, 'dir', '/')).toBe('OK');
    expect(config.str('dir')).toBe('/');
    config.applyChanges([['enable-protected-configs', 'yes']]);
    expect(set(config, { local: false }, 'dbfilename', 'a/b')).toBe(
      failed('dbfilename', "dbfilename can't be a path, just a filename"),
    );
  });

  it('answers LOADING for what may not change while a data set loads', () => {
    expect(set(new Config(), { loading: true }, 'appendonly', 'yes')).toMatch(/^LOADING /);
    expect(set(new Config(), { loading: true }, 'loglevel', 'debug')).toBe('OK');
  });

  it('brings values into the form in which Redis shows them', () => {
    const config = new Config();
    const shown = (name: string, value: string) => {
      expect(set(config, {}, name, value)).toBe('OK');
      return config.raw(name);
    };
    expect(shown('notify-keyspace-events', 'KEA')).toBe('AKE');
    expect(shown('notify-keyspace-events', 'Eg$')).toBe('g$E');
    expect(shown('notify-keyspace-events', 'KEAnm')).toBe('AnKEm');
    expect(shown('latency-tracking-info-percentiles', '50 99.90')).toBe('50 99.9');
    expect(shown('latency-tracking-info-percentiles', '')).toBe('');
    expect(shown('shutdown-on-sigint', 'nosave force now')).toBe('nosave now force');
    expect(shown('oom-score-adj', 'relative')).toBe('yes');
    expect(shown('hz', '100000')).toBe('500');
    expect(shown('hz', '0')).toBe('1');
    expect(shown('maxmemory-clients', '5%')).toBe('5%');
    expect(config.int('maxmemory-clients')).toBe(-5);
    expect(shown('client-output-buffer-limit', 'replica 1mb 0 5 pubsub 1 2 3')).toBe(
      'normal 0 0 0 slave 1048576 0 5 pubsub 1 2 3',
    );
    expect(shown('save', '')).toBe('');
    expect(shown('bind', '')).toBe('');
    expect(config.bindAddresses()).toEqual([]);
  });

  it('sets an alias and its directive as one', () => {
    const config = new Config();
    expect(set(config, {}, 'hash-max-ziplist-entries', '21')).toBe('OK');
    expect(config.get(['hash-max-*-entries'])).toEqual([
      'hash-max-listpack-entries',
      '21',
      'hash-max-ziplist-entries',
      '21',
    ]);
    expect(config.int('hash-max-ziplist-entries')).toBe(21);
  });

  it('keeps any bytes of a password', () => {
    const config = new Config();
    expect(set(config, {}, 'requirepass', '\x00\xff')).toBe('OK');
    expect(config.raw('requirepass')).toBe('\x00\xff');
  });

  it('tells listeners after all values are in place, and only of what changed', () => {
    const config = new Config();
    const seen: string[] = [];
    const stop = config.onChange('maxmemory', (value, c) => seen.push(`${value} ${c.int('hz')}`));
    config.onChange('timeout', () => seen.push('timeout'));
    set(config, {}, 'maxmemory', '5', 'hz', '20', 'timeout', '0');
    stop();
    set(config, {}, 'maxmemory', '6');
    expect(seen).toEqual(['5 20']);
  });
});

describe('a copy of the configuration', () => {
  it('is rebuilt from plain pairs in another thread and follows changes', () => {
    const config = new Config();
    config.file = '/etc/x.conf';
    config.ephemeralPort = true;
    config.given.add('port');
    config.extras.push({ name: 'rename-command', args: ['GET', ''] });
    const result = config.set([['maxmemory', '1gb']]);
    const copy = Config.fromEntries(structuredClone(config.toEntries()));
    expect(copy.toEntries()).toEqual(config.toEntries());
    expect(copy.int('maxmemory')).toBe(2 ** 30);
    expect(copy.file).toBe('/etc/x.conf');
    expect(copy.extras).toEqual(config.extras);
    expect(result).toEqual({ ok: true, changed: [['maxmemory', '1073741824']] });
    copy.applyChanges([['maxmemory', '1']]);
    expect(copy.int('maxmemory')).toBe(1);
  });

  it('says where to listen', () => {
    const config = new Config();
    expect(config.bindAddresses()).toEqual([
      { host: '0.0.0.0', optional: false },
      { host: '::', optional: true },
    ]);
    expect(config.tcpPort()).toBe(6379);
    config.applyChanges([['port', '0']]);
    expect(config.tcpPort()).toBeNull();
    config.ephemeralPort = true;
    expect(config.tcpPort()).toBe(0);
  });

  it('treats a question for an unknown directive or a wrong type as a programmer error', () => {
    const config = new Config();
    expect(() => config.int('nosuch')).toThrow(/nosuch/);
    expect(() => config.int('dir')).toThrow(/not a number/);
    expect(() => config.bool('port')).toThrow(/not yes or no/);
    expect(findDirective('SLAVEOF')?.name).toBe('replicaof');
  });
});
