/**
 * DEBUG DIGEST: a fingerprint of a data set that does not depend on the order of keys, computed as Redis computes it,
 * so that equal data sets of both have equal digests. SHA-1s are combined by xor where order does not matter and by
 * feeding the digest back where it does.
 */
import type { Arena } from '../../shared/memory/arena.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import { mixDigest, xorDigest } from '../entry/digest-mix.js';
import { entryExpireAtMs } from '../entry/entry.js';
import { entryKeyBytes } from '../entry/entry-key.js';
import type { TypeTable } from '../entry/type-table.js';
import type { Keyspace } from '../keyspace/keyspace.js';
import { walkTables } from '../keyspace/walk.js';
import { TABLE_ENTRIES_MAX, tableEntries } from '../structures/table.js';

const DIGEST_BYTES = 20;
const EXPIRE_MARK = Buffer.from('!!expire!!');

function bigEndian32(n: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, n);
  return bytes;
}

/** Mixes an entry's value and the fact of its expiry into `digest`. @requires lease */
export function mixValue(types: TypeTable, arena: Arena, e: Ptr, digest: Uint8Array): void {
  const type = types.of(arena, e);
  mixDigest(digest, bigEndian32(type.digestNumber));
  type.digest(arena, e, digest);
  if (entryExpireAtMs(arena, e) >= 0) xorDigest(digest, EXPIRE_MARK);
}

/** Digest of all databases of all shards (`keyspaces[shard][db]`), as 40 hex digits. Cold. @requires all leases */
export function datasetDigest(keyspaces: readonly (readonly Keyspace[])[]): string {
  const total = new Uint8Array(DIGEST_BYTES);
  const entries = new Int32Array(TABLE_ENTRIES_MAX);
  const databases = keyspaces[0]!.length;
  for (let db = 0; db < databases; db++) {
    if (keyspaces.every((shard) => shard[db]!.dict.count === 0)) continue;
    mixDigest(total, bigEndian32(db));
    for (const shard of keyspaces) {
      const { arena, dict, types } = shard[db]!;
      for (const table of walkTables(dict)) {
        const n = tableEntries(arena, table, entries);
        for (let i = 0; i < n; i++) {
          const e = entries[i]! as Ptr;
          const digest = new Uint8Array(DIGEST_BYTES);
          mixDigest(digest, entryKeyBytes(arena, e));
          mixValue(types, arena, e, digest);
          xorDigest(total, digest);
        }
      }
    }
  }
  return Buffer.from(total).toString('hex');
}
