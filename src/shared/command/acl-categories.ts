/** ACL categories: their names in Redis's order, and which of them a command belongs to. */
import type { CommandSpec } from './spec.js';

export const ACL_CATEGORIES: readonly string[] = [
  'keyspace',
  'read',
  'write',
  'set',
  'sortedset',
  'list',
  'hash',
  'string',
  'bitmap',
  'hyperloglog',
  'geo',
  'stream',
  'pubsub',
  'admin',
  'fast',
  'slow',
  'blocking',
  'dangerous',
  'connection',
  'transaction',
  'scripting',
];

/** The categories of a command, without the at sign, in Redis's order: its own and those that its flags imply. */
export function categoriesOf(spec: CommandSpec): string[] {
  const own = new Set(spec.acl.map((name) => name.replace(/^@/, '')));
  const flags = spec.flags;
  if (flags.includes('write')) own.add('write');
  if (flags.includes('readonly') && !own.has('scripting')) own.add('read');
  if (flags.includes('admin')) {
    own.add('admin');
    own.add('dangerous');
  }
  if (flags.includes('pubsub')) own.add('pubsub');
  if (flags.includes('fast')) own.add('fast');
  if (flags.includes('blocking')) own.add('blocking');
  if (!own.has('fast')) own.add('slow');
  return ACL_CATEGORIES.filter((name) => own.has(name));
}
