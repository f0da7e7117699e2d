/** The commands of keys of any type, in the order of their ids. */
import type { CommandDef } from '../../../shared/command/spec.js';
import type { ExecContext } from '../../context/context.js';
import { dumpCommands } from './dump.js';
import { expireCommands } from './expire.js';
import { keyBasicCommands } from './keys.js';
import { keyMoveCommands } from './move.js';
import { scanCommands } from './scan.js';

export const keyCommands: readonly CommandDef<ExecContext>[] = [
  ...keyBasicCommands,
  ...keyMoveCommands,
  ...expireCommands,
  ...dumpCommands,
  ...scanCommands,
];
