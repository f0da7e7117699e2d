/**
 * The log of slow commands (SLOWLOG), in memory that all threads share: the thread that ran a slow command writes the
 * entry, and any thread can read it. There is no lock, so a thread that dies blocks no other thread.
 *
 *     words 0: next number   1: first number that is kept        behind 64 bytes: the slots
 *     slot  words 0: number + 1, 0 while it is written   1: arguments   2: bytes of text
 *           word 3: id of the client, 0 when address and name are written behind the arguments
 *           doubles 2: seconds, 3: microseconds
 *           from byte 64: arguments, each its length (2 bytes) and its bytes; then address and name
 *
 * A shard thread knows only the id of the client, so it leaves address and name out. While the client is connected, its
 * I/O thread looks address and name up; when the client goes, the I/O thread adds them to the entry.
 *
 * Invariants: (1) a slot counts when its word 0 says so, before and behind the copy that a reader makes; (2) at most
 * `slowlog-max-len` entries are shown, and at most SLOW_LOG_SLOTS.
 */

import { redactSecrets } from '../command/secrets.js';
import { SLOW_LOG_HEAD_BYTES, SLOW_LOG_SLOT_BYTES, SLOW_LOG_SLOTS } from '../limits.js';
import type { Args } from '../resp/args.js';
import type { ControlBlock } from '../sync/control-block.js';

/** Arguments kept of a command, and bytes kept of an argument, as Redis does it. */
const ARGS_MAX = 32;
const ARG_BYTES_MAX = 128;
const ADDRESS_BYTES_MAX = 120;
const NAME_BYTES_MAX = 240;

const NEXT = 0;
const FIRST = 1;

const S_NUMBER = 0;
const S_ARGC = 1;
const S_BYTES = 2;
const S_CLIENT = 3;
const S_SECONDS = 2;
const S_USEC = 3;

/** An entry as SLOWLOG GET shows it; strings have one char a byte. */
export interface SlowEntry {
  readonly id: number;
  readonly seconds: number;
  readonly usec: number;
  readonly args: readonly string[];
  /** 0: address and name are those here. */
  readonly clientId: number;
  readonly address: string;
  readonly name: string;
}

/** The arguments of a command as the log keeps them: trimmed, secrets left out. */
export function slowArguments(args: Args): string[] {
  const { argc } = args;
  const kept: string[] = [];
  const last = argc > ARGS_MAX ? ARGS_MAX - 1 : argc;
  for (let i = 0; i < last; i++) {
    const text = args.latin1(i);
    const more = text.length - ARG_BYTES_MAX;
    kept.push(more > 0 ? `${text.slice(0, ARG_BYTES_MAX)}... (${more} more bytes)` : text);
  }
  if (argc > last) kept.push(`... (${argc - last} more arguments)`);
  redactSecrets(kept);
  return kept;
}

export class SlowLog {
  private readonly control: ControlBlock;
  private readonly bytes: Buffer;
  private readonly words: Int32Array;
  private readonly doubles: Float64Array;

  constructor(control: ControlBlock) {
    this.control = control;
    const region = control.slowLog();
    this.bytes = Buffer.from(region.buffer, region.byteOffset, region.length);
    this.words = new Int32Array(region.buffer, region.byteOffset, region.length >> 2);
    this.doubles = new Float64Array(region.buffer, region.byteOffset, region.length >> 3);
  }

