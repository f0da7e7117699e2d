/** The commands of whole databases, in the order of their ids. */
import type { CommandDef } from '../../../shared/command/spec.js';
import type { ExecContext } from '../../context/context.js';
import { wholeDatabaseCommands } from './flush.js';

export const databaseCommands: readonly CommandDef<ExecContext>[] = [...wholeDatabaseCommands];
