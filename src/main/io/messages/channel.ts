/** What clients of an I/O thread subscribe to under one name. */
import type { InterestName } from '../../../shared/pubsub/interest.js';
import type { Connection } from '../session/connection.js';

/** A channel, shard channel or pattern with the connections that subscribe to it. */
export interface Channel {
  readonly kind: number;
  /** One char a byte. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly h1: number;
  readonly h2: number;
  readonly conns: Connection[];
  /** Patterns: where it stands in the interest, and in its list of the index. */
  readonly noted: InterestName | null;
  listIndex: number;
}
