/** The commands of streams, in the order of their ids. */
import type { CommandDef } from '../../../shared/command/spec.js';
import type { ExecContext } from '../../context/context.js';
import { streamClaimCommands } from './claim.js';
import { xgroupCommand } from './groups.js';
import { xinfoCommand } from './info.js';
import { streamPendingCommands } from './pending.js';
import { streamReadCommands } from './read.js';
import { streamEntryCommands } from './streams.js';

export const streamCommands: readonly CommandDef<ExecContext>[] = [
  ...streamEntryCommands,
  ...streamReadCommands,
  xgroupCommand,
  ...streamPendingCommands,
  ...streamClaimCommands,
  xinfoCommand,
];
