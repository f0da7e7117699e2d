/** MONITOR: see ../monitor.ts. Local. */

import { type CommandDef, defineCommand } from '../../../shared/command/spec.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import type { Connection } from '../session/connection.js';
import { MODE } from '../session/session.js';
import type { IoThread } from '../thread/io-thread.js';
import { isInExec } from './pubsub.js';

function monitor(io: IoThread, conn: Connection, _args: Args, reply: Reply): void {
  if (isInExec(conn)) {
    reply.errorText("ERR MONITOR isn't allowed for DENY BLOCKING client");
    return;
  }
  // A second MONITOR is not answered, as in Redis.
  if ((conn.session.modes & MODE.monitor) !== 0) return;
  io.hub.monitors.add(conn);
  reply.ok();
}

export const monitorCommand: CommandDef = defineCommand({
  name: 'monitor',
  arity: 1,
  flags: ['admin', 'noscript', 'loading', 'stale'],
  acl: [],
  group: 'server',
  since: '1.0.0',
  complexity: '',
  summary: 'Shows every command that the server gets, as it comes.',
  route: 'local',
  local: monitor,
});
