/**
 * The documented differences between the oracle (Debian's redis-server 7.0.15) and Redis 7.2, which sherd follows. A
 * row applies when the command's name and both replies match; nothing else may differ.
 */
import type { Arg } from '../harness/resp-client.js';

interface Difference {
  readonly why: string;
  readonly command: RegExp;
  readonly oracle: RegExp;
  readonly subject: RegExp;
  /** Without what matches this the replies are the same. */
  readonly but?: RegExp;
}

export const DIFFERENCES: readonly Difference[] = [
  {
    why: '7.2 keeps small lists as listpacks',
    command: /^object$/i,
    oracle: /^\$9\r\nquicklist/,
    subject: /^\$8\r\nlistpack/,
  },
  {
    why: '7.2 refuses the least integer as a RANK, which has no counterpart from the other end',
    command: /^lpos$/i,
    oracle: /^/,
    subject: /^-ERR value is out of range, value must between -9223372036854775807/,
  },
  {
    why: '7.4 checks the arguments of BITCOUNT and BITPOS before it looks at the key',
    command: /^bit(count|pos)$/i,
    oracle: /^(:|-WRONGTYPE )/,
    subject: /^-ERR /,
  },
  {
    why: '7.2 lets COMMAND GETKEYS have a command without arguments',
    command: /^command$/i,
    oracle: /^-ERR wrong number of arguments for 'command\|getkeys' command/,
    subject: /^-ERR (The command has no key arguments|Invalid number of arguments|Invalid command)/,
  },
  {
    why: '7.2 keeps small sets of strings in a listpack',
    command: /^object$/i,
    oracle: /^\$9\r\nhashtable/,
    subject: /^\$8\r\nlistpack/,
  },
  {
    why: '7.2 quotes the name of the command',
    command: /^xread(group)?$/i,
    oracle: /^-ERR Unbalanced XREAD list of streams/,
    subject: /^-ERR Unbalanced 'xread(group)?' list of streams/,
  },
  {
    why: '7.2 makes a consumer also of one who asks and gets nothing',
    command: /^xinfo$/i,
    oracle: /consumers\r\n:/,
    subject: /consumers\r\n:/,
    but: /consumers\r\n:\d+/g,
  },
  {
    why: 'SORT, of all commands, makes a sorted set a skiplist in Redis; here it leaves what it reads alone',
    command: /^object$/i,
    oracle: /^\$8\r\nskiplist/,
    subject: /^\$8\r\nlistpack/,
  },
];

/** Whether a documented difference explains the two replies. */
export function isDocumented(args: readonly Arg[], oracle: Buffer, subject: Buffer): boolean {
  const name = String(args[0]);
  const [a, b] = [oracle.toString('latin1'), subject.toString('latin1')];
  return DIFFERENCES.some((row) => {
    if (!row.command.test(name) || !row.oracle.test(a) || !row.subject.test(b)) return false;
    return row.but === undefined || a.replace(row.but, '') === b.replace(row.but, '');
  });
}
