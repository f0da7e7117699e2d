/** What is sent to shards for the transaction of a connection. */
import { TRANSACTION, transactionOf } from '../../../shared/command/flags.js';
import type { Registry } from '../../../shared/command/registry.js';

export interface TransactionTable {
  readonly registry: Registry;
  /** Ids of the requests that EXEC and UNWATCH make. */
  readonly apply: number;
  readonly applyAll: number;
  readonly queue: number;
  readonly unwatch: number;
}

let table: TransactionTable | null = null;

/** The table of a registry; the same in every I/O thread. */
export function transactionTable(registry: Registry): TransactionTable {
  if (table === null || table.registry !== registry) {
    table = {
      registry,
      apply: registry.idOf('transaction|apply'),
      applyAll: registry.idOf('transaction|apply-all'),
      queue: registry.idOf('transaction|queue'),
      unwatch: registry.idOf('transaction|unwatch'),
    };
  }
  return table;
}

/** Whether a command, or none (-1), is EXEC. */
export function isExec(registry: Registry, id: number): boolean {
  return id >= 0 && transactionOf(registry.facts[id]!) === TRANSACTION.exec;
}
