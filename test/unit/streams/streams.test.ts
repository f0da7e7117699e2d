import { describe, expect, it } from 'vitest';
import { fsckShard } from '../../../src/shard/check/fsck.js';
import { openDatabases } from '../../../src/shard/keyspace/databases.js';
import { TYPES } from '../../../src/shard/types/table.js';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { TestEngine, type Word } from '../engine-harness.js';

const LAST = '18446744073709551615';

function fsck(engine: TestEngine): string[] {
  return engine.arenas.flatMap((arena) => {
    arena.sync();
    return fsckShard(arena, openDatabases(arena, TYPES));
  });
}

function engineWith(...commands: string[]): TestEngine {
  const engine = new TestEngine(2);
  engine.control.f64[CONTROL_F64.streamNodeMaxEntries] = 100;
  engine.control.f64[CONTROL_F64.streamNodeMaxBytes] = 4096;
  for (const text of commands) expect(engine.run(...text.split(' '))).not.toMatch(/^-/);
  return engine;
}

const WRONG = '-WRONGTYPE Operation against a key holding the wrong kind of value\r\n';
const NOT_INT = '-ERR value is not an integer or out of range\r\n';
const SYNTAX = '-ERR syntax error\r\n';
const ID = '-ERR Invalid stream ID specified as stream command argument\r\n';
const START = '-ERR invalid start ID for the interval\r\n';
const END = '-ERR invalid end ID for the interval\r\n';
const SMALL = '-ERR The ID specified in XADD is equal or smaller than the target stream top item\r\n';
const BOTH = '-ERR syntax error, MAXLEN and MINID options at the same time are not compatible\r\n';
const APPROXIMATE = '-ERR syntax error, LIMIT cannot be used without the special ~ option\r\n';
const GROUP_READ = (key: string, group: string): string =>
  `-NOGROUP No such key '${key}' or consumer group '${group}' in XREADGROUP with GROUP option\r\n`;

