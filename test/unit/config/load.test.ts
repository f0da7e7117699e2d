import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCommandLine } from '../../../src/main/config/command-line.js';
import type { Config } from '../../../src/main/config/config.js';
import { type LoadedConfig, loadConfig } from '../../../src/main/config/load.js';

/** The bare directives, and the whole file where the package is installed. */
const debianFiles = [
  fileURLToPath(new URL('./debian-directives.conf', import.meta.url)),
  '/etc/redis/redis.conf',
].filter((path) => existsSync(path));

let dir = '';
beforeAll(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'sherd-config-')));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text, 'latin1');
  return path;
}

/** What `sherd <argv>` would run with. */
function start(argv: string[], stdin: string | null = null): LoadedConfig {
  const command = readCommandLine(argv);
  if (command.kind !== 'start') throw new Error('it prints');
  return loadConfig({ file: command.file, stdin: command.stdin ? stdin : null, flags: command.flags });
}

const started = (...argv: string[]): Config => start(argv).config;

function refusal(...argv: string[]): string {
  try {
    start(argv);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it would start');
}

describe('a configuration file', () => {
  it.each(debianFiles)('of Debian (%s) starts, with one warning that names what has no effect', (debian) => {
    const text = readFileSync(debian, 'latin1').replace(/^dir .*/m, `dir ${dir}`);
    const path = write('debian.conf', text.replace(/^logfile .*/m, 'logfile redis-server.log'));
    const { config, warnings } = start([path]);
    expect(config.str('pidfile')).toBe('/run/redis/redis-server.pid');
    expect(config.bindAddresses()).toEqual([
      { host: '127.0.0.1', optional: false },
      { host: '::1', optional: true },
    ]);
    expect(config.file).toBe(path);
    const idle = warnings.filter((line) => line.startsWith('directives accepted but not served yet'));
    expect(idle).toHaveLength(1);
    expect(idle[0]).toContain('auto-aof-rewrite-percentage');
    expect(idle[0]).not.toMatch(/\b(tcp-backlog|databases|appendonly|daemonize)\b/);
    expect(warnings).toContainEqual(expect.stringMatching(/^daemonize yes: sherd stays in the foreground/));
  });

  it('is refused for an unknown directive with file, line and name', () => {
    const path = write('bad.conf', 'port 7000\n\n# x\nfoo bar\n');
    expect(refusal(path)).toBe(`${path}:4: unknown directive 'foo'`);
    write('typo.conf', 'maxclient 5\n');
    expect(refusal(join(dir, 'typo.conf'))).toMatch(
      /:1: unknown directive 'maxclient' \(did you mean 'maxclients'\?\)$/,
    );
  });

  it('is refused for a wrong value with file, line, name and reason', () => {
    const path = write('value.conf', 'port 7000\nmaxclients many\n');
    expect(refusal(path)).toBe(`${path}:2: directive 'maxclients': argument couldn't be parsed into an integer`);
    write('count.conf', 'port 1 2\n');
    expect(refusal(join(dir, 'count.conf'))).toMatch(/:1: directive 'port': wrong number of arguments$/);
  });

  it('that is not there is refused', () => {
    expect(refusal('/nosuch/redis.conf')).toBe(
      'cannot read the configuration file /nosuch/redis.conf: No such file or directory',
    );
  });

  it('adds up its lines of save, which replace the defaults', () => {
    expect(started(write('save1.conf', 'port 1\n')).raw('save')).toBe('3600 1 300 100 60 10000');
    const path = write('save2.conf', 'save 900 1\nsave 10 2 5 3\n');
    expect(started(path).raw('save')).toBe('900 1 10 2 5 3');
    expect(started(path, '--save', '100', '100').raw('save')).toBe('900 1 10 2 5 3 100 100');
    expect(started(path, '--save', '').raw('save')).toBe('');
  });

  it('keeps the output buffer limits of classes that it does not name', () => {
    const path = write('obuf.conf', 'client-output-buffer-limit pubsub 1mb 2 3\n');
    expect(started(path).raw('client-output-buffer-limit')).toBe(
      'normal 0 0 0 slave 268435456 67108864 60 pubsub 1048576 2 3',
    );
  });

  it('lets the last of a directive and its alias win', () => {
    const one = write('alias1.conf', 'hash-max-listpack-entries 20\nhash-max-ziplist-entries 21\n');
    const two = write('alias2.conf', 'hash-max-ziplist-entries 20\nhash-max-listpack-entries 22\n');
    expect(started(one).int('hash-max-listpack-entries')).toBe(21);
    expect(started(two).int('hash-max-listpack-entries')).toBe(22);
  });

  it('includes files and patterns, in order, and tells places in them', () => {
    mkdirSync(join(dir, 'conf.d'));
    write('conf.d/b.conf', 'hz 20\n');
    write('conf.d/a.conf', 'hz 30\ntimeout 7\n');
    write('conf.d/.hidden.conf', 'hz 99\n');
    const config = started(write('inc.conf', `include ${dir}/conf.d/*.conf\ninclude ${dir}/none.d/*.conf\n`));
    expect(config.int('hz')).toBe(20);
    expect(config.int('timeout')).toBe(7);
    const bad = write('conf.d/bad', 'x 1\n');
    expect(refusal(write('inc2.conf', `include ${dir}/conf.d/ba[c-e]\n`))).toBe(`${bad}:1: unknown directive 'x'`);
    const missing = write('inc3.conf', 'port 1\ninclude /nosuch\n');
    expect(refusal(missing)).toMatch(/inc3\.conf:2: cannot read the configuration file \/nosuch/);
    expect(refusal(write('loop.conf', `include ${dir}/loop.conf\n`))).toMatch(/include each other more than 16 deep/);
  });

  it('may come from standard input, before the flags', () => {
    const { config } = start(['-', '--hz', '40'], 'hz 30\ntimeout 5\n');
    expect(config.int('hz')).toBe(40);
    expect(config.int('timeout')).toBe(5);
    const path = write('both.conf', 'hz 11\ntimeout 1\n');
    expect(start([path, '--hz', '12', '-'], 'timeout 6\n').config.int('timeout')).toBe(6);
    expect(() => start(['-'], 'x 1\n')).toThrowError("standard input:1: unknown directive 'x'");
  });

  it('may hold any bytes in quotes, and words of several in one quoted argument', () => {
    const path = write('bytes.conf', 'requirepass "a\\x00\xff"\nshutdown-on-sigterm "nosave force"\n');
    expect(started(path).raw('requirepass')).toBe('a\x00\xff');
    expect(started(path).raw('shutdown-on-sigterm')).toBe('nosave force');
  });

  it('has its working directory looked up and made absolute', () => {
    expect(started(write('dir.conf', `dir ${dir}\ndir ./\n`)).str('dir')).toBe(dir);
    expect(refusal('--dir', '/nosuch')).toBe('--dir /nosuch: No such file or directory');
  });

  it('is refused when its log file cannot be opened', () => {
    expect(refusal('--logfile', '/nosuch/x.log')).toBe(
      "directive 'logfile': cannot open /nosuch/x.log: No such file or directory",
    );
  });

  it('warns aloud of protection that is not there', () => {
    const path = write('secret.conf', 'requirepass x\nrename-command FLUSHALL ""\nuser a on\n');
    const { config, warnings } = start([path]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('NOTHING IS PROTECTED by rename-command, user');
    expect(warnings[0]).not.toContain('requirepass');
    expect(config.extras[0]).toEqual({ name: 'rename-command', args: ['FLUSHALL', ''] });
  });

  it('reads over directives that Redis has forgotten', () => {
    expect(start([write('old.conf', 'list-max-ziplist-entries 5\nlua-replicate-commands yes\n')]).warnings).toEqual([]);
  });
});

describe('the command line', () => {
  it('takes any directive as a flag, which wins over the file', () => {
    const config = started(write('p.conf', 'port 1\n'), '--port', '7000', '--shards', '2', '--dispatch', 'ring');
    expect(config.int('port')).toBe(7000);
    expect(config.int('shards')).toBe(2);
    expect(config.str('dispatch')).toBe('ring');
  });

  it('takes several values, a value that begins with --, and name and value in one argument', () => {
    const config = started(
      '--bind',
      '127.0.0.1',
      '-::1',
      '--logfile',
      '',
      '--proc-title-template',
      '--x',
      '--hz',
      '20',
    );
    expect(config.list('bind')).toEqual(['127.0.0.1', '-::1']);
    expect(config.raw('proc-title-template')).toBe('--x');
    expect(config.int('hz')).toBe(20);
    expect(started('--maxmemory 700mb', "--maxmemory-policy 'volatile-lru'").raw('maxmemory')).toBe('734003200');
    expect(started('--maxmemory=700mb', '--hz=5').raw('maxmemory')).toBe('734003200');
    expect(started(write('l.conf', ''), 'loglevel', 'verbose', '--hz', '5').raw('loglevel')).toBe('verbose');
    expect(started('--list-max-listpack-size', '-5').int('list-max-listpack-size')).toBe(-5);
  });

  it('reads --save without a value as no save points', () => {
    expect(started('--save', '--loglevel', 'verbose').raw('save')).toBe('');
    expect(started('--loglevel', 'verbose', '--save').raw('save')).toBe('');
    expect(started('--save', '').raw('save')).toBe('');
    expect(started('--save', '60', '1000').raw('save')).toBe('60 1000');
    expect(started('--save', '60 1000').raw('save')).toBe('60 1000');
    const config = started('--proc-title-template', '--save', '--save', '', '--loglevel', 'verbose');
    expect(config.raw('proc-title-template')).toBe('--save');
  });

  it('names the flag that is wrong', () => {
    expect(refusal('--invalid')).toBe("--invalid: unknown directive 'invalid'");
    expect(refusal('--port')).toBe('--port: wrong number of arguments');
    expect(refusal('--port', '6379', '6380')).toBe('--port 6379 6380: wrong number of arguments');
    expect(refusal('--port', '--loglevel', 'verbose')).toBe('--port --loglevel verbose: wrong number of arguments');
    expect(refusal('--port', '--bla', '--hz', '1')).toBe("--port --bla: argument couldn't be parsed into an integer");
    expect(refusal('--shutdown-on-sigint')).toMatch(/^--shutdown-on-sigint: argument\(s\) must be one of/);
    expect(refusal('--replicaof', '--127.0.0.1', 'abc')).toBe('--replicaof --127.0.0.1 abc: Invalid master port');
    expect(refusal('--dispatch', 'fast')).toMatch(/--dispatch.*Allowed choices are auto, ring, inline/);
    expect(refusal('--shards', '1', '2')).not.toBe('');
    expect(refusal('--shards', '100000')).toBe('--shards 100000: argument must be between 0 and 256 inclusive');
  });

  it('refuses what sherd does not do', () => {
    expect(refusal('--daemonize', 'yes')).toMatch(/^--daemonize yes: not supported: sherd stays in the foreground/);
    expect(started('--daemonize', 'no').bool('daemonize')).toBe(false);
    expect(refusal('--sentinel')).toMatch(/no Sentinel/);
    expect(refusal('--test-memory', '100')).toMatch(/no memory test/);
  });

  it('prints help and version', () => {
    const help = readCommandLine(['--help']);
    expect(help).toEqual({ kind: 'print', text: expect.stringContaining('sherd [redis.conf | -] [--directive value') });
    expect(readCommandLine(['-h'])).toEqual(help);
    expect(readCommandLine(['--version'])).toEqual({ kind: 'print', text: expect.stringMatching(/^sherd \d/) });
    expect(readCommandLine(['-v'])).toEqual(readCommandLine(['--version']));
  });

  it('takes -h, -v and --help for values where values stand', () => {
    expect(started('--requirepass', '-v').raw('requirepass')).toBe('-v');
    expect(started('--requirepass', '--help').raw('requirepass')).toBe('--help');
  });

  it('says nothing of unserved directives that ask for nothing', () => {
    expect(start(['--save', '', '--appendonly', 'no', '--port', '1']).warnings).toEqual([]);
    expect(start(['--appendonly', 'yes']).warnings[0]).toMatch(/no effect: appendonly$/);
    const served = ['--notify-keyspace-events', 'KEA', '--slowlog-max-len', '5', '--hash-max-listpack-entries', '9'];
    expect(start([...served, '--maxmemory', '1gb', '--busy-reply-threshold', '9']).warnings).toEqual([]);
  });
});
