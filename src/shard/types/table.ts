/** The value types of the server, a row each: the only place that names them all (services/value-type.ts). */
import { TypeTable } from '../entry/type-table.js';
import { HASH } from './hash/descriptor.js';
import { LIST } from './list/descriptor.js';
import { SET } from './set/descriptor.js';
import { STREAM } from './stream/descriptor.js';
import { STRING } from './string/descriptor.js';
import { ZSET } from './zset/descriptor.js';

export const TYPES = new TypeTable([STRING, LIST, SET, ZSET, HASH, STREAM]);
