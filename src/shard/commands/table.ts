/** All commands that run on shards. Their order gives the ids, the same in every thread. */
import type { CommandDef } from '../../shared/command/spec.js';
import type { ExecContext } from '../context/context.js';
import { bitmapCommands } from './bitmaps/bitmaps.js';
import { blockingShardCommands } from './blocking/blocking.js';
import { debugCommand } from './debug/debug.js';
import { geoCommands } from './geo/geo.js';
import { hashCommands } from './hashes/hashes.js';
import { hyperloglogCommands } from './hyperloglogs/hyperloglogs.js';
import { memoryUsageCommand } from './inspection/memory-usage.js';
import { objectCommand } from './inspection/object.js';
import { dumpCommands } from './keys/dump.js';
import { expireCommands } from './keys/expire.js';
import { keyCommandsBasic } from './keys/keys.js';
import { keyCommandsMove } from './keys/move.js';
import { scanCommands } from './keys/scan.js';
import { listBlockingCommands } from './lists/blocking.js';
import { listCommands } from './lists/lists.js';
import { publishCommands } from './pubsub/publish.js';
import { functionCommands } from './scripting/functions.js';
import { scriptingCommands } from './scripting/scripting.js';
import { databaseCommands } from './server/flush.js';
import { setCommands } from './sets/sets.js';
import { sortCommands } from './sort/sort.js';
import { streamCommands } from './streams/streams.js';
import { stringCommands } from './strings/strings.js';
import { transactionShardCommands } from './transactions/transactions.js';
import { zsetBlockingCommands } from './zsets/blocking.js';
import { zsetCommands } from './zsets/zsets.js';

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
