/** Directives about snapshots and the append-only file. Names, bounds and defaults are those of Redis 7.2. */
import { CONTROL } from '../../shared/sync/control-block.js';
import {
  bool,
  DEBUG,
  type Directive,
  HIDDEN,
  IMMUTABLE,
  INT_MAX,
  int32,
  integer,
  LONG_MAX,
  memory,
  oneOf,
  SHARD,
  special,
  text,
} from './directive.js';
import { SAVE_DEFAULT, savePoints } from './special-values.js';

const MIB = 1024 * 1024;

/** A check that a value is a bare name and not a path. */
function baseName(name: string, what: string, emptyAllowed: boolean): (value: string) => string | null {
  return (value) => {
    if (!emptyAllowed && value === '') return `${name} can't be empty`;
    return /[/\\]/.test(value) ? `${name} can't be a path, just a ${what}` : null;
  };
}

export const SNAPSHOTS: readonly Directive[] = [
  special('save', SAVE_DEFAULT, savePoints, 'Seconds and changes after which a snapshot is made.', {
    multiArg: true,
    asksNothing: '',
  }),
  bool('stop-writes-on-bgsave-error', 'yes', 'Refuses writes after a snapshot that failed.'),
  bool('rdbcompression', 'yes', 'Compresses long strings in what DUMP returns, and in snapshots.', {
    reader: SHARD,
    word: int32(CONTROL.rdbCompression),
  }),
  bool('rdbchecksum', 'yes', 'Ends a snapshot with a checksum.', IMMUTABLE),
  bool('rdb-del-sync-files', 'no', 'Removes snapshots made for replication.'),
  bool('rdb-save-incremental-fsync', 'yes', 'Writes a snapshot to the disk piece by piece.'),
  oneOf(
    'sanitize-dump-payload',
    'no',
    ['no', 'yes', 'clients'],
    'Whose RESTORE is looked at closely; sherd always looks.',
    DEBUG,
  ),
  text('dbfilename', 'dump.rdb', 'File of the snapshot.', {
    protected: true,
    validate: baseName('dbfilename', 'filename', true),
  }),
];

export const APPEND_ONLY_FILE: readonly Directive[] = [
  bool('appendonly', 'no', 'Keeps a journal of all writes.', {
    denyLoading: true,
    asksNothing: 'no',
    word: int32(CONTROL.appendOnly),
  }),
  text('appendfilename', 'appendonly.aof', "Name of the journal's files.", {
    immutable: true,
    validate: baseName('appendfilename', 'filename', false),
  }),
  text('appenddirname', 'appendonlydir', "Directory of the journal's files.", {
    immutable: true,
    validate: baseName('appenddirname', 'dirname', false),
  }),
  oneOf('appendfsync', 'everysec', ['everysec', 'always', 'no'], 'When the journal is written to the disk.'),
  bool('no-appendfsync-on-rewrite', 'no', 'Does not do so while the journal is rewritten.'),
  integer('auto-aof-rewrite-percentage', 100, 0, INT_MAX, 'Growth after which the journal is rewritten, percent.'),
  memory('auto-aof-rewrite-min-size', 64 * MIB, 0, LONG_MAX, 'Size below which it is not.'),
  bool('aof-rewrite-incremental-fsync', 'yes', 'Writes the rewritten journal to the disk piece by piece.'),
  bool('aof-load-truncated', 'yes', 'Starts with a journal whose end is missing.'),
  bool('aof-use-rdb-preamble', 'yes', 'Begins a rewritten journal with a snapshot.'),
  bool('aof-timestamp-enabled', 'no', 'Writes times into the journal.'),
  bool('aof-disable-auto-gc', 'no', 'For tests: leaves old files of the journal.', HIDDEN),
];
