/** Lists, to the rest of the engine. */
import { TYPE_LIST } from '../../entry/entry.js';
import { valueType } from '../../entry/type-table.js';
import { RDB_LIST, RDB_LIST_QUICKLIST, RDB_LIST_QUICKLIST_2, RDB_LIST_ZIPLIST } from '../../rdb/rdb-format.js';
import { listCellBytes, listCopy, listDigest, listEncodingName, listFree, listVisit } from './list-cells.js';
import { readList, writeList } from './list-codec.js';
import { LIST_GARBAGE } from './list-garbage.js';
import { listLength } from './list-value.js';

export const LIST = valueType({
  type: TYPE_LIST,
  name: 'list',
  encodings: 2,
  digestNumber: 1,
  garbage: [LIST_GARBAGE],
  free: listFree,
  copy: listCopy,
  visit: listVisit,
  cellBytes: listCellBytes,
  length: listLength,
  encodingName: listEncodingName,
  digest: listDigest,
  rdbForms: [RDB_LIST, RDB_LIST_ZIPLIST, RDB_LIST_QUICKLIST, RDB_LIST_QUICKLIST_2],
  rdbForm: () => RDB_LIST_QUICKLIST_2,
  write: writeList,
  read: readList,
});