describe('stream commands', () => {
  it.each([
    ['XADD x * f', "-ERR wrong number of arguments for 'xadd' command\r\n"],
    ['XADD x * f v g', "-ERR wrong number of arguments for 'xadd' command\r\n"],
    ['XADD x MAXLEN 5 * f', "-ERR wrong number of arguments for 'xadd' command\r\n"],
    ['XADD x 0-0 f v', '-ERR The ID specified in XADD must be greater than 0-0\r\n'],
    ['XADD x 5-1 f v', SMALL],
    ['XADD x 4-* f v', SMALL],
    ['XADD x - f v', ID],
    ['XADD x + f v', ID],
    ['XADD x 1-1-1 f v', ID],
    ['XADD x 18446744073709551616-1 f v', ID],
    ['XADD x MAXLEN -1 * f v', '-ERR The MAXLEN argument must be >= 0.\r\n'],
    ['XADD x MAXLEN a * f v', NOT_INT],
    ['XADD x MAXLEN 1 MINID 1 * f v', BOTH],
    ['XADD x MINID 1 MAXLEN 1 * f v', BOTH],
    ['XADD x MINID + * f v', ID],
    ['XADD x MAXLEN 1 LIMIT 5 * f v', APPROXIMATE],
    ['XADD x MAXLEN = 1 LIMIT 0 * f v', APPROXIMATE],
    ['XADD x MAXLEN ~ 1 LIMIT -1 * f v', '-ERR The LIMIT argument must be >= 0.\r\n'],
    ['XADD x LIMIT 5 * f v', '-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy\r\n'],
    ['XADD s * f v', WRONG],
    ['XADD s NOMKSTREAM * f v', WRONG],
    ['XADD none NOMKSTREAM * f v', '$-1\r\n'],
    ['XLEN s', WRONG],
    ['XLEN none', ':0\r\n'],
    ['XRANGE x a +', ID],
    ['XRANGE x (- +', ID],
    [`XRANGE x (${LAST}-${LAST} +`, START],
    ['XRANGE x - (0-0', END],
    ['XRANGE x - + COUNT', SYNTAX],
    ['XRANGE x - + COUNT a', NOT_INT],
    ['XRANGE x - + LIMIT 1', SYNTAX],
    ['XRANGE x - + COUNT 0', '*-1\r\n'],
    ['XRANGE x - + COUNT -7', '*-1\r\n'],
    ['XRANGE none - + COUNT 0', '*0\r\n'],
    ['XRANGE s - +', WRONG],
    ['XREVRANGE x + (+', ID],
    ['XDEL x 1-1 a', ID],
    ['XDEL s 1-1', WRONG],
    ['XDEL none a', ':0\r\n'],
    ['XTRIM x MAXLEN', "-ERR wrong number of arguments for 'xtrim' command\r\n"],
    ['XTRIM x NOPE 5', SYNTAX],
    ['XTRIM x LIMIT 5', '-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy\r\n'],
    ['XTRIM x LIMIT 0', '-ERR syntax error, XTRIM must be called with a trimming strategy\r\n'],
    ['XTRIM x MAXLEN 1 LIMIT 1', APPROXIMATE],
    ['XTRIM none MAXLEN 1', ':0\r\n'],
    ['XTRIM s MAXLEN 1', WRONG],
    ['XSETID none 1-1', '-ERR no such key\r\n'],
    ['XSETID s 1-1', WRONG],
    ['XSETID x a', ID],
    ['XSETID x 5-1', '-ERR The ID specified in XSETID is smaller than the target stream top item\r\n'],
    ['XSETID x 9-1 ENTRIESADDED -1', '-ERR entries_added must be positive\r\n'],
    ['XSETID x 9-1 ENTRIESADDED a', NOT_INT],
    [
      'XSETID x 9-1 ENTRIESADDED 1',
      '-ERR The entries_added specified in XSETID is smaller than the target stream length\r\n',
    ],
    [
      'XSETID x 9-1 MAXDELETEDID 10-1',
      '-ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id\r\n',
    ],
    ['XSETID x 9-1 NOPE', SYNTAX],
    [
      'XREAD COUNT 1 STREAMS x',
      "-ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.\r\n",
    ],
    ['XREAD COUNT 1 NOPE x 0', SYNTAX],
    ['XREAD COUNT a STREAMS x 0', NOT_INT],
    ['XREAD BLOCK a STREAMS x 0', '-ERR timeout is not an integer or out of range\r\n'],
    ['XREAD BLOCK -1 STREAMS x 0', '-ERR timeout is negative\r\n'],
    [
      'XREAD GROUP g c STREAMS x 0',
      '-ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.\r\n',
    ],
    ['XREAD NOACK STREAMS x 0', '-ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.\r\n'],
    [
      'XREAD STREAMS x >',
      '-ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.\r\n',
    ],
    ['XREAD STREAMS x -', ID],
    ['XREAD STREAMS s 0', WRONG],
    ['XREAD STREAMS none 0', '*-1\r\n'],
    ['XREAD STREAMS x $', '*-1\r\n'],
    ['XREADGROUP GROUP g c STREAMS none >', GROUP_READ('none', 'g')],
    ['XREADGROUP GROUP nope c STREAMS x >', GROUP_READ('x', 'nope')],
    ['XREADGROUP COUNT 1 NOACK NOACK STREAMS x >', '-ERR Missing GROUP option for XREADGROUP\r\n'],
    [
      'XREADGROUP GROUP g c STREAMS x $',
      '-ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by ' +
        'specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result ' +
        'set.\r\n',
    ],
    ['XREADGROUP GROUP g c STREAMS s >', WRONG],
    ['XACK none g 1-1', ':0\r\n'],
    ['XACK x nope a', ':0\r\n'],
    ['XACK x g a', ID],
    ['XACK s g 1-1', WRONG],
    ['XPENDING none g', "-NOGROUP No such key 'none' or consumer group 'g'\r\n"],
    ['XPENDING x nope', "-NOGROUP No such key 'x' or consumer group 'nope'\r\n"],
    ['XPENDING x g -', SYNTAX],
    ['XPENDING x g - +', SYNTAX],
    ['XPENDING x g - + a', NOT_INT],
    ['XPENDING x g IDLE 5 - +', SYNTAX],
    ['XPENDING x g IDLE a - + 5', NOT_INT],
    ['XPENDING x g a + 5', ID],
    ['XPENDING x g - + 5 nobody', '*0\r\n'],
    ['XPENDING x g - + 5 nobody more', '*0\r\n'],
    ['XPENDING s g', WRONG],
    ['XCLAIM none g c 0 1-1', "-NOGROUP No such key 'none' or consumer group 'g'\r\n"],
    ['XCLAIM x g c a 1-1', '-ERR Invalid min-idle-time argument for XCLAIM\r\n'],
    ['XCLAIM x g c 0 1-1 NOPE', "-ERR Unrecognized XCLAIM option 'NOPE'\r\n"],
    ['XCLAIM x g c 0 1-1 IDLE a', '-ERR Invalid IDLE option argument for XCLAIM\r\n'],
    ['XCLAIM x g c 0 1-1 TIME a', '-ERR Invalid TIME option argument for XCLAIM\r\n'],
    ['XCLAIM x g c 0 1-1 RETRYCOUNT a', '-ERR Invalid RETRYCOUNT option argument for XCLAIM\r\n'],
    ['XCLAIM x g c 0 1-1 LASTID a', ID],
    ['XCLAIM s g c 0 1-1', WRONG],
    ['XAUTOCLAIM none g c 0 0', "-NOGROUP No such key 'none' or consumer group 'g'\r\n"],
    ['XAUTOCLAIM x g c a 0', '-ERR Invalid min-idle-time argument for XAUTOCLAIM\r\n'],
    ['XAUTOCLAIM x g c 0 a', ID],
    ['XAUTOCLAIM x g c 0 0 COUNT 0', '-ERR COUNT must be > 0\r\n'],
    ['XAUTOCLAIM x g c 0 0 COUNT a', '-ERR COUNT must be > 0\r\n'],
    ['XAUTOCLAIM x g c 0 0 NOPE', SYNTAX],
    ['XAUTOCLAIM s g c 0 0', WRONG],
    [
      'XGROUP CREATE none g 0',
      '-ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM ' +
        'option to create an empty stream automatically.\r\n',
    ],
    ['XGROUP CREATE x g 0', '-BUSYGROUP Consumer Group name already exists\r\n'],
    ['XGROUP CREATE x h a', ID],
    ['XGROUP CREATE x h 0 ENTRIESREAD -2', '-ERR value for ENTRIESREAD must be positive or -1\r\n'],
    ['XGROUP CREATE x h 0 ENTRIESREAD a', NOT_INT],
    ['XGROUP CREATE s g 0', WRONG],
    ['XGROUP SETID x nope 0', "-NOGROUP No such consumer group 'nope' for key name 'x'\r\n"],
    ['XGROUP CREATECONSUMER x nope c', "-NOGROUP No such consumer group 'nope' for key name 'x'\r\n"],
    ['XGROUP DELCONSUMER x nope c', "-NOGROUP No such consumer group 'nope' for key name 'x'\r\n"],
    ['XGROUP DESTROY x nope', ':0\r\n'],
    ['XINFO STREAM none', '-ERR no such key\r\n'],
    ['XINFO STREAM s', WRONG],
    ['XINFO GROUPS none', '-ERR no such key\r\n'],
    ['XINFO CONSUMERS x nope', "-NOGROUP No such consumer group 'nope' for key name 'x'\r\n"],
  ])('%s is answered as by Redis', (text, expected) => {
    const engine = engineWith('SET s v', 'XADD x 5-1 f v', 'XADD x 5-2 f v', 'XGROUP CREATE x g 0');
    const before = engine.usedBytes();
    expect(engine.run(...text.split(' '))).toBe(expected);
    if (expected.startsWith('-')) expect(engine.usedBytes()).toBe(before);
    expect(fsck(engine)).toEqual([]);
  });

  it('reads ids as strtoull does, over the whole range', () => {
    const engine = engineWith();
    expect(engine.call('XADD', 'x', '007-05', 'f', 'v')).toBe('7-5');
    expect(engine.call('XADD', 'x', '9007199254740993-9007199254740995', 'f', 'v')).toBe(
      '9007199254740993-9007199254740995',
    );
    expect(engine.call('XADD', 'x', '9007199254740993-*', 'f', 'v')).toBe('9007199254740993-9007199254740996');
    expect(engine.call('XADD', 'x', `${LAST}-${LAST}`, 'f', 'v')).toBe(`${LAST}-${LAST}`);
    expect(engine.run('XADD', 'x', '*', 'f', 'v')).toBe(
      '-ERR The stream has exhausted the last possible ID, unable to add more items\r\n',
    );
    expect(engine.call('XRANGE', 'x', '9007199254740993-9007199254740996', '+', 'COUNT', 1)).toEqual([
      ['9007199254740993-9007199254740996', ['f', 'v']],
    ]);
    expect(engine.call('XADD', 'y', `5-${LAST}`, 'f', 'v')).toBe(`5-${LAST}`);
    expect(engine.run('XADD', 'y', '5-*', 'f', 'v')).toBe(SMALL);
    expect(engine.call('XREVRANGE', 'y', '+', '-')).toEqual([[`5-${LAST}`, ['f', 'v']]]);
    expect(fsck(engine)).toEqual([]);
  });

  it('takes ids from the clock, and never an older one', () => {
    const engine = engineWith();
    const first = String(engine.call('XADD', 'x', '*', 'f', 'v'));
    expect(Math.abs(Number(first.split('-')[0]) - engine.nowMs)).toBeLessThan(5000);
    engine.advance(-60_000);
    const second = String(engine.call('XADD', 'x', '*', 'f', 'v'));
    expect(second).toBe(`${first.split('-')[0]}-${Number(first.split('-')[1]) + 1}`);
  });

  it('keeps entries of any size', () => {
    const engine = engineWith();
    const big = 'b'.repeat(300_000);
    engine.call('XADD', 'x', '1-1', 'f', 'small');
    engine.call('XADD', 'x', '2-1', big, big, 'g', 'h');
    engine.call('XADD', 'x', '3-1', 'f', 'small');
    engine.call('XADD', 'x', '4-1', ...Array.from({ length: 40_000 }, (_, i) => String(i)));
    expect(engine.call('XRANGE', 'x', '2', '2')).toEqual([['2-1', [big, big, 'g', 'h']]]);
    expect((engine.call('XREVRANGE', 'x', '+', '-') as string[][]).map((entry) => entry[0])).toEqual([
      ...['4-1', '3-1', '2-1', '1-1'],
    ]);
    expect(engine.call('COPY', 'x', 'y')).toBe(1);
    expect(engine.call('DEBUG', 'DIGEST-VALUE', 'x')).toEqual(engine.call('DEBUG', 'DIGEST-VALUE', 'y'));
    expect(fsck(engine)).toEqual([]);
    expect(engine.call('XDEL', 'x', '2-1', '4-1')).toBe(2);
    expect(engine.call('XLEN', 'x')).toBe(2);
    expect(engine.call('XTRIM', 'y', 'MINID', '4')).toBe(3);
    expect(fsck(engine)).toEqual([]);
  });

  it('marks deleted entries and drops nodes of which nothing is left', () => {
    const engine = engineWith();
    for (let i = 1; i <= 250; i++) engine.call('XADD', 'x', `${i}-1`, 'f', `v${i}`);
    const info = (): unknown => (engine.call('XINFO', 'STREAM', 'x') as unknown[])[3];
    expect(info()).toBe(3);
    for (let i = 101; i <= 200; i++) engine.call('XDEL', 'x', `${i}-1`);
    expect(info()).toBe(2);
    expect(engine.call('XTRIM', 'x', 'MAXLEN', '~', 60)).toBe(0);
    expect(engine.call('XTRIM', 'x', 'MAXLEN', '~', 50)).toBe(100);
    expect(engine.call('XTRIM', 'x', 'MAXLEN', '=', 0)).toBe(50);
    expect(info()).toBe(0);
    expect(engine.call('EXISTS', 'x')).toBe(1);
    expect(engine.call('XADD', 'x', '250-*', 'f', 'v')).toBe('250-2');
    expect(fsck(engine)).toEqual([]);
  });
});

