/** How MONITOR prints bytes. */
import { expect, test } from 'vitest';
import { quoted } from '../../../src/shared/pubsub/monitor-line.js';

test('MONITOR puts bytes in quotes as Redis does', () => {
  expect(quoted('')).toBe('""');
  expect(quoted('plain text')).toBe('"plain text"');
  expect(quoted('a"b\\c')).toBe('"a\\"b\\\\c"');
  expect(quoted('\n\r\t\x07\b')).toBe('"\\n\\r\\t\\a\\b"');
  expect(quoted('\x00\x1b\x7f\xff')).toBe('"\\x00\\x1b\\x7f\\xff"');
});
