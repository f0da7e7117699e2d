/** Which commands concern the transaction of their connection, and what is sent to shards for it: by command id. */
import type { Registry } from '../../../shared/command/registry.js';

/** What a command is to a transaction; 0 for all that are only queued. */
export const KIND = { multi: 1, exec: 2, discard: 3, watch: 4, unwatch: 5, quit: 6, reset: 7 } as const;

export interface TransactionTable {
  readonly registry: Registry;
  /** KIND of each command by id. */
  readonly kinds: Uint8Array;
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
    const kinds: Readonly<Record<string, number>> = KIND;
    table = {
      registry,
      kinds: Uint8Array.from(registry.defs, (def) => kinds[def.name] ?? 0),
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
  return id >= 0 && transactionTable(registry).kinds[id] === KIND.exec;
}
