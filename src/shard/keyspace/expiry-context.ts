/** The functions that active expiry and the sampling of times to live need of their thread; `ExecContext` has them. */
import type { Arena } from '../../shared/memory/arena.js';
import type { Ptr } from '../../shared/memory/ptr.js';
import type { ControlBlock } from '../../shared/sync/control-block.js';
import type { ExpiryContext } from '../services/value-context.js';
import type { Keyspace } from './keyspace.js';

export interface ActiveExpiryContext extends ExpiryContext {
  /** The arena of the present shard. */
  readonly arena: Arena;
  /** The present shard. */
  readonly shard: number;
  /** Keyspaces by shard, then database. */
  readonly keyspaces: readonly (readonly Keyspace[])[];
  readonly control: ControlBlock;
  readonly nowMs: number;
  /** Whether nothing expires by itself. */
  keepsAllExpired(): boolean;
  /** Removes an expired entry at which the keyspace's cursor stands, with its effect and event. */
  expire(keyspace: Keyspace, e: Ptr): void;
}
