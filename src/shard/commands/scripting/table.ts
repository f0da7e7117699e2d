/** The commands of scripts and functions, in the order of their ids. */
import type { CommandDef } from '../../../shared/command/spec.js';
import type { ExecContext } from '../../context/context.js';
import { functionCommands } from './functions.js';
import { scriptCommands } from './scripting.js';

export const scriptingCommands: readonly CommandDef<ExecContext>[] = [...scriptCommands, ...functionCommands];
