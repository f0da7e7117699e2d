/** The commands of HyperLogLogs, in the order of their ids. */
import type { CommandDef } from '../../../shared/command/spec.js';
import type { ExecContext } from '../../context/context.js';
import { pfdebugCommands } from './debug.js';
import { pfCommands } from './hyperloglogs.js';

export const hyperloglogCommands: readonly CommandDef<ExecContext>[] = [...pfCommands, ...pfdebugCommands];
