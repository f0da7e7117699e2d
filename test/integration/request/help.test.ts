/** HELP of every container: the usage lines of Redis 7.4, in its order; the explanations are ours. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkAndStop } from '../../harness/fsck.js';
import type { RespClient } from '../../harness/resp-client.js';
import { startSherd, type TestServer } from '../../harness/servers.js';

const USAGE: Readonly<Record<string, readonly string[]>> = {
  CLIENT: [
    ...['CACHING (YES|NO)', 'GETREDIR', 'GETNAME', 'ID', 'INFO', 'KILL <ip:port>'],
    ...['KILL <option> <value> [<option> <value> [...]]', 'LIST [options ...]', 'UNPAUSE'],
    ...['PAUSE <timeout> [WRITE|ALL]', 'REPLY (ON|OFF|SKIP)', 'SETNAME <name>', 'SETINFO <option> <value>'],
    ...['UNBLOCK <clientid> [TIMEOUT|ERROR]', 'TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]'],
    ...['TRACKINGINFO', 'NO-EVICT (ON|OFF)', 'NO-TOUCH (ON|OFF)'],
  ],
  COMMAND: [
    ...['(no subcommand)', 'COUNT', 'LIST', 'INFO [<command-name> ...]', 'DOCS [<command-name> ...]'],
    ...['GETKEYS <full-command>', 'GETKEYSANDFLAGS <full-command>'],
  ],
  FUNCTION: [
    ...['LOAD [REPLACE] <FUNCTION CODE>', 'DELETE <LIBRARY NAME>', 'LIST [LIBRARYNAME PATTERN] [WITHCODE]', 'STATS'],
    ...['KILL', 'FLUSH [ASYNC|SYNC]', 'DUMP', 'RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]'],
  ],
  XINFO: ['CONSUMERS <key> <groupname>', 'GROUPS <key>', 'STREAM <key> [FULL [COUNT <count>]'],
};

describe('HELP (#11)', () => {
  let server: TestServer;
  let client: RespClient;
  beforeAll(async () => {
    server = await startSherd({ shards: 1 });
    client = await server.client();
  });
  afterAll(() => checkAndStop(server));

  const help = async (name: string): Promise<string[]> => (await client.ok(name, 'HELP')) as string[];
  const usage = (lines: string[]): string[] => lines.filter((line) => !line.startsWith(' '));

  test.each(Object.entries(USAGE))('of %s has the lines of Redis', async (name, lines) => {
    const head = `${name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`;
    expect(usage(await help(name))).toEqual([head, ...lines, 'HELP']);
  });

  const CONTAINERS = ['ACL', 'CLIENT', 'COMMAND', 'CONFIG', 'DEBUG', 'FUNCTION', 'LATENCY', 'MEMORY', 'MODULE'];
  const OTHERS = ['OBJECT', 'PUBSUB', 'SCRIPT', 'SLOWLOG', 'XGROUP', 'XINFO'];

  test.each([...CONTAINERS, ...OTHERS])(
    'of %s begins with its name, explains each line, ends with HELP',
    async (name) => {
      const lines = await help(name);
      expect(lines[0]).toBe(`${name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`);
      expect(lines.slice(-2)).toEqual(['HELP', '    Print this help.']);
      const isUsage = (line: string): boolean => !line.startsWith(' ');
      for (const [i, line] of lines.entries()) if (i > 0 && isUsage(line)) expect(lines[i + 1], line).toMatch(/^ {4}/);
    },
  );
});
