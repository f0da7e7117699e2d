/**
 * Error replies as frozen byte strings: `reply.error(WRONGTYPE)` copies them out, nothing is built on the hot path.
 * The words are those of Redis 7.2, to the letter: clients match on them. Errors with variable parts are written with
 * `reply.errorText`.
 */

function line(text: string): Uint8Array {
  const bytes = Buffer.from(`-${text}\r\n`, 'utf8');
  const out = new Uint8Array(bytes.length);
  out.set(bytes);
  return out;
}

export const WRONGTYPE = line('WRONGTYPE Operation against a key holding the wrong kind of value');
export const SYNTAX = line('ERR syntax error');
export const SCRIPT_KILLED = line('ERR Error running script: Script killed by user with SCRIPT KILL...');
export const FUNCTION_KILLED = line('ERR Error running script: Script killed by user with FUNCTION KILL...');
/** Not in Redis: a script's interpreter needs address space of its own. */
export const NO_INTERPRETER = line('ERR there is no memory for an interpreter of scripts');
/** Not in Redis: a thread died while it carried out this request, and its successor died too. */
export const ENDED_THREADS = line('ERR the server could not carry out this command: it ended the thread that ran it');
export const NOT_INTEGER = line('ERR value is not an integer or out of range');
export const NOT_FLOAT = line('ERR value is not a valid float');
export const NOT_POSITIVE = line('ERR value is out of range, must be positive');
export const OUT_OF_RANGE_VALUE = line('ERR value is out of range');
export const NO_SUCH_KEY = line('ERR no such key');
export const OUT_OF_RANGE = line('ERR index out of range');
export const OFFSET_OUT_OF_RANGE = line('ERR offset is out of range');
export const SAME_OBJECT = line('ERR source and destination objects are the same');
export const STRING_TOO_LONG = line('ERR string exceeds maximum allowed size (proto-max-bulk-len)');
export const INCR_OVERFLOW = line('ERR increment or decrement would overflow');
export const DECR_OVERFLOW = line('ERR decrement would overflow');
export const NAN_OR_INFINITY = line('ERR increment would produce NaN or Infinity');
export const NAN_OR_INFINITY_VALUE = line('ERR value is NaN or Infinity');
export const HASH_NOT_INTEGER = line('ERR hash value is not an integer');
export const HASH_NOT_FLOAT = line('ERR hash value is not a float');
export const FIELDS_MISSING = line('ERR Mandatory argument FIELDS is missing or not at the right position');
export const FIELDS_COUNT = line('ERR The `numfields` parameter must match the number of arguments');
export const FIELDS_NOT_POSITIVE = line('ERR Number of fields must be a positive integer');
export const FIELDS_TOO_FEW = line('ERR Parameter `numFields` should be greater than 0');
export const FIELDS_INVALID = line('ERR invalid number of fields');
export const FIELD_EXPIRE_NEGATIVE = line('ERR invalid expire time, must be >= 0');
export const FIELD_EXPIRE_MISSING = line('ERR missing expire time');
export const FIELD_CONDITIONS = line('ERR Only one of FXX or FNX arguments can be specified');
export const FIELD_EXPIRES = line('ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified');
export const LPOS_RANK = line(
  "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start" +
    ' from the end of the list',
);
export const LPOS_RANK_RANGE = line(
  'ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807',
);
export const LPOS_COUNT = line("ERR COUNT can't be negative");
export const LPOS_MAXLEN = line("ERR MAXLEN can't be negative");
export const NUMKEYS_NOT_POSITIVE = line('ERR numkeys should be greater than 0');
export const COUNT_NOT_POSITIVE = line('ERR count should be greater than 0');
export const ZADD_CONDITIONS = line('ERR XX and NX options at the same time are not compatible');
export const ZADD_COMPARISONS = line('ERR GT, LT, and/or NX options at the same time are not compatible');
export const ZADD_INCR_PAIRS = line('ERR INCR option supports a single increment-element pair');
export const SCORE_NAN = line('ERR resulting score is not a number (NaN)');
export const SCORE_BOUNDS = line('ERR min or max is not a float');
export const NAME_BOUNDS = line('ERR min or max not valid string range item');
export const ZRANGE_LIMIT = line(
  'ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX',
);
export const ZRANGE_SCORES = line('ERR syntax error, WITHSCORES not supported in combination with BYLEX');
export const WEIGHT_NOT_FLOAT = line('ERR weight value is not a float');
export const HLL_WRONGTYPE = line('WRONGTYPE Key is not a valid HyperLogLog string value.');
export const HLL_CORRUPT = line('INVALIDOBJ Corrupted HLL object detected');
export const HLL_NOT_SPARSE = line('ERR HLL encoding is not sparse');
export const NO_SPECIFIED_KEY = line('ERR The specified key does not exist');
export const BIT_OFFSET = line('ERR bit offset is not an integer or out of range');
export const BIT_VALUE = line('ERR bit is not an integer or out of range');
export const BIT_ARGUMENT = line('ERR The bit argument must be 1 or 0.');
export const BITOP_NOT_ONE_KEY = line('ERR BITOP NOT must be called with a single source key.');
export const BITFIELD_TYPE = line(
  'ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.',
);
export const BITFIELD_OVERFLOW = line('ERR Invalid OVERFLOW type specified');
export const BITFIELD_RO_ONLY_GET = line('ERR BITFIELD_RO only supports the GET subcommand');
export const GEO_UNIT = line('ERR unsupported unit provided. please use M, KM, FT, MI');
export const GEO_RADIUS = line('ERR need numeric radius');
export const GEO_RADIUS_NEGATIVE = line('ERR radius cannot be negative');
export const GEO_WIDTH = line('ERR need numeric width');
export const GEO_HEIGHT = line('ERR need numeric height');
export const GEO_BOX_NEGATIVE = line('ERR height or width cannot be negative');
export const GEO_MEMBER = line('ERR could not decode requested zset member');
export const GEO_COUNT = line('ERR COUNT must be > 0');
export const GEO_ANY = line('ERR the ANY argument requires COUNT argument');
export const GEO_STORE_OPTIONS = line(
  'ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options',
);
export const GEOSEARCHSTORE_OPTIONS = line(
  'ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options',
);
export const RANDOM_COUNT_RANGE = line(
  'ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807',
);
export const KEYS_TOO_MANY = line("ERR Number of keys can't be greater than number of args");
export const LIMIT_NEGATIVE = line("ERR LIMIT can't be negative");
export const SORT_SCORES = line("ERR One or more scores can't be converted into double");
export const INVALID_CURSOR = line('ERR invalid cursor');
export const DB_INDEX = line('ERR DB index is out of range');
export const BUSYKEY = line('BUSYKEY Target key name already exists.');
export const DUMP_BAD_FOOTER = line('ERR DUMP payload version or checksum are wrong');
export const DUMP_BAD_DATA = line('ERR Bad data format');
export const RESTORE_TTL = line('ERR Invalid TTL value, must be >= 0');
export const RESTORE_IDLETIME = line('ERR Invalid IDLETIME value, must be >= 0');
export const RESTORE_FREQ = line('ERR Invalid FREQ value, must be >= 0 and <= 255');
export const FREQ_NOT_TRACKED = line(
  'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between' +
    ' policies at runtime LRU and LFU data will take some time to adjust.',
);
export const IDLETIME_NOT_TRACKED = line(
  'ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies' +
    ' at runtime LRU and LFU data will take some time to adjust.',
);

