/** All commands that run on shards, family after family. Their order gives the ids, the same in every thread. */
import type { CommandDef } from '../../shared/command/spec.js';
import type { ExecContext } from '../context/context.js';
import { bitmapCommands } from './bitmaps/table.js';
import { blockingShardCommands } from './blocking/table.js';
import { debugCommands } from './debug/table.js';
import { geoCommands } from './geo/table.js';
import { hashCommands } from './hashes/table.js';
import { hyperloglogCommands } from './hyperloglogs/table.js';
import { inspectionCommands } from './inspection/table.js';
import { keyCommands } from './keys/table.js';
import { listCommands } from './lists/table.js';
import { publishCommands } from './pubsub/table.js';
import { scriptingCommands } from './scripting/table.js';
import { databaseCommands } from './server/table.js';
import { setCommands } from './sets/table.js';
import { sortCommands } from './sort/table.js';
import { streamCommands } from './streams/table.js';
import { stringCommands } from './strings/table.js';
import { transactionShardCommands } from './transactions/table.js';
import { zsetCommands } from './zsets/table.js';

export const shardCommands: readonly CommandDef<ExecContext>[] = [
  ...stringCommands,
  ...keyCommands,
  ...databaseCommands,
  ...bitmapCommands,
  ...geoCommands,
  ...hyperloglogCommands,
  ...zsetCommands,
  ...publishCommands,
  ...listCommands,
  ...hashCommands,
  ...setCommands,
  ...streamCommands,
  ...sortCommands,
  ...inspectionCommands,
  ...debugCommands,
  ...scriptingCommands,
  ...transactionShardCommands,
  ...blockingShardCommands,
];
