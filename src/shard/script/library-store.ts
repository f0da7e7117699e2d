/**
 * The libraries of functions that the server has, for all threads: what FUNCTION LOAD accepted. Each thread compiles
 * them for itself when it sees a new generation.
 *
 *     word 0: generation   1: which half holds   2: bytes there   3: libraries   4: functions   64..: half 0 | half 1
 *
 * A half is the list of libraries as JSON, one byte a char (the code is bytes). Libraries are few and change seldom,
 * and a change writes all of them into the other half before it counts, so a writer that dies leaves nothing half done.
 *
 * Invariants: (1) writers hold the leases of all shards; (2) readers without a lease look at the generation again
 * behind their copy.
 */
import type { ControlBlock } from '../../shared/sync/control-block.js';

const GENERATION = 0;
const HALF = 1;
const BYTES = 2;
const LIBRARIES = 3;
const FUNCTIONS = 4;
const HEAD_BYTES = 64;

/** A function of a library. */
export interface LibraryFunction {
  readonly name: string;
  /** Null when none was given. */
  readonly description: string | null;
  /** Bits of script-flags.ts. */
  readonly flags: number;
}

/** A library: texts with one char a byte. */
export interface Library {
  readonly name: string;
  /** As it was loaded, with its first line. */
  readonly code: string;
  readonly functions: readonly LibraryFunction[];
}

export class LibraryStore {
  private readonly words: Int32Array;
  private readonly u8: Uint8Array;
  private readonly halfBytes: number;
  private known: readonly Library[] = [];
  private knownGeneration = 0;

  constructor(control: ControlBlock) {
    this.u8 = control.libraries();
    this.words = new Int32Array(this.u8.buffer, this.u8.byteOffset, HEAD_BYTES >> 2);
    this.halfBytes = (this.u8.length - HEAD_BYTES) >> 1;
  }

  /** Raised by every change. */
  get generation(): number {
    return Atomics.load(this.words, GENERATION);
  }

  get libraryCount(): number {
    return Atomics.load(this.words, LIBRARIES);
  }

  get functionCount(): number {
    return Atomics.load(this.words, FUNCTIONS);
  }

  /** Bytes that the libraries take. */
  get usedBytes(): number {
    return Atomics.load(this.words, BYTES);
  }

  /** All libraries, in the order in which they were loaded. The list is the store's: not to be changed. */
  all(): readonly Library[] {
    for (;;) {
      const { generation } = this;
      if (generation === this.knownGeneration) return this.known;
      const text = this.text();
      if (generation !== this.generation) continue;
      this.known = text === '' ? [] : (JSON.parse(text) as Library[]);
      this.knownGeneration = generation;
    }
  }

  private text(): string {
    const bytes = Atomics.load(this.words, BYTES);
    const from = HEAD_BYTES + Atomics.load(this.words, HALF) * this.halfBytes;
    return Buffer.from(this.u8.slice(from, from + bytes)).toString('latin1');
  }

  /** Makes these the libraries. False when there is no room for them. @requires the leases of all shards */
  replaceAll(libraries: readonly Library[]): boolean {
    const text = JSON.stringify(libraries);
    if (text.length > this.halfBytes) return false;
    const half = 1 - this.words[HALF]!;
    this.u8.set(Buffer.from(text, 'latin1'), HEAD_BYTES + half * this.halfBytes);
    Atomics.store(this.words, HALF, half);
    Atomics.store(this.words, BYTES, text.length);
    Atomics.store(this.words, LIBRARIES, libraries.length);
    Atomics.store(
      this.words,
      FUNCTIONS,
      libraries.reduce((sum, { functions }) => sum + functions.length, 0),
    );
    Atomics.add(this.words, GENERATION, 1);
    return true;
  }
}
