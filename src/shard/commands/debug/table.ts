/** DEBUG. */
import type { CommandDef } from '../../../shared/command/spec.js';
import type { ExecContext } from '../../context/context.js';
import { debugCommand } from './debug.js';

export const debugCommands: readonly CommandDef<ExecContext>[] = [debugCommand];
