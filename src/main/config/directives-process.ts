/**
 * Directives about the process, its log and what it tells about itself.
 * Names, bounds and defaults are those of Redis 7.2.
 */
import { eventClassBits } from '../../shared/keyspace-events.js';
import { CONTROL, CONTROL_F64 } from '../../shared/sync/control-block.js';
import {
  bool,
  type Directive,
  EVERY,
  float64,
  HIDDEN,
  IMMUTABLE,
  INT_MAX,
  IO,
  int32,
  integer,
  LONG_MAX,
  MAIN,
  NEEDLESS,
  oneOf,
  optionalText,
  SHARD,
  someOf,
  special,
  text,
} from './directive.js';
import { eventClasses, isProcessTitle, oomScores, percentiles, workingDirectory } from './special-values.js';

const SIGNAL_ACTIONS = ['default', 'save', 'nosave', 'now', 'force'];
const SYSLOG_FACILITIES = ['user', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'];

function signalAction(value: string): string | null {
  const words = value.split(' ');
  if (words.includes('save') && words.includes('nosave')) {
    return "shutdown options SAVE and NOSAVE can't be used simultaneously";
  }
  return null;
}

/** Out of range values are a hint, not an error. */
function clampHz(value: string): string {
  return String(Math.min(500, Math.max(1, Number(value))));
}

export const PROCESS: readonly Directive[] = [
  bool('daemonize', 'no', 'Runs in the background; sherd stays in the foreground.', {
    immutable: true,
    asksNothing: 'no',
  }),
  oneOf('supervised', 'no', ['upstart', 'systemd', 'auto', 'no'], 'Tells a supervisor when the server is ready.', {
    immutable: true,
    asksNothing: 'no',
  }),
  optionalText('pidfile', 'File that holds the process id.', { immutable: true, reader: MAIN }),
  bool('always-show-logo', 'no', 'Writes the logo into every log.', { immutable: true, asksNothing: 'no' }),
  bool('set-proc-title', 'yes', "Shows the server's state in the process's title.", IMMUTABLE),
  text('proc-title-template', '{title} {listen-addr} {server-mode}', "Form of the process's title.", {
    validate: isProcessTitle,
  }),
  special('dir', '', workingDirectory, 'Working directory.', { protected: true, denyLoading: true, reader: MAIN }),
  integer('hz', 10, 0, INT_MAX, "Turns a second of the housekeeping; sherd's adapts itself to the work.", {
    clamp: clampHz,
    asksNothing: '10',
  }),
  bool('dynamic-hz', 'yes', 'Lets `hz` rise with the number of clients.'),
  integer('io-threads', 1, 1, 128, 'Threads that accept connections and parse.', {
    debug: true,
    immutable: true,
    reader: MAIN,
  }),
  bool('io-threads-do-reads', 'no', "Lets I/O threads read; sherd's always do.", { debug: true, immutable: true }),
  integer('shutdown-timeout', 10, 0, INT_MAX, 'Seconds that a shutdown waits for replicas.'),
  someOf('shutdown-on-sigint', 'default', SIGNAL_ACTIONS, 'What SIGINT does with the data.', {
    validate: signalAction,
    asksNothing: 'default',
  }),
  someOf('shutdown-on-sigterm', 'default', SIGNAL_ACTIONS, 'What SIGTERM does with the data.', {
    validate: signalAction,
    asksNothing: 'default',
  }),
  oneOf('oom-score-adj', 'no', ['no', 'yes', 'relative', 'absolute'], 'Makes the system end other processes first.', {
    synonyms: { relative: 'yes' },
    asksNothing: 'no',
  }),
  special(
    'oom-score-adj-values',
    '0 200 800',
    oomScores,
    'How likely the system ends a master, a replica, a background child.',
    { multiArg: true },
  ),
  bool('disable-thp', 'yes', 'Switches off transparent huge pages for the process.', IMMUTABLE),
  bool('jemalloc-bg-thread', 'yes', 'A thread that gives memory back; the arenas need none.', { reader: NEEDLESS }),
  optionalText('server_cpulist', "Cores of the server's threads.", IMMUTABLE),
  optionalText('bio_cpulist', 'Cores of background work.', IMMUTABLE),
  optionalText('aof_rewrite_cpulist', 'Cores of the rewrite of the append-only file.', IMMUTABLE),
  optionalText('bgsave_cpulist', 'Cores of BGSAVE.', IMMUTABLE),
  text('ignore-warnings', '', 'Warnings about the system that do not stop the start.'),
  text('locale-collate', '', 'Order of letters for SORT ... ALPHA.'),
];

export const LOGGING: readonly Directive[] = [
  oneOf(
    'loglevel',
    'notice',
    ['debug', 'verbose', 'notice', 'warning', 'nothing'],
    'What is written into the log: debug, verbose, notice, warning or nothing.',
    { reader: MAIN },
  ),
  text('logfile', '', 'File of the log; empty: standard output.', { immutable: true, reader: MAIN }),
  bool('syslog-enabled', 'no', 'Sends the log to syslog.', { immutable: true, asksNothing: 'no' }),
  text('syslog-ident', 'redis', 'Name of the server in syslog.', IMMUTABLE),
  oneOf('syslog-facility', 'local0', SYSLOG_FACILITIES, 'Facility of syslog.', IMMUTABLE),
  bool('crash-log-enabled', 'yes', 'Writes a report when the server crashes.'),
  bool('crash-memcheck-enabled', 'yes', 'Tests the memory after a crash.'),
  bool('use-exit-on-panic', 'no', 'Ends without a core file after a panic.', HIDDEN),
  integer(
    'watchdog-period',
    0,
    0,
    INT_MAX,
    'Milliseconds after which a stuck command is written into the log.',
    HIDDEN,
  ),
  integer(
    'slowlog-log-slower-than',
    10000,
    -1,
    LONG_MAX,
    'Microseconds from which on a command is in SLOWLOG; below 0: none is.',
    { reader: EVERY, word: float64(CONTROL_F64.slowlogUsec) },
  ),
  integer('slowlog-max-len', 128, 0, LONG_MAX, 'Entries of SLOWLOG.', {
    reader: EVERY,
    word: float64(CONTROL_F64.slowlogLength),
  }),
  integer(
    'latency-monitor-threshold',
    0,
    0,
    LONG_MAX,
    'Milliseconds from which on an event is in LATENCY; 0: none is.',
    { reader: EVERY, word: float64(CONTROL_F64.latencyMs) },
  ),
  bool('latency-tracking', 'yes', "Shows percentiles of the commands' durations in INFO.", { reader: IO }),
  special('latency-tracking-info-percentiles', '50 99 99.9', percentiles, 'Which percentiles INFO shows.', {
    multiArg: true,
    reader: IO,
  }),
  special('notify-keyspace-events', '', eventClasses, 'Classes of events that are published.', {
    reader: SHARD,
    word: int32(CONTROL.notifyFlags, eventClassBits),
  }),
];
