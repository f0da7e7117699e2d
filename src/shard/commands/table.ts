/** All commands that run on shards. Their order gives the ids, the same in every thread. */
import type { CommandDef } from '../../shared/command/spec.js';
import type { ExecContext } from '../context.js';
import { bitmapCommands } from './bitmaps.js';
import { blockingShardCommands } from './blocking.js';
import { debugCommand } from './debug.js';
import { dumpCommands } from './dump.js';
import { expireCommands } from './expire.js';
import { databaseCommands } from './flush.js';
import { functionCommands } from './functions.js';
import { geoCommands } from './geo.js';
import { hashCommands } from './hashes.js';
import { hyperloglogCommands } from './hyperloglog.js';
import { keyCommandsBasic } from './keys.js';
import { keyCommandsMove } from './keys-move.js';
import { listCommands } from './lists.js';
import { listBlockingCommands } from './lists-blocking.js';
import { memoryUsageCommand } from './memory-usage.js';
import { objectCommand } from './object.js';
import { publishCommands } from './publish.js';
import { scanCommands } from './scan.js';
import { scriptingCommands } from './scripting.js';
import { setCommands } from './sets.js';
import { sortCommands } from './sort.js';
import { streamCommands } from './streams.js';
import { stringCommands } from './strings.js';
import { transactionShardCommands } from './transactions.js';
import { zsetCommands } from './zsets.js';
import { zsetBlockingCommands } from './zsets-blocking.js';

export const shardCommands: readonly CommandDef<ExecContext>[] = [
  ...stringCommands,
  ...keyCommandsBasic,
  ...keyCommandsMove,
  ...expireCommands,
  ...dumpCommands,
  ...scanCommands,
  ...databaseCommands,
  ...bitmapCommands,
  ...geoCommands,
  ...hyperloglogCommands,
  ...zsetCommands,
  ...zsetBlockingCommands,
  ...publishCommands,
  ...listCommands,
  ...listBlockingCommands,
  ...hashCommands,
  ...setCommands,
  ...streamCommands,
  ...sortCommands,
  objectCommand,
  memoryUsageCommand,
  debugCommand,
  ...scriptingCommands,
  ...functionCommands,
  ...transactionShardCommands,
  ...blockingShardCommands,
];
