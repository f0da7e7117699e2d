/**
 * A pool of what an input with a long rest needs for a while: a buffer, and a parser with its arguments. If clients
 * send values of some KiB, nearly every read ends with a long rest. When buffers and parsers were made anew each time,
 * the garbage collector took a fifth of the time.
 *
 * Invariant: nothing outside of the pool refers to an object in the pool.
 */
import { Args } from '../../../shared/resp/args.js';
import { RespParser } from '../../../shared/resp/parser.js';

/** Buffers of these sizes, each a power of two, are kept. */
const SMALLEST_BYTES = 8 * 1024;
const LARGEST_BYTES = 128 * 1024;
const SIZES = Math.log2(LARGEST_BYTES / SMALLEST_BYTES) + 1;
/** At most this many buffers of each size are kept. */
const KEPT_BYTES_MAX = 1024 * 1024;
const PARSERS_MAX = 64;
/** A parser that has seen a command with more arguments than this is not kept. */
const ARGS_KEPT_MAX = 1024;

export class InputBuffer {
  readonly u8: Uint8Array;
  /** The same bytes. */
  readonly dv: DataView;

  constructor(buffer: ArrayBuffer | SharedArrayBuffer) {
    this.u8 = new Uint8Array(buffer);
    this.dv = new DataView(buffer);
  }
}

/** Stands for "no buffer". */
export const NOTHING = new InputBuffer(new ArrayBuffer(0));

/** A parser that remembers its place, with the arguments of the command that it is parsing. */
export class InputParser {
  readonly parser = new RespParser();
  readonly args = new Args();
}

export class InputPool {
  private readonly buffers: InputBuffer[][] = Array.from({ length: SIZES }, () => []);
  private readonly parsers: InputParser[] = [];

  /** A buffer of at least `bytes` bytes, whatever is in it. */
  takeBuffer(bytes: number): InputBuffer {
    if (bytes > LARGEST_BYTES) return new InputBuffer(new ArrayBuffer(bytes));
    const size = sizeOf(bytes);
    return this.buffers[size]!.pop() ?? new InputBuffer(new ArrayBuffer(SMALLEST_BYTES << size));
  }

  giveBuffer(buffer: InputBuffer): void {
    const bytes = buffer.u8.length;
    if (bytes < SMALLEST_BYTES || bytes > LARGEST_BYTES || (bytes & (bytes - 1)) !== 0) return;
    const kept = this.buffers[sizeOf(bytes)]!;
    if (kept.length * bytes < KEPT_BYTES_MAX) kept.push(buffer);
  }

  takeParser(): InputParser {
    return this.parsers.pop() ?? new InputParser();
  }

  giveParser(kept: InputParser): void {
    const { parser, args } = kept;
    if (args.off.length > ARGS_KEPT_MAX || this.parsers.length >= PARSERS_MAX) return;
    parser.forget();
    parser.window(NOTHING.u8, NOTHING.dv, 0, 0);
    args.setBuffer(NOTHING.u8, NOTHING.dv);
    this.parsers.push(kept);
  }
}

/** Index of the smallest size with room for `bytes` bytes. */
function sizeOf(bytes: number): number {
  return bytes <= SMALLEST_BYTES ? 0 : 32 - Math.clz32((bytes - 1) >>> Math.log2(SMALLEST_BYTES));
}
