/** Entry of a shard's thread: the engine over all shards' memory, and the loop that serves this shard's rings. */
import { workerData } from 'node:worker_threads';
import { buildRegistry } from '../shared/command/registry.js';
import { seedRandom } from '../shared/random.js';
import type { ShardWorkerData } from '../shared/sync/thread-data.js';
import { shardCommands } from './commands/table.js';
import { createExecutor } from './execute/engine.js';
import { decideScriptsWith } from './script/script-decision.js';
import { ScriptEngine } from './script/script-engine.js';
import { runShardThread } from './thread/shard-thread.js';

const data = workerData as ShardWorkerData;
seedRandom(data.seed);
void runShardThread(data, (parts) => {
  const registry = buildRegistry(shardCommands);
  const report = (where: string, error: unknown): void => {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    parts.port.log('warning', `internal error in ${where}`, { stack });
  };
  const log = (message: string): void => parts.port.log('warning', message);
  const scripts = new ScriptEngine(parts.block, parts.threadId, registry, parts.directives);
  decideScriptsWith(scripts.log, scripts.store, registry);
  return { registry, executor: createExecutor({ ...parts, registry, report, log, scripts }) };
});
