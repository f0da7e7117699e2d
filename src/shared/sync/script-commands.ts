/**
 * Commands that an I/O thread answers when a client sends them, and a shard thread when a script calls them. A shard
 * thread's registry ends before these commands. So I/O threads write the ids of the commands into the control block,
 * and a shard thread counts a script's calls under these ids.
 */

import type { Registry } from '../command/registry.js';
import { CONTROL, type ControlBlock } from './control-block.js';

/** Indexes into the words from CONTROL.scriptCommands on. */
export const SCRIPT_COMMAND = { ping: 0, echo: 1, time: 2, select: 3, wait: 4, waitaof: 5, configGet: 6 } as const;

const NAMES = ['ping', 'echo', 'time', 'select', 'wait', 'waitaof', 'config|get'];

/** Writes the ids of these commands; every I/O thread writes the same. */
export function publishScriptCommands(control: ControlBlock, registry: Registry): void {
  for (let k = 0; k < NAMES.length; k++) control.i32[CONTROL.scriptCommands + k] = registry.idOf(NAMES[k]!);
}
