/** The commands of messages that run on shards, in the order of their ids. */
import type { CommandDef } from '../../../shared/command/spec.js';
import type { ExecContext } from '../../context/context.js';
import { publishingCommands } from './publish.js';

export const publishCommands: readonly CommandDef<ExecContext>[] = [...publishingCommands];