export const INVALID_EXPIRE_SET = line("ERR invalid expire time in 'set' command");
export const INVALID_EXPIRE_SETEX = line("ERR invalid expire time in 'setex' command");
export const INVALID_EXPIRE_PSETEX = line("ERR invalid expire time in 'psetex' command");
export const INVALID_EXPIRE_GETEX = line("ERR invalid expire time in 'getex' command");
export const INVALID_EXPIRE_EXPIRE = line("ERR invalid expire time in 'expire' command");
export const INVALID_EXPIRE_PEXPIRE = line("ERR invalid expire time in 'pexpire' command");
export const INVALID_EXPIRE_EXPIREAT = line("ERR invalid expire time in 'expireat' command");
export const INVALID_EXPIRE_PEXPIREAT = line("ERR invalid expire time in 'pexpireat' command");
export const EXPIRE_NX_EXCLUSIVE = line('ERR NX and XX, GT or LT options at the same time are not compatible');
export const EXPIRE_GT_LT = line('ERR GT and LT options at the same time are not compatible');

export const OOM = line("OOM command not allowed when used memory > 'maxmemory'.");
export const OOM_STORE = line('OOM sherd is out of memory for this shard');
export const BUSY = line('BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.');
export const BUSY_FUNCTION = line(
  'BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.',
);
export const NOTBUSY = line('NOTBUSY No scripts in execution right now.');
export const UNKILLABLE = line(
  'UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script' +
    ' termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.',
);
export const NOSCRIPT = line('NOSCRIPT No matching script. Please use EVAL.');
export const EXECABORT = line('EXECABORT Transaction discarded because of previous errors.');
export const NOAUTH = line('NOAUTH Authentication required.');
export const NOAUTH_HELLO = line(
  'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass>' +
    ' option can be used to authenticate the client and select the RESP protocol version at the same time',
);
export const WRONGPASS = line('WRONGPASS invalid username-password pair or user is disabled.');
export const NOPROTO = line('NOPROTO unsupported protocol version');
export const MAX_CLIENTS = line('ERR max number of clients reached');
export const PROTECTED_MODE = line(
  'DENIED sherd runs in protected mode: no password is set for the default user, so only clients on this machine are ' +
    "served. Set 'requirepass', or 'protected-mode no' if the network is safe, and connect again.",
);
export const INTERNAL = line('ERR internal error');
