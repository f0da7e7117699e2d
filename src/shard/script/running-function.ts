/**
 * What FUNCTION STATS tells of a function that runs for too long: the shard's thread writes it when it becomes busy,
 * an I/O thread reads it.
 *
 *     bytes:4 | { name, command, startedAtMs } as JSON, one byte a char
 *
 * Invariant: written before THREAD.scriptBusy says that a function runs.
 */
import type { Args } from '../../shared/resp/args.js';
import type { ControlBlock } from '../../shared/sync/control-block.js';

const HEAD_BYTES = 4;
/** Of a long command, the first arguments and the first chars of each. */
const ARGUMENTS_MAX = 32;
const ARGUMENT_CHARS_MAX = 64;

/** A function at work. */
export interface RunningFunction {
  readonly name: string;
  readonly command: readonly string[];
  /** Of ControlBlock.nowMs. */
  readonly startedAtMs: number;
}

/** Says what runs on the thread of `shard`. */
export function writeRunningFunction(control: ControlBlock, shard: number, name: string, args: Args, ms: number): void {
  const command: string[] = [];
  for (let i = 0; i < args.argc && i < ARGUMENTS_MAX; i++) command.push(args.latin1(i).slice(0, ARGUMENT_CHARS_MAX));
  const area = control.runningFunction(shard);
  const view = new DataView(area.buffer, area.byteOffset, area.length);
  let text = '';
  // Escapes may make it longer than the area.
  do {
    text = JSON.stringify({ name: name.slice(0, 256), command, startedAtMs: control.nowMs() - ms });
  } while (text.length > area.length - HEAD_BYTES && command.pop() !== undefined);
  area.set(Buffer.from(text, 'latin1'), HEAD_BYTES);
  view.setInt32(0, text.length, true);
}

/** What the thread of `shard` said last; null when that cannot be read. */
export function readRunningFunction(control: ControlBlock, shard: number): RunningFunction | null {
  const area = control.runningFunction(shard);
  const bytes = new DataView(area.buffer, area.byteOffset, area.length).getInt32(0, true);
  try {
    const text = Buffer.from(area.slice(HEAD_BYTES, HEAD_BYTES + bytes)).toString('latin1');
    return JSON.parse(text) as RunningFunction;
  } catch {
    return null;
  }
}