describe('consumer groups', () => {
  const group = ['XADD x 1-1 f a', 'XADD x 2-1 f b', 'XADD x 3-1 f c', 'XGROUP CREATE x g 0'];

  it('deliver, show history, and forget what is acknowledged', () => {
    const engine = engineWith(...group);
    expect(engine.call('XREADGROUP', 'GROUP', 'g', 'ann', 'COUNT', 2, 'STREAMS', 'x', '>')).toEqual([
      [
        'x',
        [
          ['1-1', ['f', 'a']],
          ['2-1', ['f', 'b']],
        ],
      ],
    ]);
    engine.call('XDEL', 'x', '2-1');
    expect(engine.call('XREADGROUP', 'GROUP', 'g', 'ann', 'STREAMS', 'x', '0')).toEqual([
      [
        'x',
        [
          ['1-1', ['f', 'a']],
          ['2-1', null],
        ],
      ],
    ]);
    expect(engine.call('XPENDING', 'x', 'g')).toEqual([2, '1-1', '2-1', [['ann', '2']]]);
    expect(engine.call('XACK', 'x', 'g', '1-1', '1-1', '7-7')).toBe(1);
    expect(engine.call('XPENDING', 'x', 'g')).toEqual([1, '2-1', '2-1', [['ann', '1']]]);
    expect(engine.call('XREADGROUP', 'GROUP', 'g', 'bob', 'STREAMS', 'x', '0')).toEqual([['x', []]]);
    expect(fsck(engine)).toEqual([]);
  });

  it('answer XREADGROUP with a map in RESP3', () => {
    const engine = engineWith(...group);
    engine.proto = 3;
    expect(engine.run('XREADGROUP', 'GROUP', 'g', 'ann', 'COUNT', 1, 'STREAMS', 'x', '>')).toBe(
      '%1\r\n$1\r\nx\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nf\r\n$1\r\na\r\n',
    );
    expect(engine.run('XREAD', 'STREAMS', 'x', '3-1')).toBe('_\r\n');
  });

  it('claim what has been idle for long enough', () => {
    const engine = engineWith(...group);
    engine.call('XREADGROUP', 'GROUP', 'g', 'ann', 'STREAMS', 'x', '>');
    expect(engine.call('XCLAIM', 'x', 'g', 'bob', 10_000, '1-1')).toEqual([]);
    engine.advance(10_001);
    expect(engine.call('XCLAIM', 'x', 'g', 'bob', 10_000, '1-1')).toEqual([['1-1', ['f', 'a']]]);
    expect(engine.call('XPENDING', 'x', 'g', 'IDLE', 10_000, '-', '+', 9)).toHaveLength(2);
    expect(engine.call('XCLAIM', 'x', 'g', 'cid', 0, '2-1', 'IDLE', 5000, 'RETRYCOUNT', 7, 'JUSTID')).toEqual(['2-1']);
    const row = (engine.call('XPENDING', 'x', 'g', '2', '2', 1) as unknown[][])[0]!;
    expect([row[0], row[1], row[3]]).toEqual(['2-1', 'cid', 7]);
    expect(row[2]).toBeGreaterThanOrEqual(5000);
    expect(engine.call('XAUTOCLAIM', 'x', 'g', 'dan', 0, '-', 'COUNT', 2, 'JUSTID')).toEqual([
      ...['3-1', ['1-1', '2-1'], []],
    ]);
    engine.call('XDEL', 'x', '3-1');
    expect(engine.call('XAUTOCLAIM', 'x', 'g', 'dan', 0, '3-1')).toEqual(['0-0', [], ['3-1']]);
    expect(fsck(engine)).toEqual([]);
  });

  it('count what was read, and say how far they lag behind', () => {
    const engine = engineWith(...group);
    const read = (): unknown[] => {
      const row = (engine.call('XINFO', 'GROUPS', 'x') as unknown[][])[0]!;
      return [row[9], row[11]];
    };
    expect(read()).toEqual([null, 3]);
    engine.call('XREADGROUP', 'GROUP', 'g', 'ann', 'COUNT', 1, 'STREAMS', 'x', '>');
    expect(read()).toEqual([1, 2]);
    engine.call('XDEL', 'x', '2-1');
    expect(read()).toEqual([1, null]);
    engine.call('XREADGROUP', 'GROUP', 'g', 'ann', 'COUNT', 5, 'STREAMS', 'x', '>');
    expect(read()).toEqual([2, 1]);
  });

  it('tell about consumers, most of all when they did nothing', () => {
    const engine = engineWith(...group, 'XGROUP CREATECONSUMER x g idle');
    engine.call('XREADGROUP', 'GROUP', 'g', 'ann', 'STREAMS', 'x', '>');
    engine.advance(500);
    const [ann, idle] = engine.call('XINFO', 'CONSUMERS', 'x', 'g') as unknown[][];
    expect(ann!.slice(0, 4)).toEqual(['name', 'ann', 'pending', 3]);
    expect(ann![5]).toBeGreaterThanOrEqual(500);
    expect(ann![7]).toBeGreaterThanOrEqual(500);
    expect(idle!.slice(0, 4)).toEqual(['name', 'idle', 'pending', 0]);
    expect(idle![7]).toBe(-1);
    expect(engine.call('XGROUP', 'DELCONSUMER', 'x', 'g', 'ann')).toBe(3);
    expect(engine.call('XPENDING', 'x', 'g')).toEqual([0, null, null, null]);
    expect(fsck(engine)).toEqual([]);
  });
});

