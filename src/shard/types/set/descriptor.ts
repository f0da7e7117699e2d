/** Sets, to the rest of the engine. A big set that is given up is a table of elements and nothing else. */
import { TYPE_SET } from '../../entry/entry.js';
import { valueType } from '../../entry/type-table.js';
import { RDB_SET, RDB_SET_INTSET, RDB_SET_LISTPACK } from '../../rdb/rdb-format.js';
import { setCellBytes, setCopy, setDigest, setEncodingName, setFree, setVisit } from './set-cells.js';
import { readSet, setForm, writeSet } from './set-codec.js';
import { setCount } from './set-value.js';

export const SET = valueType({
  type: TYPE_SET,
  name: 'set',
  encodings: 3,
  digestNumber: 2,
  garbage: [],
  free: setFree,
  copy: setCopy,
  visit: setVisit,
  cellBytes: setCellBytes,
  length: setCount,
  encodingName: setEncodingName,
  digest: setDigest,
  rdbForms: [RDB_SET, RDB_SET_INTSET, RDB_SET_LISTPACK],
  rdbForm: setForm,
  write: writeSet,
  read: readSet,
});
