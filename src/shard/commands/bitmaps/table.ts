/** The commands of strings as bits, in the order of their ids. */
import type { CommandDef } from '../../../shared/command/spec.js';
import type { ExecContext } from '../../context/context.js';
import { bitCommands } from './bitmaps.js';
import { bitfieldCommands } from './field.js';
import { bitopCommand } from './op.js';

export const bitmapCommands: readonly CommandDef<ExecContext>[] = [...bitCommands, bitopCommand, ...bitfieldCommands];
