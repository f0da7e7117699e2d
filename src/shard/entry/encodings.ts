/** Encodings of the types other than strings (those are in entry.ts), as the head of an entry holds them. */

/** One packed cell. */
export const LIST_PACKED = 0;
/** A chain of packed nodes. */
export const LIST_QUICK = 1;

export const SET_INTSET = 0;
export const SET_PACKED = 1;
export const SET_TABLE = 2;

export const ZSET_PACKED = 0;
/** An element table and a counted B+tree; OBJECT ENCODING calls it "skiplist". */
export const ZSET_TREE = 1;

export const HASH_PACKED = 0;
export const HASH_TABLE = 1;
/** Packed, with a time of expiry beside each field. */
export const HASH_PACKED_EX = 2;

export const STREAM_TREE = 0;
