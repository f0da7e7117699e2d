/** Hashes, to the rest of the engine: the only type whose elements expire one by one. */
import { TYPE_HASH } from '../../entry/entry.js';
import { valueType } from '../../entry/type-table.js';
import {
  RDB_HASH,
  RDB_HASH_LISTPACK,
  RDB_HASH_LISTPACK_EX,
  RDB_HASH_LISTPACK_EX_PRE_GA,
  RDB_HASH_METADATA,
  RDB_HASH_METADATA_PRE_GA,
  RDB_HASH_ZIPLIST,
  RDB_HASH_ZIPMAP,
} from '../../rdb/rdb-format.js';
import { expireFields } from './field-expiry.js';
import { hashCellBytes, hashCopy, hashDigest, hashEncodingName, hashFree, hashVisit } from './hash-cells.js';
import { hashForm, readHash, writeHash } from './hash-codec.js';
import { HASH_GARBAGE } from './hash-times.js';
import { hashCount, hashNextAt } from './hash-value.js';

export const HASH = valueType({
  type: TYPE_HASH,
  name: 'hash',
  encodings: 3,
  digestNumber: 4,
  garbage: [HASH_GARBAGE],
  free: hashFree,
  copy: hashCopy,
  visit: hashVisit,
  cellBytes: hashCellBytes,
  length: hashCount,
  encodingName: hashEncodingName,
  digest: hashDigest,
  rdbForms: [
    RDB_HASH,
    RDB_HASH_ZIPMAP,
    RDB_HASH_ZIPLIST,
    RDB_HASH_LISTPACK,
    RDB_HASH_METADATA_PRE_GA,
    RDB_HASH_LISTPACK_EX_PRE_GA,
    RDB_HASH_METADATA,
    RDB_HASH_LISTPACK_EX,
  ],
  rdbForm: hashForm,
  write: writeHash,
  read: readHash,
  expiry: { nextAtMs: hashNextAt, expire: expireFields },
});
