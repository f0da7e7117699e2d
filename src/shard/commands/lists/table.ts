/** The commands of lists, in the order of their ids. */
import type { CommandDef } from '../../../shared/command/spec.js';
import type { ExecContext } from '../../context/context.js';
import { listBlockingCommands } from './blocking.js';
import { listEndCommands } from './lists.js';
import { listMoveCommands } from './move.js';
import { listSearchCommands } from './search.js';

export const listCommands: readonly CommandDef<ExecContext>[] = [
  ...listEndCommands,
  ...listSearchCommands,
  ...listMoveCommands,
  ...listBlockingCommands,
];