describe('effects and events of streams', () => {
  const recordOf = (engine: TestEngine, ...words: Word[]): string[] => {
    engine.recorded();
    expect(engine.run(...words)).not.toMatch(/^-/);
    return engine.recorded();
  };

  it('name ids and lengths that were chosen', () => {
    const engine = engineWith();
    engine.record(true);
    expect(recordOf(engine, 'XADD', 'x', '5-*', 'f', 'v')).toEqual(
      expect.arrayContaining(['0 event xadd x', '0: XADD x 5-0 f v']),
    );
    expect(recordOf(engine, 'XADD', 'x', 'MAXLEN', '~', '1', 'LIMIT', '9', '6-*', 'f', 'v')).toEqual([
      ...['0 event xadd x', '0: XADD x MAXLEN = 2 6-0 f v'],
    ]);
    expect(recordOf(engine, 'XADD', 'x', 'MAXLEN', '1', '7-1', 'f', 'v')).toEqual([
      ...['0 event xadd x', '0 event xtrim x', '0: XADD x MAXLEN 1 7-1 f v'],
    ]);
    expect(recordOf(engine, 'XADD', 'x', 'MINID', '~', '7', '8-1', 'f', 'v')).toEqual([
      ...['0 event xadd x', '0: XADD x MINID = 5-0 8-1 f v'],
    ]);
    expect(recordOf(engine, 'XTRIM', 'x', 'MAXLEN', '~', '0')).toEqual(['0 event xtrim x', '0: XTRIM x MAXLEN = 0']);
    expect(recordOf(engine, 'XTRIM', 'x', 'MAXLEN', '0')).toEqual([]);
    expect(recordOf(engine, 'XDEL', 'x', '1-1')).toEqual([]);
    expect(recordOf(engine, 'XSETID', 'x', '9-9')).toEqual(['0 event xsetid x', '0: XSETID x 9-9']);
  });

  it('of reading with a group are claims', () => {
    const engine = engineWith('XADD x 1-1 f a', 'XADD x 2-1 f b');
    engine.record(true);
    expect(recordOf(engine, 'XGROUP', 'CREATE', 'x', 'g', '0')).toEqual([
      ...['0 event xgroup-create x', '0: XGROUP CREATE x g 0'],
    ]);
    const read = recordOf(engine, 'XREADGROUP', 'GROUP', 'g', 'ann', 'COUNT', 1, 'STREAMS', 'x', '>');
    const claim = /^0: XCLAIM x g ann 0 1-1 TIME \d+ RETRYCOUNT 1 FORCE JUSTID LASTID 1-1$/;
    expect(read).toEqual(['0 event xgroup-createconsumer x', expect.stringMatching(claim)]);
    expect(recordOf(engine, 'XREADGROUP', 'GROUP', 'g', 'ann', 'STREAMS', 'x', '0')).toEqual([]);
    const silent = recordOf(engine, 'XREADGROUP', 'GROUP', 'g', 'bob', 'NOACK', 'STREAMS', 'x', '>');
    expect(silent.filter((line) => !/MULTI|EXEC/.test(line))).toEqual([
      '0 event xgroup-createconsumer x',
      '0: XGROUP CREATECONSUMER x g bob',
      '0: XGROUP SETID x g 2-1 ENTRIESREAD 2',
    ]);
    expect(recordOf(engine, 'XACK', 'x', 'g', '1-1')).toEqual(['0: XACK x g 1-1']);
    expect(recordOf(engine, 'XACK', 'x', 'g', '1-1')).toEqual([]);
    expect(recordOf(engine, 'XGROUP', 'DELCONSUMER', 'x', 'g', 'bob')).toEqual([
      ...['0 event xgroup-delconsumer x', '0: XGROUP DELCONSUMER x g bob'],
    ]);
    expect(recordOf(engine, 'XGROUP', 'SETID', 'x', 'g', '0')).toEqual([
      ...['0 event xgroup-setid x', '0: XGROUP SETID x g 0'],
    ]);
    expect(recordOf(engine, 'XGROUP', 'DESTROY', 'x', 'g')).toEqual([
      ...['0 event xgroup-destroy x', '0: XGROUP DESTROY x g'],
    ]);
  });
});
