/**
 * Scripts that spend their time where no hook of Lua comes: in one call of a library, in a finaliser. They are busy by
 * the clock, SCRIPT KILL ends them with their thread, and its heir answers.
 */
import { describe, expect, test } from 'vitest';
import { withEmbedded } from '../../harness/embedded.js';
import { RespClient, type Value } from '../../harness/resp-client.js';
import { sleep, until } from '../../harness/waiting.js';

/** Backtracks for minutes. */
const PATTERN = "string.find(('a'):rep(200000), '.-.-.-.-b')";
const SETUPS = [
  { shards: 1, ioThreads: 1, dispatch: 'auto' },
  { shards: 2, ioThreads: 2, dispatch: 'ring' },
] as const;

/** What somebody hears who connects now; null when it is not answered soon. */
async function probe(port: number, ...words: string[]): Promise<string | null> {
  const client = await RespClient.connect(port);
  const answer = client.call(...words).then(String);
  answer.catch(() => {});
  const heard = await Promise.race([answer, sleep(100).then(() => null)]);
  client.socket.destroy();
  return heard;
}

const untilBusy = (port: number): Promise<void> =>
  until('the server is busy', async () => /BUSY/.test((await probe(port, 'GET', 'k')) ?? ''));

describe.each(SETUPS)('#11 with $shards shards, $ioThreads I/O threads, --dispatch $dispatch', (setup) => {
  test('a script in an endless call of a library is busy and is killed, and who waited is served', async () => {
    await withEmbedded(setup, async (client, server) => {
      const connect = (): Promise<RespClient> => RespClient.connect(server.port);
      const [slow, waiting, again] = [await connect(), await connect(), await connect()];
      await client.ok('CONFIG', 'SET', 'busy-reply-threshold', '200');
      await client.ok('SET', 'k', 'v');
      await client.ok('FUNCTION', 'LOAD', `#!lua name=l\nredis.register_function('f', function() ${PATTERN} end)`);
      const kill = async (command: string, script: Promise<Value>): Promise<string> => {
        await untilBusy(server.port);
        expect(await client.call(command, 'KILL')).toBe('OK');
        return String(await script);
      };
      const script = slow.call('EVAL', `redis.call('GET', 'k') ${PATTERN} return 1`, '0');
      const waiter = waiting.call('GET', 'k');
      expect(await kill('SCRIPT', script)).toMatch(/^ReplyError: ERR .*Script killed by user with SCRIPT KILL/);
      expect(['v', expect.stringMatching(/BUSY/)]).toContainEqual(String(await waiter));
      // The connection of the script goes on, in a transaction too.
      const transaction = slow.pipeline([['MULTI'], ['GET', 'k'], ['EVAL', PATTERN, '0'], ['EXEC']]);
      const ended = transaction.then((replies) => replies[3]!);
      expect(await kill('SCRIPT', ended)).toMatch(/Script killed by user with SCRIPT KILL/);
      expect(await kill('FUNCTION', again.call('FCALL', 'f', '0'))).toMatch(/killed by user with FUNCTION KILL/);
      expect(await slow.call('EVAL', "return redis.call('GET', KEYS[1])", '1', 'k')).toBe('v');
      expect(await client.call('SCRIPT', 'KILL')).toMatchObject({ message: expect.stringMatching(/^NOTBUSY/) });
      for (const each of [slow, waiting, again]) await each.close();
    });
  });
});

test('#11 a finaliser that does not end is ended with its thread, in a script and after it', async () => {
  await withEmbedded({ shards: 1 }, async (client, server) => {
    await client.ok('CONFIG', 'SET', 'busy-reply-threshold', '200');
    const endless = 'local u = newproxy(true) getmetatable(u).__gc = function() while true do end end u = nil';
    // Without newproxy there is nothing to end.
    if ((await client.call('EVAL', 'return type(newproxy)', '0')) !== 'function') return;
    const slow = await RespClient.connect(server.port);
    const script = slow.call('EVAL', `${endless} collectgarbage() return 1`, '0').then(String);
    const first = await Promise.race([script, untilBusy(server.port).then(() => 'busy')]);
    if (first === 'busy') {
      expect(await client.call('SCRIPT', 'KILL')).toBe('OK');
      expect(await script).toMatch(/Script killed by user/);
      expect(await slow.call('EVAL', `${endless} return 2`, '0')).toBe(2);
    }
    // The collector comes to it within a few cycles, and the watch ends it: scripts go on with a new interpreter.
    await sleep(1500);
    expect(await slow.call('EVAL', 'return 3', '0')).toBe(3);
    await slow.close();
  });
});

test('#11 giant strings are errors, not empty', async () => {
  await withEmbedded({ shards: 1 }, async (client) => {
    const run = async (body: string): Promise<string> => String(await client.call('EVAL', `return ${body}`, '0'));
    for (const times of ['2^31', '2^32', '1e300', '1/0']) {
      expect(await run(`('x'):rep(${times})`), times).toMatch(/user_script:1: resulting string too large/);
    }
    expect(await run(`pcall(string.rep, 'x', 2^31)`)).toBe('null');
    expect(await run(`#('x'):rep(70000) .. ('abc'):rep(3) .. ('x'):rep(0) .. ('x'):rep(-1) .. ('ab'):rep(2.9)`)).toBe(
      '70000abcabcabcabab',
    );
    expect(await run(`#(''):rep(2^40)`)).toBe('0');
    expect(await run(`('x'):rep(0/0) .. 'nan'`)).toBe('nan');
    expect(await run(`redis.sha1hex(('abc'):rep(100001)) == redis.sha1hex(('abc'):rep(100000) .. 'abc')`)).toBe('1');
    expect(await run(`string.rep()`)).toMatch(/bad argument #1 to 'rep' \(string expected, got no value\)/);
    expect(await run(`string.rep('x')`)).toMatch(/bad argument #2 to 'rep' \(number expected, got no value\)/);
    const giant = 'cjson.encode_sparse_array(true, 0, 0) return cjson.encode({[1] = 1, [2^30] = 1})';
    expect(String(await client.call('EVAL', giant, '0'))).toMatch(/Cannot serialise table: array too long/);
    expect(await run('1')).toBe('1');
  });
});
