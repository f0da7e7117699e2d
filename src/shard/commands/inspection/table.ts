/** The commands that look into keys without a trace, in the order of their ids. */
import type { CommandDef } from '../../../shared/command/spec.js';
import type { ExecContext } from '../../context/context.js';
import { memoryUsageCommand } from './memory-usage.js';
import { objectCommand } from './object.js';

export const inspectionCommands: readonly CommandDef<ExecContext>[] = [objectCommand, memoryUsageCommand];
