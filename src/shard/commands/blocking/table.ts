/** Requests about blocked clients, in the order of their ids. */
import type { CommandDef } from '../../../shared/command/spec.js';
import type { ExecContext } from '../../context/context.js';
import { blockingRequests } from './blocking.js';

export const blockingShardCommands: readonly CommandDef<ExecContext>[] = [...blockingRequests];
