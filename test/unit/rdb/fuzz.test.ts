/** Payloads with random damage: each is refused or makes a value that all commands can live with; never a crash. */
import { afterAll, describe, expect, test } from 'vitest';
import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import { SeededRandom, seedFrom } from '../../harness/random.js';
import { bodyOf, int64, intset, length, listpack, payload, str, ziplist, zipmap } from './old-forms.js';
import { BAD_DATA, RdbEngine } from './rdb-engine.js';

const SEED = seedFrom('FUZZ_SEED');
const RUNS = Number(process.env.FUZZ_RUNS ?? 200);
const ITEMS = ['abc', 5, 'a longer element '.repeat(5), 1000, '', -70_000, 'x'.repeat(300), 1234567890123];

/** What to ask a restored key, so that every entry is read and edited. */
const PROBES: readonly (readonly (string | number)[])[] = [
  ['TYPE', 'k'],
  ['OBJECT', 'ENCODING', 'k'],
  ['STRLEN', 'k'],
  ['LRANGE', 'k', 0, -1],
  ['LRANGE', 'k', -3, -2],
  ['LPUSH', 'k', 'x'],
  ['RPOP', 'k'],
  ['LREM', 'k', 0, 'abc'],
  ['LINSERT', 'k', 'BEFORE', '5', 'y'],
  ['SMEMBERS', 'k'],
  ['SADD', 'k', 1, 'q'],
  ['SREM', 'k', 'abc'],
  ['HGETALL', 'k'],
  ['HSET', 'k', 'abc', 'new', 'f', 'g'],
  ['HDEL', 'k', 'f'],
  ['ZRANGE', 'k', 0, -1, 'WITHSCORES'],
  ['ZADD', 'k', 5, 'abc', 1.5, 'q'],
  ['ZREM', 'k', 'abc'],
  ['XRANGE', 'k', '-', '+'],
  ['XADD', 'k', '*', 'f', 'v'],
  ['XINFO', 'STREAM', 'k', 'FULL'],
  ['COPY', 'k', 'copy', 'REPLACE'],
  ['DUMP', 'k'],
];

function bodies(): Map<string, Buffer> {
  const pairs = ITEMS.map((item, i) => [String(item), String(i * 1000)] as const);
  const flat = ITEMS.flatMap((item, i) => [item, i * 1000]);
  const of = (form: number, ...parts: Uint8Array[]) => Buffer.concat([Buffer.from([form]), ...parts]);
  const made = new Map<string, Buffer>([
    ['list of strings', of(1, length(ITEMS.length), ...ITEMS.map((item) => str(String(item))))],
    ['ziplist', of(10, str(ziplist(ITEMS)))],
    ['quicklist of ziplists', of(14, length(2), str(ziplist(ITEMS)), str(ziplist(['a', 1])))],
    ['quicklist of listpacks', of(18, length(2), length(2), str(listpack(ITEMS)), length(1), str('plain'))],
    ['intset', of(11, str(intset(4, [-70_000, -1, 5, 6, 7, 80_000])))],
    ['packed set', of(20, str(listpack(ITEMS)))],
    ['zipmap', of(9, str(zipmap(pairs, 2)))],
    ['hash ziplist', of(13, str(ziplist(flat)))],
    ['hash listpack', of(16, str(listpack(flat)))],
    ['hash listpack with times', of(25, int64(10), str(listpack(ITEMS.flatMap((item, i) => [item, i, 2 ** 41 * i]))))],
    ['sorted set ziplist', of(12, str(ziplist(flat)))],
    ['sorted set listpack', of(17, str(listpack(flat)))],
  ]);
  const engine = new RdbEngine();
  engine.run('SET', 's', 'the same again and again '.repeat(40));
  engine.run('RPUSH', 'l', ...Array.from({ length: 600 }, (_, i) => `element ${i}`));
  engine.run('SADD', 'm', ...Array.from({ length: 150 }, (_, i) => `element ${i}`));
  engine.run('HSET', 'h', ...Array.from({ length: 100 }, (_, i) => [`field ${i}`, `value ${i}`]).flat());
  engine.run('HSET', 'e', ...Array.from({ length: 20 }, (_, i) => [`field ${i}`, `value ${i}`]).flat());
  engine.control.f64[CONTROL_F64.hashMaxListpackEntries] = 2;
  engine.run('HSET', 't', ...Array.from({ length: 20 }, (_, i) => [`field ${i}`, `value ${i}`]).flat());
  for (const name of ['e', 't']) engine.run('HPEXPIRE', name, 100_000, 'FIELDS', 2, 'field 1', 'field 2');
  for (const name of ['s', 'l', 'm', 'h', 'e', 't']) made.set(`own dump of ${name}`, bodyOf(engine.dump(name)));
  return made;
}

function damage(random: SeededRandom, bytes: Buffer): Buffer {
  const out = Buffer.from(bytes);
  for (let n = random.between(1, 3); n > 0; n--) {
    const at = 1 + random.below(out.length - 1);
    if (random.chance(0.3)) out[at] = random.pick([0, 1, 0x7f, 0x80, 0xc0, 0xf0, 0xf4, 0xfe, 0xff]);
    else if (random.chance(0.5)) out[at] = out[at]! ^ (1 << random.below(8));
    else out[at] = (out[at]! + random.pick([-1, 1])) & 255;
  }
  if (random.chance(0.1)) return out.subarray(0, 1 + random.below(out.length));
  if (random.chance(0.05)) out[0] = random.below(26);
  return out;
}

describe(`damaged payloads (FUZZ_SEED=${SEED})`, () => {
  const engine = new RdbEngine();
  const known = PROBES.filter((words) =>
    engine.registry.defs.some((def) => def.name === String(words[0]).toLowerCase()),
  );

  test.each([...bodies()])('%s', { timeout: 60_000 }, (what, body) => {
    const random = new SeededRandom(SEED + what.length * 7919 + body.length);
    expect([what, engine.restore('k', payload(body, 12), 'REPLACE')]).toEqual([what, '+OK\r\n']);
    let restored = 0;
    for (let run = 0; run < RUNS; run++) {
      engine.run('DEL', 'k');
      const bytes = damage(random, body);
      const reply = engine.restore('k', payload(bytes, 12));
      if (reply === BAD_DATA) continue;
      expect([run, bytes.toString('hex'), reply]).toEqual([run, bytes.toString('hex'), '+OK\r\n']);
      restored++;
      const digest = engine.digest('k');
      expect(engine.restore('copy', engine.dump('k'), 'REPLACE')).toBe('+OK\r\n');
      expect([run, bytes.toString('hex'), engine.digest('copy')]).toEqual([run, bytes.toString('hex'), digest]);
      if (restored % 8 === 0) for (const words of known) engine.run(...words);
      if (restored % 50 === 0) expect(engine.findings()).toEqual([]);
    }
    expect(engine.findings()).toEqual([]);
  });

  test('noise behind every form', () => {
    const random = new SeededRandom(SEED);
    for (let run = 0; run < RUNS * 10; run++) {
      const bytes = Buffer.concat([Buffer.from([random.below(27)]), random.bytes(random.below(60))]);
      expect(engine.restore('k', payload(bytes, 12), 'REPLACE')).toMatch(/^\+OK|^-ERR Bad data format/);
    }
  });

  afterAll(() => expect(engine.findings()).toEqual([]));
});
