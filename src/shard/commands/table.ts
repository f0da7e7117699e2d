/** All commands that run on shards. Their order gives the ids, the same in every thread. */
import type { CommandDef } from '../../shared/command/spec.js';
import type { ExecContext } from '../context.js';
import { expireCommands } from './expire.js';
import { keyCommandsBasic } from './keys.js';
import { keyCommandsMove } from './keys-move.js';
import { scanCommands } from './scan.js';

export const shardCommands: readonly CommandDef<ExecContext>[] = [
  ...keyCommandsBasic,
  ...keyCommandsMove,
  ...expireCommands,
  ...scanCommands,
];
