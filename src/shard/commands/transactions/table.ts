/** Requests that carry transactions, in the order of their ids. */
import type { CommandDef } from '../../../shared/command/spec.js';
import type { ExecContext } from '../../context/context.js';
import { transactionRequests } from './transactions.js';

export const transactionShardCommands: readonly CommandDef<ExecContext>[] = [...transactionRequests];
