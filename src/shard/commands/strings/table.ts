/** The commands of strings, in the order of their ids. */
import type { CommandDef } from '../../../shared/command/spec.js';
import type { ExecContext } from '../../context/context.js';
import { stringCountCommands } from './count.js';
import { stringLcsCommands } from './lcs.js';
import { stringRangeCommands } from './range.js';
import { wholeStringCommands } from './strings.js';

export const stringCommands: readonly CommandDef<ExecContext>[] = [
  ...wholeStringCommands,
  ...stringCountCommands,
  ...stringRangeCommands,
  ...stringLcsCommands,
];
