/**
 * All commands: those of the shards first, so that ids agree with the registry that a shard worker builds from
 * `shardCommands` alone, then those that an I/O thread answers itself.
 */
import { shardCommands } from '../../../shard/commands/table.js';
import { buildRegistry, type Registry } from '../../../shared/command/registry.js';
import type { CommandDef } from '../../../shared/command/spec.js';
import { localCommands } from './local-commands.js';
import { publishHandlers } from './pubsub.js';

/** Commands of the shards that I/O threads run in their own way when a client sends them. */
const sharedCommands = shardCommands.map((def): CommandDef => {
  const local = publishHandlers[def.name];
  return local === undefined ? def : { ...def, local };
});

/** Every definition, in the order of ids. */
export const allCommands: readonly CommandDef[] = [...sharedCommands, ...localCommands];

/** The registry of an I/O thread. */
export function buildFullRegistry(): Registry {
  return buildRegistry(allCommands);
}
