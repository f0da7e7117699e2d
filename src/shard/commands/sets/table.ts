/** The commands of sets, in the order of their ids. */
import type { CommandDef } from '../../../shared/command/spec.js';
import type { ExecContext } from '../../context/context.js';
import { setAlgebraCommands } from './algebra.js';
import { setRandomCommands } from './random.js';
import { setScanCommands } from './scan.js';
import { setMemberCommands } from './sets.js';

export const setCommands: readonly CommandDef<ExecContext>[] = [
  ...setMemberCommands,
  ...setRandomCommands,
  ...setAlgebraCommands,
  ...setScanCommands,
];
