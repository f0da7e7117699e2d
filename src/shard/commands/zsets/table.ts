/** The commands of sorted sets, in the order of their ids. */
import type { CommandDef } from '../../../shared/command/spec.js';
import type { ExecContext } from '../../context/context.js';
import { zsetAlgebraCommands } from './algebra.js';
import { zsetBlockingCommands } from './blocking.js';
import { zsetPopCommands } from './pop.js';
import { zsetRandomCommands } from './random.js';
import { zsetRangeCommands } from './range.js';
import { zsetRemoveRangeCommands } from './remove-range.js';
import { zsetScanCommands } from './scan.js';
import { zsetMemberCommands } from './zsets.js';

export const zsetCommands: readonly CommandDef<ExecContext>[] = [
  ...zsetMemberCommands,
  ...zsetRangeCommands,
  ...zsetRemoveRangeCommands,
  ...zsetPopCommands,
  ...zsetRandomCommands,
  ...zsetAlgebraCommands,
  ...zsetScanCommands,
  ...zsetBlockingCommands,
];
