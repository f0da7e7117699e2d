/**
 * IoContext: what the parts of an I/O thread need of it. An IoThread is one; no part names the IoThread itself, so each
 * part can be read, and tested, without the others.
 */
import type { Blocking } from '../../../shard/blocking/serve.js';
import type { SlowWatch } from '../../../shared/stats/slow-watch.js';
import type { LogLevel } from '../../../shared/sync/control-messages.js';
import type { ControlPort } from '../../../shared/sync/control-port.js';
import type { ReplyView, RequestHead } from '../../../shared/sync/records.js';
import type { Hub, HubContext } from '../messages/hub.js';
import type { Connection } from '../session/connection.js';
import type { AnswerContext } from '../session/slices.js';
import type { PauseContext } from '../waiting/pause-watch.js';
import type { InlineExecutor } from './io-parts.js';
import type { ShardRings } from './shard-rings.js';

export interface IoContext extends HubContext, PauseContext, AnswerContext {
  readonly port: ControlPort | null;
  readonly executor: InlineExecutor;
  /** Who is blocked and served by the commands run here. */
  readonly blocking: Blocking;
  readonly slow: SlowWatch;
  readonly hub: Hub;
  readonly rings: ShardRings;
  readonly shards: number;
  readonly head: RequestHead;
  readonly replyView: ReplyView;
  /** The dispatch setting lets this thread run commands itself. */
  readonly inlineAllowed: boolean;
  /** A connection has got a reply outside of a wake-up. */
  answered(conn: Connection): void;
  closeConnection(conn: Connection): void;
  log(level: LogLevel, message: string): void;
}
