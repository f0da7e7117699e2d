/** INFO persistence and replication as tables of figures. */
import { STAT } from '../../shared/stats/stats-layout.js';
import { CONTROL } from '../../shared/sync/control-block.js';
import { constant, counter, directive, type FigureRow, gauge, text, zeros } from './figure.js';

const NO_REPLICATION_ID = '0'.repeat(40);

export const PERSISTENCE_ROWS: readonly FigureRow[] = [
  ...zeros('loading', 'async_loading', 'current_cow_peak', 'current_cow_size', 'current_cow_size_age'),
  constant('current_fork_perc', '0.00'),
  ...zeros('current_save_keys_processed', 'current_save_keys_total'),
  counter('rdb_changes_since_last_save', ({ view }) => view.stats.sum(STAT.effects)),
  ...zeros('rdb_bgsave_in_progress'),
  gauge('rdb_last_save_time', ({ view }) => Math.floor(view.startedAtMs / 1000), 'seconds'),
  constant('rdb_last_bgsave_status', 'ok'),
  constant('rdb_last_bgsave_time_sec', -1),
  constant('rdb_current_bgsave_time_sec', -1),
  ...zeros('rdb_saves', 'rdb_last_cow_size', 'rdb_last_load_keys_expired', 'rdb_last_load_keys_loaded'),
  gauge('aof_enabled', ({ control }) => control.i32[CONTROL.appendOnly]!),
  ...zeros('aof_rewrite_in_progress', 'aof_rewrite_scheduled'),
  constant('aof_last_rewrite_time_sec', -1),
  constant('aof_current_rewrite_time_sec', -1),
  constant('aof_last_bgrewrite_status', 'ok'),
  ...zeros('aof_rewrites', 'aof_rewrites_consecutive_failures'),
  constant('aof_last_write_status', 'ok'),
  ...zeros('aof_last_cow_size', 'module_fork_in_progress', 'module_fork_last_cow_size'),
];

export const REPLICATION_ROWS: readonly FigureRow[] = [
  constant('role', 'master'),
  ...zeros('connected_slaves'),
  constant('master_failover_state', 'no-failover'),
  text('master_replid', ({ view }) => view.runId),
  constant('master_replid2', NO_REPLICATION_ID),
  ...zeros('master_repl_offset'),
  constant('second_repl_offset', -1),
  ...zeros('repl_backlog_active'),
  directive('repl_backlog_size', 'repl-backlog-size', 'bytes'),
  ...zeros('repl_backlog_first_byte_offset', 'repl_backlog_histlen'),
];
