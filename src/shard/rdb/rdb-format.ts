/**
 * Numbers of Redis's RDB format, which dumps and RDB files are made of. docs/formats/dump.md says what they stand
 * for.
 */

/** Types of values. */
export const RDB_STRING = 0;
export const RDB_LIST = 1;
export const RDB_SET = 2;
export const RDB_ZSET = 3;
export const RDB_HASH = 4;
export const RDB_ZSET_2 = 5;
export const RDB_HASH_ZIPMAP = 9;
export const RDB_LIST_ZIPLIST = 10;
export const RDB_SET_INTSET = 11;
export const RDB_ZSET_ZIPLIST = 12;
export const RDB_HASH_ZIPLIST = 13;
export const RDB_LIST_QUICKLIST = 14;
export const RDB_STREAM_LISTPACKS = 15;
export const RDB_HASH_LISTPACK = 16;
export const RDB_ZSET_LISTPACK = 17;
export const RDB_LIST_QUICKLIST_2 = 18;
export const RDB_STREAM_LISTPACKS_2 = 19;
export const RDB_SET_LISTPACK = 20;
export const RDB_STREAM_LISTPACKS_3 = 21;
/** Hashes with times of expiry, as candidates of 7.4 wrote them (absolute times), and as 7.4 does. */
export const RDB_HASH_METADATA_PRE_GA = 22;
export const RDB_HASH_LISTPACK_EX_PRE_GA = 23;
export const RDB_HASH_METADATA = 24;
export const RDB_HASH_LISTPACK_EX = 25;

/** First byte of a length: 6 bits, 14 bits, 32 bits, 64 bits, or a string in a form of its own. */
export const LEN_14_BITS = 0x40;
export const LEN_32_BITS = 0x80;
export const LEN_64_BITS = 0x81;
export const LEN_SPECIAL = 0xc0;

/** The forms of strings. */
export const SPECIAL_INT8 = 0;
export const SPECIAL_INT16 = 1;
export const SPECIAL_INT32 = 2;
export const SPECIAL_LZF = 3;

/** How a node of a quicklist is kept. */
export const NODE_PLAIN = 1;
export const NODE_PACKED = 2;

/** In front of a library of functions, and of one as release candidates of 7.0 wrote it. */
export const RDB_OPCODE_FUNCTION = 245;
export const RDB_OPCODE_FUNCTION_PRE_GA = 246;

/** Versions of the format: of Redis 7.0, which has all that usually is needed; of 7.2; of 7.4, with expiring fields. */
export const RDB_VERSION_7_0 = 10;
export const RDB_VERSION_7_2 = 11;
export const RDB_VERSION_7_4 = 12;
/** The newest version that is read. */
export const RDB_VERSION_MAX = 12;

/** Longest string that is read or written. */
export const STRING_BYTES_MAX = 2 ** 30;
