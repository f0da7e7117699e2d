import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { SeededRandom } from '../../harness/random.js';
import { encode } from '../../harness/resp-client.js';
import { TestEngine } from '../engine-harness.js';

// temporary: against redis-server on 23911
it('agrees with redis', async () => {
  const sock = connect(23911, '127.0.0.1');
  const ask = (words: (string | Uint8Array)[]) =>
    new Promise<string>((resolve) => {
      let got = Buffer.alloc(0);
      const marker = 'END-MARK';
      const on = (d: Buffer) => {
        got = Buffer.concat([got, d]);
        const s = got.toString('latin1');
        if (s.endsWith(`$8\r\n${marker}\r\n`)) {
          sock.off('data', on);
          resolve(s.slice(0, -14));
        }
      };
      sock.on('data', on);
      sock.write(
        Buffer.concat([
          encode(words.map((w) => (typeof w === 'string' ? Buffer.from(w, 'latin1') : w))),
          encode(['ECHO', marker]),
        ]),
      );
    });
  const seed = Number(process.env.SEED ?? Date.now() % 100000);
  const r = new SeededRandom(seed);
  for (const proto of [2, 3] as const) {
    for (const shards of [1, 3]) {
      await ask(['HELLO', String(proto)]);
      await ask(['FLUSHALL']);
      const engine = new TestEngine(shards);
      engine.proto = proto;
      const base = engine.usedBytes();
      const nums = [
        '0',
        '1',
        '-1',
        '12',
        '9223372036854775807',
        '-9223372036854775808',
        '9223372036854775808',
        '9223372036854775806',
        '007',
        '-0',
        '3.5',
        '1e3',
        '',
        ' 1',
        'abc',
        '100',
        '-100',
        '4',
        '20',
        '300',
        'inf',
        '1234567890123456',
        '123456789012345678',
        '-99999999999999999999',
      ];
      const pick = (a: string[]) => a[r.below(a.length)]!;
      const key = () => `k${r.below(6)}${r.chance(0.1) ? 'x'.repeat(9000) : ''}`;
      const val = () =>
        r.chance(0.4)
          ? pick(nums)
          : r.chance(0.1)
            ? 'L'.repeat(r.below(70000))
            : r.chance(0.1)
              ? 'v'.repeat(240 + r.below(30))
              : 'abXc'.repeat(10).slice(0, r.below(40));
      const small = () => (r.chance(0.7) ? String(r.between(-30, 60)) : pick(nums));
      const ttl = () =>
        r.chance(0.7)
          ? String(100000 + r.below(1000))
          : pick([
              '0',
              '-1',
              'x',
              '9223372036854775807',
              '9223372036854775',
              '9223372036854776',
              '9223370399119966',
              '1',
              '5.5',
              '33177117420',
              '33177117420000',
            ]);
      const opts = (n: number) =>
        Array.from({ length: r.below(n) }, () => {
          const o = pick(['NX', 'xx', 'GET', 'KEEPTTL', 'EX', 'PX', 'exat', 'PXAT', 'PERSIST', 'FOO']);
          return ['EX', 'PX', 'exat', 'PXAT'].includes(o) && r.chance(0.9) ? [o, ttl()] : [o];
        }).flat();
      for (let n = 0; n < 12000; n++) {
        const cmd = pick([
          'SET',
          'SET',
          'SET',
          'GET',
          'GET',
          'GETDEL',
          'GETEX',
          'GETSET',
          'APPEND',
          'APPEND',
          'SETRANGE',
          'SETRANGE',
          'GETRANGE',
          'SUBSTR',
          'STRLEN',
          'MSET',
          'MGET',
          'MSETNX',
          'SETNX',
          'SETEX',
          'PSETEX',
          'INCR',
          'DECR',
          'INCRBY',
          'DECRBY',
          'INCRBYFLOAT',
          'LCS',
          'TTL',
          'DEL',
          'EXPIRE',
          'PERSIST',
          'EXISTS',
          'ENC',
        ]);
        let w: string[];
        switch (cmd) {
          case 'SET':
            w = [cmd, key(), val(), ...opts(4)];
            break;
          case 'GETEX':
            w = [cmd, key(), ...opts(3)];
            break;
          case 'GETSET':
          case 'APPEND':
          case 'SETNX':
            w = [cmd, key(), val()];
            break;
          case 'SETRANGE':
            w = [cmd, key(), r.chance(0.05) ? pick(['17000', '200000', '66000']) : small(), val()];
            break;
          case 'GETRANGE':
          case 'SUBSTR':
            w = [cmd, key(), small(), small()];
            break;
          case 'MSET':
          case 'MSETNX':
            w = [cmd, key(), val(), key(), val(), ...(r.chance(0.1) ? [key()] : [])];
            break;
          case 'MGET':
            w = [cmd, key(), key(), key()];
            break;
          case 'SETEX':
          case 'PSETEX':
            w = [cmd, key(), ttl(), val()];
            break;
          case 'INCRBY':
          case 'DECRBY':
            w = [cmd, key(), small()];
            break;
          case 'INCRBYFLOAT':
            w = [cmd, key(), r.chance(0.5) ? String(r.next() * 100) : small()];
            break;
          case 'LCS':
            w = [
              cmd,
              `k${r.below(6)}`,
              `k${r.below(6)}`,
              ...Array.from({ length: r.below(3) }, () => pick(['LEN', 'IDX', 'WITHMATCHLEN', 'MINMATCHLEN', '3'])),
            ];
            break;
          case 'EXPIRE':
            w = [cmd, key(), '100000'];
            break;
          case 'ENC':
            w = ['OBJECT', 'ENCODING', key()];
            break;
          case 'DEL':
            w = r.chance(0.3) ? [cmd, key()] : ['STRLEN', key()];
            break;
          default:
            w = [cmd, key()];
        }
        if (cmd === 'ENC' && engine.registry.lookup(Buffer.from('object'), 0, 6) < 0) continue;
        if (w[0] === 'OBJECT') continue;
        if (w[0] === 'LCS') {
          const [a, b] = [engine.call('STRLEN', w[1]!), engine.call('STRLEN', w[2]!)] as number[];
          if (a! * b! > 3e6) continue;
        }
        const theirs = await ask(w);
        const ours = engine.run(...w);
        if (process.env.DEEP && w[1]) for (const probe of [['EXISTS', w[1]], ['GET', w[1]]]) {
          const [x, y] = [await ask(probe), engine.run(...probe)];
          if (x !== y) throw new Error(`seed ${seed} DEEP n ${n} shards ${shards} proto ${proto}: ${w.map((x) => x.slice(0, 60)).join(' | ')}\n reply ${theirs.slice(0, 80)} ${ours.slice(0, 80)}\n theirs ${JSON.stringify(x.slice(0, 300))}\n ours   ${JSON.stringify(y.slice(0, 300))}`);
        }
        if (theirs !== ours && !(w[0] === 'TTL' && Math.abs(parseInt(theirs.slice(1)) - parseInt(ours.slice(1))) < 4)) {
          throw new Error(
            `seed ${seed} n ${n} shards ${shards} proto ${proto}: ${w.map((x) => x.slice(0, 60)).join(' | ')}\n theirs ${JSON.stringify(theirs.slice(0, 300))}\n ours   ${JSON.stringify(ours.slice(0, 300))}`,
          );
        }
      }
      expect(engine.badPages()).toBe(0);
      for (let i = 0; i < 6; i++) engine.run('DEL', `k${i}`, `k${i}${'x'.repeat(9000)}`);
      expect(engine.usedBytes()).toBe(base);
    }
  }
  sock.destroy();
}, 200000);
