/** Entry of an I/O thread: all commands, an executor that only tries for leases, and the connections. */
import { workerData } from 'node:worker_threads';
import { createExecutor } from '../../shard/execute/engine.js';
import { seedRandom } from '../../shared/random.js';
import { publishScriptCommands } from '../../shared/sync/script-commands.js';
import type { IoWorkerData } from '../../shared/sync/thread-data.js';
import { buildFullRegistry } from './commands/table.js';
import { startIoThread } from './start-io-thread.js';

const data = workerData as IoWorkerData;
seedRandom(data.seed);
startIoThread(data, (parts) => {
  const registry = buildFullRegistry();
  publishScriptCommands(parts.block, registry);
  const report = (where: string, error: unknown): void => {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    parts.port.log('warning', `internal error in ${where}`, { stack });
  };
  return { registry, executor: createExecutor({ ...parts, registry, report }) };
});
