/** The commands that an I/O thread answers itself, family after family. */
import type { CommandDef } from '../../../shared/command/spec.js';
import { aclCommand } from './acl.js';
import { clientCommand } from './client.js';
import { clusterCommands } from './cluster.js';
import { commandCommand } from './command.js';
import { configCommand } from './config.js';
import { connectionCommands } from './connection.js';
import { functionCommand } from './function.js';
import { latencyCommand } from './latency.js';
import { memoryCommand } from './memory.js';
import { moduleCommand } from './module.js';
import { monitorCommand } from './monitor.js';
import { objectHelpCommand } from './object-help.js';
import { pubsubCommands } from './pubsub.js';
import { replicationCommands } from './replication.js';
import { scriptCommand } from './script.js';
import { serverCommands } from './server.js';
import { slowlogCommand } from './slowlog.js';
import { streamHelpCommands } from './stream-help.js';
import { transactionCommands } from './transactions.js';
import { waitCommands } from './wait.js';

export const localCommands: readonly CommandDef[] = [
  ...connectionCommands,
  clientCommand,
  commandCommand,
  configCommand,
  ...serverCommands,
  memoryCommand,
  objectHelpCommand,
  ...streamHelpCommands,
  slowlogCommand,
  latencyCommand,
  moduleCommand,
  aclCommand,
  scriptCommand,
  functionCommand,
  ...pubsubCommands,
  monitorCommand,
  ...transactionCommands,
  ...waitCommands,
  ...clusterCommands,
  ...replicationCommands,
];
