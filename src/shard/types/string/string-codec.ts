/** Strings in RDB form. See rdb-writer.ts for the forms that a string may take. */

import type { Arena } from '../../../shared/memory/arena.js';
import { bytesOf, segmentOf, viewOf, wordIndex, wordsOf } from '../../../shared/memory/cell.js';
import { copyWords } from '../../../shared/memory/copy-bytes.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { INT64_CHARS_MAX, int64, parseInt64 } from '../../../shared/numbers/int64.js';
import type { Args } from '../../../shared/resp/args.js';
import { ENC_BLOB, ENC_INT, entryEncoding, SHORT_VALUE_MAX, valueWord } from '../../entry/entry.js';
import { STRING_BYTES_MAX } from '../../rdb/rdb-format.js';
import { BAD_DATA, type RdbReader } from '../../rdb/rdb-reader.js';
import type { RdbWriter } from '../../rdb/rdb-writer.js';
import type { ValueContext } from '../../services/value-context.js';
import { blobCreate, blobFree, blobWrite } from '../../structures/blob.js';
import { embedBytes, embedStart, embeds, HEAD_BLOB, HEAD_EMBED, HEAD_INT, stringLength } from './string-value.js';

/** Longer strings go from the input to their blob in pieces. */
const PIECE_BYTES = 1024 * 1024;

/** Writes the string of an entry. @requires lease */
export function writeString(writer: RdbWriter, arena: Arena, e: Ptr): void {
  const segment = segmentOf(e);
  const i32 = arena.i32[segment]!;
  const vw = valueWord(arena, e);
  switch (entryEncoding(arena, e)) {
    case ENC_INT:
      writer.int64(i32[vw + 1]!, i32[vw]!);
      return;
    case ENC_BLOB:
      writer.blob(arena, i32[vw]! as Ptr, i32[vw + 1]!);
      return;
    default: {
      const short = i32[wordIndex(e) + 1]! & 255;
      writer.string(arena.u8[segment]!, (short <= SHORT_VALUE_MAX ? vw : vw + 1) << 2, stringLength(arena, e));
    }
  }
}

/**
 * Reads a string into a detached entry for the key in argument i. Throws BAD_DATA and ArenaFullError; nothing is left
 * behind then.
 */
export function readString(ctx: ValueContext, args: Args, i: number, reader: RdbReader): Ptr {
  const { text } = reader;
  const length = reader.stringOrLength(PIECE_BYTES);
  if (length >= 0) return readLong(ctx, args, i, reader, length);
  const { u8, dv, off, len } = text;
  const { arena } = ctx;
  if (len <= INT64_CHARS_MAX && parseInt64(u8, off, len)) {
    const e = stringEntry(ctx, args, i, HEAD_INT, 8);
    const vw = valueWord(arena, e);
    wordsOf(arena, e)[vw] = int64.lo;
    wordsOf(arena, e)[vw + 1] = int64.hi;
    return e;
  }
  if (embeds(args.len[i]!, len)) {
    const e = stringEntry(ctx, args, i, HEAD_EMBED, embedBytes(len));
    const at = embedStart(arena, e, len);
    copyWords(bytesOf(arena, e), viewOf(arena, e), at, u8, dv, off, len);
    return e;
  }
  const dir = blobCreate(arena, len);
  try {
    blobWrite(arena, dir, len, 0, u8, off, len);
    return blobEntry(ctx, args, i, dir, len);
  } catch (error) {
    blobFree(arena, dir, len);
    throw error;
  }
}

/** A string of `len` bytes, all still in the input, none of which is taken on trust: blocks are made as bytes come. */
function readLong(ctx: ValueContext, args: Args, i: number, reader: RdbReader, len: number): Ptr {
  if (len >= STRING_BYTES_MAX || !reader.mayHave(len)) throw BAD_DATA;
  const { arena } = ctx;
  const dir = blobCreate(arena, len);
  try {
    for (let at = 0; at < len; ) {
      const n = reader.take(Math.min(PIECE_BYTES, len - at));
      blobWrite(arena, dir, len, at, reader.text.u8, reader.text.off, n);
      at += n;
    }
    return blobEntry(ctx, args, i, dir, len);
  } catch (error) {
    blobFree(arena, dir, len);
    throw error;
  }
}

function stringEntry(ctx: ValueContext, args: Args, i: number, head: number, valueSize: number): Ptr {
  return ctx.keyspace.createEntry(args.u8, args.dv, args.off[i]!, args.len[i]!, head, valueSize, -1, ctx.clock);
}

function blobEntry(ctx: ValueContext, args: Args, i: number, dir: Ptr, len: number): Ptr {
  const e = stringEntry(ctx, args, i, HEAD_BLOB, 8);
  const vw = valueWord(ctx.arena, e);
  const i32 = wordsOf(ctx.arena, e);
  i32[vw] = dir;
  i32[vw + 1] = len;
  return e;
}