  /** Writes an entry. `clientId` 0: `address` and `name` are known. `lengthMax`: slowlog-max-len. */
  push(
    args: readonly string[],
    usec: number,
    clientId: number,
    address: string,
    name: string,
    lengthMax: number,
  ): void {
    const { words, doubles } = this;
    const number = Atomics.add(words, NEXT, 1);
    const at = SLOW_LOG_HEAD_BYTES + (number % SLOW_LOG_SLOTS) * SLOW_LOG_SLOT_BYTES;
    Atomics.store(words, (at >> 2) + S_NUMBER, 0);
    let pos = at + SLOW_LOG_HEAD_BYTES;
    for (const arg of args) pos = this.writeText(pos, arg);
    if (clientId === 0)
      pos = this.writeText(this.writeText(pos, address.slice(0, ADDRESS_BYTES_MAX)), name.slice(0, NAME_BYTES_MAX));
    words[(at >> 2) + S_ARGC] = args.length;
    words[(at >> 2) + S_BYTES] = pos - at - SLOW_LOG_HEAD_BYTES;
    words[(at >> 2) + S_CLIENT] = clientId;
    doubles[(at >> 3) + S_SECONDS] = Math.floor(this.control.nowMs() / 1000);
    doubles[(at >> 3) + S_USEC] = Math.floor(usec);
    Atomics.store(words, (at >> 2) + S_NUMBER, number + 1);
    const first = number + 1 - Math.min(lengthMax, SLOW_LOG_SLOTS);
    if (first > Atomics.load(words, FIRST)) Atomics.store(words, FIRST, first);
  }

  private writeText(pos: number, text: string): number {
    this.bytes.writeUInt16LE(text.length, pos);
    this.bytes.write(text, pos + 2, 'latin1');
    return pos + 2 + text.length;
  }

  get length(): number {
    return Atomics.load(this.words, NEXT) - Atomics.load(this.words, FIRST);
  }

  reset(): void {
    Atomics.store(this.words, FIRST, Atomics.load(this.words, NEXT));
  }

  /** The latest entries, the latest first. `count` -1: all. */
  latest(count: number): SlowEntry[] {
    const found: SlowEntry[] = [];
    const next = Atomics.load(this.words, NEXT);
    const first = Atomics.load(this.words, FIRST);
    for (let number = next - 1; number >= first && (count < 0 || found.length < count); number--) {
      const entry = this.read(number);
      if (entry !== null) found.push(entry);
    }
    return found;
  }

  private read(number: number): SlowEntry | null {
    const at = SLOW_LOG_HEAD_BYTES + (number % SLOW_LOG_SLOTS) * SLOW_LOG_SLOT_BYTES;
    const word = (at >> 2) + S_NUMBER;
    if (Atomics.load(this.words, word) !== number + 1) return null;
    const slot = Buffer.from(this.bytes.subarray(at, at + SLOW_LOG_SLOT_BYTES));
    if (Atomics.load(this.words, word) !== number + 1) return null;
    const clientId = slot.readInt32LE(S_CLIENT * 4);
    const texts: string[] = [];
    const count = slot.readInt32LE(S_ARGC * 4) + (clientId === 0 ? 2 : 0);
    for (let i = 0, pos = SLOW_LOG_HEAD_BYTES; i < count; i++) {
      const length = slot.readUInt16LE(pos);
      texts.push(slot.toString('latin1', pos + 2, pos + 2 + length));
      pos += 2 + length;
    }
    const name = clientId === 0 ? texts.pop()! : '';
    const address = clientId === 0 ? texts.pop()! : '?:0';
    const seconds = slot.readDoubleLE(S_SECONDS * 8);
    return { id: number, seconds, usec: slot.readDoubleLE(S_USEC * 8), args: texts, clientId, address, name };
  }

  /** A client goes: its entries keep its address and name. */
  clientGoes(clientId: number, address: string, name: string): void {
    const { words } = this;
    const next = Atomics.load(words, NEXT);
    for (let number = Atomics.load(words, FIRST); number < next; number++) {
      const at = SLOW_LOG_HEAD_BYTES + (number % SLOW_LOG_SLOTS) * SLOW_LOG_SLOT_BYTES;
      const w = at >> 2;
      if (words[w + S_NUMBER] !== number + 1 || words[w + S_CLIENT] !== clientId) continue;
      const end = this.writeText(at + SLOW_LOG_HEAD_BYTES + words[w + S_BYTES]!, address.slice(0, ADDRESS_BYTES_MAX));
      this.writeText(end, name.slice(0, NAME_BYTES_MAX));
      Atomics.store(words, w + S_CLIENT, 0);
    }
  }
}
