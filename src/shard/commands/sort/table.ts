/** The commands that sort, in the order of their ids. */
import type { CommandDef } from '../../../shared/command/spec.js';
import type { ExecContext } from '../../context/context.js';
import { sortingCommands } from './sort.js';

export const sortCommands: readonly CommandDef<ExecContext>[] = [...sortingCommands];
