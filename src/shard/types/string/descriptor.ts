/** Strings, the only values that may lie in their entry. */
import { ENC_BLOB, ENC_EMBED, ENC_INT, TYPE_STRING } from '../../entry/entry.js';
import { valueType } from '../../entry/type-table.js';
import { RDB_STRING } from '../../rdb/rdb-format.js';
import {
  embeddedToBlob,
  stringCellBytes,
  stringCopy,
  stringDigest,
  stringFree,
  stringRegionBytes,
  stringVisit,
} from './string-cells.js';
import { readString, writeString } from './string-codec.js';
import { stringEncodingName, stringLength } from './string-value.js';

export const STRING = valueType({
  type: TYPE_STRING,
  name: 'string',
  encodings: 3,
  digestNumber: 0,
  garbage: [],
  free: stringFree,
  copy: stringCopy,
  visit: stringVisit,
  cellBytes: stringCellBytes,
  length: stringLength,
  encodingName: stringEncodingName,
  digest: stringDigest,
  rdbForms: [RDB_STRING],
  rdbForm: () => RDB_STRING,
  write: writeString,
  read: () => {
    throw new Error('strings are read by inEntry.read');
  },
  inEntry: {
    bareEncodings: (1 << ENC_INT) | (1 << ENC_EMBED),
    bytes: stringRegionBytes,
    outsideEncoding: ENC_BLOB,
    outsideBytes: 8,
    copyOutside: embeddedToBlob,
    read: (ctx, args, i, _form, reader) => readString(ctx, args, i, reader),
  },
});
