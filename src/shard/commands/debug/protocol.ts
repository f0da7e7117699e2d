/** DEBUG PROTOCOL: a sample of each reply type, for the people who write clients. */
import type { Reply } from '../../../shared/resp/reply.js';

/** Writes the sample named `type` (lower case), or an error that lists the names. Values are Redis's. */
export function debugProtocol(type: string, reply: Reply): void {
  const sample = SAMPLES.get(type);
  if (sample !== undefined) {
    sample(reply);
    return;
  }
  const names = [...SAMPLES.keys()].join('|');
  reply.errorText(`ERR Wrong protocol type name. Please use one of the following: ${names}`);
}

// biome-ignore lint/suspicious/noApproximativeNumericConstant: Redis's sample, to the digit
const SAMPLE_DOUBLE = 3.141;

function threeNumbers(reply: Reply): void {
  for (let i = 0; i < 3; i++) reply.int(i);
}

const SAMPLES: ReadonlyMap<string, (reply: Reply) => void> = new Map([
  ['string', (reply: Reply) => reply.bulkText('Hello World')],
  ['integer', (reply: Reply) => reply.int(12345)],
  ['double', (reply: Reply) => reply.double(SAMPLE_DOUBLE)],
  ['bignum', (reply: Reply) => reply.bigNumber('1234567999999999999999999999999999999')],
  ['null', (reply: Reply) => reply.nil()],
  [
    'array',
    (reply: Reply) => {
      reply.array(3);
      threeNumbers(reply);
    },
  ],
  [
    'set',
    (reply: Reply) => {
      reply.set(3);
      threeNumbers(reply);
    },
  ],
  [
    'map',
    (reply: Reply) => {
      reply.map(3);
      for (let i = 0; i < 3; i++) {
        reply.int(i);
        reply.bool(i === 1);
      }
    },
  ],
  [
    'attrib',
    (reply: Reply) => {
      if (reply.proto === 3) {
        reply.attribute(1);
        reply.bulkText('key-popularity');
        reply.array(2);
        reply.bulkText('key:123');
        reply.int(90);
      }
      reply.bulkText('Some real reply following the attribute');
    },
  ],
  [
    'push',
    (reply: Reply) => {
      if (reply.proto === 2) {
        reply.errorText('ERR RESP2 is not supported by this command');
        return;
      }
      reply.push(2);
      reply.bulkText('server-cpu-usage');
      reply.int(42);
      reply.bulkText('Some real reply following the push reply');
    },
  ],
  ['verbatim', (reply: Reply) => reply.verbatim('txt', 'This is a verbatim\nstring')],
  ['true', (reply: Reply) => reply.bool(true)],
  ['false', (reply: Reply) => reply.bool(false)],
]);
