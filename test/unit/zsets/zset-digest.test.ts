/** DEBUG DIGEST-VALUE of sorted sets: the digests that redis-server 7.2.6 and 7.4.1 give for one member `m`. */
import { expect, it } from 'vitest';
import { RdbEngine } from '../rdb/rdb-engine.js';

/** Scores, and the beginnings of their digests there. */
const DIGESTS: Readonly<Record<string, string>> = {
  '85.05': '879e088b62f0',
  '1e-320': '44a012cded48',
  '0': '669bd9943b43',
  '-0': '669bd9943b43',
  '-1': '84598695b35c',
  inf: '61a9a206eaf2',
  '-inf': 'c882cc3ef9fd',
  '1e17': '70af2b12199c',
  '9007199254740993': '9e71b9482b17',
  '1e21': '6b238106cfb6',
  '0.1': '7e1bae26d61f',
  '0.30000000000000004': 'b77761a7712f',
  '5e-324': 'a102ea8b255d',
  '1e-7': 'd8fb3b79e066',
  '0.0001': '1d538e97d647',
  '1.7976931348623157e308': 'ba46d67189ef',
  '1200': 'f9b3494b398f',
  '123456789.123456789': '6844843af21f',
};

it.each(Object.entries(DIGESTS))('digests the score %s by its shortest text (#11)', (score, digest) => {
  const engine = new RdbEngine();
  expect(engine.run('ZADD', 'z', score, 'm')).toBe(':1\r\n');
  expect(engine.digest('z').slice(0, digest.length)).toBe(digest);
});
