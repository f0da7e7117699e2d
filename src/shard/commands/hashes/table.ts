/** The commands of hashes, in the order of their ids. */
import type { CommandDef } from '../../../shared/command/spec.js';
import type { ExecContext } from '../../context/context.js';
import { hashExpireCommands } from './expire.js';
import { hashGetSetCommands } from './getset.js';
import { hashFieldCommands } from './hashes.js';
import { hashRandomCommand } from './random.js';
import { hashWalkCommands } from './walk.js';

export const hashCommands: readonly CommandDef<ExecContext>[] = [
  ...hashFieldCommands,
  ...hashWalkCommands,
  hashRandomCommand,
  ...hashExpireCommands,
  ...hashGetSetCommands,
];
