/** Sorted sets, to the rest of the engine. */
import { TYPE_ZSET } from '../../entry/entry.js';
import { valueType } from '../../entry/type-table.js';
import { RDB_ZSET, RDB_ZSET_2, RDB_ZSET_LISTPACK, RDB_ZSET_ZIPLIST } from '../../rdb/rdb-format.js';
import { zsetCellBytes, zsetCheck, zsetCopy, zsetDigest, zsetEncodingName, zsetFree, zsetVisit } from './zset-cells.js';
import { readZset, writeZset, zsetForm } from './zset-codec.js';
import { ZSET_GARBAGE } from './zset-tree.js';
import { zsetCount } from './zset-value.js';

export const ZSET = valueType({
  type: TYPE_ZSET,
  name: 'zset',
  encodings: 2,
  digestNumber: 3,
  garbage: [ZSET_GARBAGE],
  free: zsetFree,
  copy: zsetCopy,
  visit: zsetVisit,
  check: zsetCheck,
  cellBytes: zsetCellBytes,
  length: zsetCount,
  encodingName: zsetEncodingName,
  digest: zsetDigest,
  rdbForms: [RDB_ZSET, RDB_ZSET_2, RDB_ZSET_ZIPLIST, RDB_ZSET_LISTPACK],
  rdbForm: zsetForm,
  write: writeZset,
  read: readZset,
});
