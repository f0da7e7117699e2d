/** All commands that run on shards. Their order gives the ids, the same in every thread. */
import type { CommandDef } from '../../shared/command/spec.js';
import type { ExecContext } from '../context.js';
import { bitmapCommands } from './bitmaps.js';
import { debugCommand } from './debug.js';
import { expireCommands } from './expire.js';
import { databaseCommands } from './flush.js';
import { keyCommandsBasic } from './keys.js';
import { keyCommandsMove } from './keys-move.js';
import { memoryUsageCommand } from './memory-usage.js';
import { objectCommand } from './object.js';
import { scanCommands } from './scan.js';
import { stringCommands } from './strings.js';

export const shardCommands: readonly CommandDef<ExecContext>[] = [
  ...stringCommands,
  ...keyCommandsBasic,
  ...keyCommandsMove,
  ...expireCommands,
  ...scanCommands,
  ...databaseCommands,
  ...bitmapCommands,
  objectCommand,
  memoryUsageCommand,
  debugCommand,
];
