/** What the keyspace must know of a stream: its bytes, freeing, copying, and its cells for fsck. */
import type { Arena } from '../../../shared/memory/arena.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { entryEncoding } from '../../keyspace/entry.js';
import { STREAM_TREE } from '../encodings.js';

/** Bytes of the cells that the value has outside the entry. @requires lease */
export function streamCellBytes(_arena: Arena, _e: Ptr): number {
  throw new Error('stream: not built');
}

/** Frees what the value has outside the entry. @requires lease */
export function streamFree(_arena: Arena, _e: Ptr): void {
  throw new Error('stream: not built');
}

/** Gives `copy`, an entry of the same type and encoding in `to`, a copy of the value. Throws ArenaFullError. */
export function streamCopy(_from: Arena, _e: Ptr, _to: Arena, _copy: Ptr): void {
  throw new Error('stream: not built');
}

/** Calls `visit` once for each cell that the value has outside the entry. */
export function streamVisit(_arena: Arena, _e: Ptr, _visit: (ptr: Ptr, what: string) => void): void {
  throw new Error('stream: not built');
}

/** The encoding as OBJECT ENCODING names it. */
export function streamEncodingName(arena: Arena, e: Ptr): string {
  return entryEncoding(arena, e) === STREAM_TREE ? 'stream' : '?';
}

/** Number of elements. @requires lease */
export function streamLength(_arena: Arena, _e: Ptr): number {
  throw new Error('stream: not built');
}

/** Mixes the elements into a digest as Redis's DEBUG DIGEST does. */
export function streamDigest(_arena: Arena, _e: Ptr, _digest: Uint8Array): void {
  throw new Error('stream: not built');
}
