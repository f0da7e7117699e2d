/**
 * What the clients of one I/O thread want to be told, in shared memory. A thread that publishes a message or changes a
 * key reads here which I/O threads must be told, and how many clients will get the message; it asks no other thread.
 *
 *     0        header      counts, see below
 *     128      channels    open addressing by a keyed 64-bit hash: [h1 | h2 | subscribers | kind], grows
 *     ...      names       patterns: [- | clients | length | -][bytes padded to 4]
 *     ...      tracked     counting filter of keys in clients' caches: cells by hash, each the number of such keys
 *     ...      prefixes    tracking prefixes, see prefix-filter.ts
 *
 * One writer, the I/O thread (but other threads add to the filter too); any number of readers on other threads. A
 * subscription stands here before the subscription is confirmed, so a client that has seen the confirmation can rely on
 * it. A tracked key stands here before its read is run. A later writer of the key looks here while it holds the shard's
 * lease, which orders the writer behind the read.
 *
 * Invariants: (1) hashes are compared, names are not: two channels with equal 64-bit hashes (keyed, so nobody can aim
 * at it) would only cost a message too many; (2) SEQ is odd while slots or names are moved: readers look again; (3)
 * what found no room is counted in `lost...`, and then everything is sent to this thread, which knows exactly; (4) the
 * filter never misses a key; it may name one that nobody has.
 */
import { globMatch } from '../glob.js';
import { PREFIX_FILTER_BYTES, PrefixFilter } from './prefix-filter.js';

const SEQ = 0;
const CHANNELS = 1;
const PATTERNS = 2;
const MASK = 3;
const NAMES_END = 4;
const LOST_CHANNELS = 5;
const LOST_NAMES = 6;
const MONITORS = 7;
const TRACKERS = 8;
const TRACKED = 9;

const HEADER_BYTES = 128;
const SLOT_WORDS = 4;
const H2 = 1;
const COUNT = 2;
const KIND = 3;
const SLOTS_MIN = 256;
/** Distinct channels of one I/O thread that are counted exactly: three quarters of this. */
const SLOTS_MAX = 1 << 20;
/** Slots, or names, are put down anew when at least this part of the room (1 / so many) is dead. */
const REBUILD_SHARE = 16;
const CHANNELS_WORD = HEADER_BYTES >> 2;
const NAMES_AT = HEADER_BYTES + SLOTS_MAX * SLOT_WORDS * 4;
const NAMES_BYTES = 1 << 20;
const NAME_HEAD = 16;
/** Patterns that take more than this are many. */
const MANY_NAMES_BYTES = 4096;
const FILTER_AT = NAMES_AT + NAMES_BYTES;
/** Cells of the filter, two bytes each (a power of two). */
const FILTER_CELLS = 1 << 22;
const CELL_MAX = 0xff00;
/** h1 of a slot that is being written; hashes of channels are odd and not 1. */
const BUSY = 1;
/** How often a reader looks again while slots or names are moved, before it takes the thread for dead. */
const RETRIES_MAX = 20_000_000;

const PREFIXES_AT = FILTER_AT + FILTER_CELLS * 2;
const INTEREST_BYTES = PREFIXES_AT + PREFIX_FILTER_BYTES;

/** Memory for the interest of one I/O thread; the operating system commits what is used. */
export function createInterest(): SharedArrayBuffer {
  const sab = new SharedArrayBuffer(INTEREST_BYTES);
  new Int32Array(sab, 0, 32)[MASK] = SLOTS_MIN - 1;
  return sab;
}

/** The first hash word of a channel as slots keep it. */
function slotHash(h1: number): number {
  const odd = h1 | 1;
  return odd === BUSY ? 3 : odd;
}

/** A pattern that the writer has put down. */
export interface InterestName {
  readonly bytes: Uint8Array;
  /** Byte offset, or -1 when there was no room. */
  at: number;
  clients: number;
}

/** The writing end: the I/O thread itself. */
export class InterestWriter {
  private readonly i32: Int32Array;
  private readonly u8: Uint8Array;
  private readonly filter: Uint16Array;
  private readonly prefixes: PrefixFilter;
  /** Slots not empty: living ones and dead ones that a chain may pass. */
  private used = 0;
  private names: InterestName[] = [];
  private deadBytes = 0;

  /** Takes over the memory, as empty. @requires no other writer lives */
  constructor(sab: SharedArrayBuffer) {
    this.i32 = new Int32Array(sab);
    this.u8 = new Uint8Array(sab);
    this.filter = new Uint16Array(sab, FILTER_AT, FILTER_CELLS);
    this.prefixes = new PrefixFilter(sab, PREFIXES_AT);
    clearInterest(sab);
  }

  /** Distinct channels that are counted here. */
  get channels(): number {
    return this.i32[CHANNELS]!;
  }

  /** Says how many clients subscribe to the channel with these hashes; 0 forgets it. */
  setChannel(kind: number, h1: number, h2: number, before: number, count: number): void {
    const h = slotHash(h1);
    const slot = this.find(h, h2);
    if (slot >= 0) {
      Atomics.store(this.i32, slot + COUNT, count);
      if (count === 0) this.remove(slot);
      return;
    }
    if (count > 0) {
      if (!this.insert(kind, h, h2, count) && before === 0) Atomics.add(this.i32, LOST_CHANNELS, 1);
    } else if (before > 0 && this.i32[LOST_CHANNELS]! > 0) Atomics.sub(this.i32, LOST_CHANNELS, 1);
  }

  private find(h: number, h2: number): number {
    const i32 = this.i32;
    const mask = i32[MASK]!;
    for (let i = (h >>> 1) & mask; ; i = (i + 1) & mask) {
      const slot = CHANNELS_WORD + i * SLOT_WORDS;
      const word = i32[slot]!;
      if (word === 0) return -1;
      if (word === h && i32[slot + H2] === h2 && i32[slot + COUNT] !== 0) return slot;
    }
  }

  private insert(kind: number, h: number, h2: number, count: number): boolean {
    const i32 = this.i32;
    if ((this.used + 1) * 4 > (i32[MASK]! + 1) * 3) {
      const slots = i32[MASK]! + 1;
      // A rebuild looks at every slot: it must give room for a number of channels that pays for it.
      if (slots === SLOTS_MAX && (this.used - i32[CHANNELS]!) * REBUILD_SHARE < slots) return false;
      this.rebuild();
    }
    const mask = i32[MASK]!;
    let i = (h >>> 1) & mask;
    while (i32[CHANNELS_WORD + i * SLOT_WORDS] !== 0 && i32[CHANNELS_WORD + i * SLOT_WORDS + COUNT] !== 0) {
      i = (i + 1) & mask;
    }
    const slot = CHANNELS_WORD + i * SLOT_WORDS;
    if (i32[slot] === 0) this.used++;
    Atomics.store(i32, slot, BUSY);
    i32[slot + H2] = h2;
    i32[slot + COUNT] = count;
    i32[slot + KIND] = kind;
    Atomics.store(i32, slot, h);
    Atomics.add(i32, CHANNELS, 1);
    return true;
  }

  /** Takes a slot whose count is 0 away; only the end of a chain can become empty again. */
  private remove(slot: number): void {
    const i32 = this.i32;
    const mask = i32[MASK]!;
    Atomics.sub(i32, CHANNELS, 1);
    let i = (slot - CHANNELS_WORD) / SLOT_WORDS;
    if (i32[CHANNELS_WORD + ((i + 1) & mask) * SLOT_WORDS] !== 0) return;
    for (;;) {
      const at = CHANNELS_WORD + i * SLOT_WORDS;
      if (i32[at] === 0 || i32[at + COUNT] !== 0) return;
      Atomics.store(i32, at, 0);
      this.used--;
      i = (i - 1) & mask;
    }
  }

  /** Puts all living slots down anew, in twice as many slots if they are many. */
  private rebuild(): void {
    const i32 = this.i32;
    const slots = i32[MASK]! + 1;
    const living = i32[CHANNELS]!;
    const wanted = living * 2 >= slots && slots < SLOTS_MAX ? slots * 2 : slots;
    const kept = new Int32Array(living * SLOT_WORDS);
    let n = 0;
    for (let i = 0; i < slots; i++) {
      const slot = CHANNELS_WORD + i * SLOT_WORDS;
      if (i32[slot] === 0 || i32[slot + COUNT] === 0) continue;
      for (let w = 0; w < SLOT_WORDS; w++) kept[n++] = i32[slot + w]!;
    }
    Atomics.add(i32, SEQ, 1);
    i32.fill(0, CHANNELS_WORD, CHANNELS_WORD + wanted * SLOT_WORDS);
    i32[MASK] = wanted - 1;
    for (let k = 0; k < n; k += SLOT_WORDS) {
      let i = (kept[k]! >>> 1) & (wanted - 1);
      while (i32[CHANNELS_WORD + i * SLOT_WORDS] !== 0) i = (i + 1) & (wanted - 1);
      const slot = CHANNELS_WORD + i * SLOT_WORDS;
      for (let w = 0; w < SLOT_WORDS; w++) i32[slot + w] = kept[k + w]!;
    }
    this.used = n / SLOT_WORDS;
    Atomics.add(i32, SEQ, 1);
  }

  // ---- patterns

  /** Puts a pattern down with its first client. */
  addName(bytes: Uint8Array): InterestName {
    const name: InterestName = { bytes, at: -1, clients: 1 };
    const size = nameSize(bytes.length);
    if (this.i32[NAMES_END]! + size > NAMES_BYTES && this.deadBytes * REBUILD_SHARE > NAMES_BYTES) this.compact();
    if (this.i32[NAMES_END]! + size > NAMES_BYTES) Atomics.add(this.i32, LOST_NAMES, 1);
    else {
      this.write(name, this.i32[NAMES_END]!);
      this.names.push(name);
      Atomics.store(this.i32, NAMES_END, this.i32[NAMES_END]! + size);
    }
    Atomics.add(this.i32, PATTERNS, 1);
    return name;
  }

  /** Says how many clients have the pattern; 0 takes it away, and it must not be used again. */
  setName(name: InterestName, clients: number): void {
    name.clients = clients;
    if (name.at >= 0) Atomics.store(this.i32, (name.at >> 2) + 1, clients);
    if (clients > 0) return;
    Atomics.sub(this.i32, PATTERNS, 1);
    if (name.at < 0) {
      Atomics.sub(this.i32, LOST_NAMES, 1);
      return;
    }
    this.deadBytes += nameSize(name.bytes.length);
    if (this.deadBytes * 2 > this.i32[NAMES_END]!) this.compact();
  }

  private write(name: InterestName, offset: number): void {
    name.at = NAMES_AT + offset;
    const w = name.at >> 2;
    this.i32[w + 1] = name.clients;
    this.i32[w + 2] = name.bytes.length;
    this.u8.set(name.bytes, name.at + NAME_HEAD);
  }

  private compact(): void {
    this.names = this.names.filter((name) => name.clients > 0);
    Atomics.add(this.i32, SEQ, 1);
    let end = 0;
    for (const name of this.names) {
      this.write(name, end);
      end += nameSize(name.bytes.length);
    }
    this.i32[NAMES_END] = end;
    this.deadBytes = 0;
    Atomics.add(this.i32, SEQ, 1);
  }

  // ---- tracking prefixes

  /** Some client of this thread wants to be told of changes of all keys with the prefix. */
  addPrefix(prefix: Uint8Array): void {
    this.prefixes.add(prefix);
  }

  /** No client does any more. */
  removePrefix(prefix: Uint8Array): void {
    this.prefixes.remove(prefix);
  }

  // ---- tracked keys, trackers, monitors

  /** Some client of this thread has the key with this hash in its cache from now on. */
  track(h1: number): void {
    addToFilter(this.i32, this.filter, h1);
  }

  /** No client has it any more. */
  untrack(h1: number): void {
    const cell = h1 & (FILTER_CELLS - 1);
    const n = Atomics.load(this.filter, cell);
    // A cell that was full has forgotten how many keys it stands for.
    if (n > 0 && n < CELL_MAX) Atomics.sub(this.filter, cell, 1);
    Atomics.sub(this.i32, TRACKED, 1);
  }

  /** A key that its reader had counted (InterestReader.track) is now counted here, or was already: once is enough. */
  takeOver(h1: number): void {
    // 1: the reader's count went with a flush.
    if (Atomics.load(this.filter, h1 & (FILTER_CELLS - 1)) > 1) this.untrack(h1);
  }

  /** Forgets all tracked keys. */
  untrackAll(): void {
    if (this.i32[TRACKED] !== 0) this.filter.fill(0);
    Atomics.store(this.i32, TRACKED, 0);
  }

  /** Clients of this thread with tracking on. */
  setTrackers(clients: number): void {
    Atomics.store(this.i32, TRACKERS, clients);
  }

  /** Clients of this thread in MONITOR. */
  setMonitors(clients: number): void {
    Atomics.store(this.i32, MONITORS, clients);
  }
}

function addToFilter(i32: Int32Array, filter: Uint16Array, h1: number): void {
  const cell = h1 & (FILTER_CELLS - 1);
  if (Atomics.load(filter, cell) < CELL_MAX) Atomics.add(filter, cell, 1);
  Atomics.add(i32, TRACKED, 1);
}

function nameSize(bytes: number): number {
  return NAME_HEAD + ((bytes + 3) & ~3);
}

/** Makes the interest of a dead I/O thread empty, so that no thread sends it messages. @requires no writer lives */
export function clearInterest(sab: SharedArrayBuffer): void {
  const i32 = new Int32Array(sab);
  if ((i32[SEQ]! & 1) === 0) Atomics.add(i32, SEQ, 1);
  const slots = i32[MASK]! + 1;
  i32.fill(0, CHANNELS_WORD, CHANNELS_WORD + slots * SLOT_WORDS);
  const tracked = i32[TRACKED] !== 0;
  for (let w = CHANNELS; w <= TRACKED; w++) Atomics.store(i32, w, 0);
  i32[MASK] = SLOTS_MIN - 1;
  if (tracked) new Uint16Array(sab, FILTER_AT, FILTER_CELLS).fill(0);
  new PrefixFilter(sab, PREFIXES_AT).clear();
  Atomics.add(i32, SEQ, 1);
}

/** The reading end, for any thread. */
export class InterestReader {
  private readonly i32: Int32Array;
  private readonly u8: Uint8Array;
  private readonly filter: Uint16Array;
  private readonly prefixes: PrefixFilter;

  constructor(sab: SharedArrayBuffer) {
    this.i32 = new Int32Array(sab);
    this.u8 = new Uint8Array(sab);
    this.filter = new Uint16Array(sab, FILTER_AT, FILTER_CELLS);
    this.prefixes = new PrefixFilter(sab, PREFIXES_AT);
  }

  /** hot: whether any client here listens to channels or patterns. */
  get listens(): boolean {
    const i32 = this.i32;
    return (Atomics.load(i32, CHANNELS) | Atomics.load(i32, PATTERNS) | i32[LOST_CHANNELS]!) !== 0;
  }

  /** hot: whether there are subscribers or patterns that are not counted: then this thread must be told everything. */
  get isInexact(): boolean {
    return (this.i32[LOST_CHANNELS]! | this.i32[LOST_NAMES]!) !== 0;
  }

  /** Whether comparing a channel with all patterns takes long. */
  get hasManyPatterns(): boolean {
    return Atomics.load(this.i32, NAMES_END) > MANY_NAMES_BYTES;
  }

  get trackers(): number {
    return Atomics.load(this.i32, TRACKERS);
  }

  /** Whether keys are noted, if only those of clients that are gone. */
  get hasTracked(): boolean {
    return Atomics.load(this.i32, TRACKED) !== 0;
  }

  get monitors(): number {
    return Atomics.load(this.i32, MONITORS);
  }

  /** Channels of a kind (KIND_... of bulletin.ts) that this thread has and none of `others`. Cold. */
  channelsBeside(kind: number, others: readonly InterestReader[]): number {
    const { i32 } = this;
    if (Atomics.load(i32, CHANNELS) === 0) return 0;
    let found = 0;
    for (let i = i32[MASK]!; i >= 0; i--) {
      const slot = CHANNELS_WORD + i * SLOT_WORDS;
      const h = i32[slot]!;
      if (h === 0 || i32[slot + COUNT] === 0 || i32[slot + KIND] !== kind) continue;
      if (!others.some((other) => other.channelCount(h, i32[slot + H2]!) > 0)) found++;
    }
    return found;
  }

  /** hot: subscribers of the channel with these hashes. */
  channelCount(h1: number, h2: number): number {
    const i32 = this.i32;
    if (Atomics.load(i32, CHANNELS) === 0) return 0;
    const h = slotHash(h1);
    for (let tries = 0; tries < RETRIES_MAX; tries++) {
      const seq = Atomics.load(i32, SEQ);
      if ((seq & 1) !== 0) continue;
      const count = this.probe(h, h2);
      if (Atomics.load(i32, SEQ) === seq) return count;
    }
    return 0;
  }

  private probe(h: number, h2: number): number {
    const i32 = this.i32;
    const mask = i32[MASK]!;
    let i = (h >>> 1) & mask;
    for (let n = 0; n <= mask; n++) {
      const slot = CHANNELS_WORD + i * SLOT_WORDS;
      const word = i32[slot]!;
      if (word === 0) return 0;
      if (word === h && i32[slot + H2] === h2 && i32[slot + COUNT] !== 0) return i32[slot + COUNT]!;
      i = (i + 1) & mask;
    }
    return 0;
  }

  /** hot: clients whose patterns match the channel, one for each pattern; 0 at once when there are no patterns. */
  patternCount(u8: Uint8Array, off: number, len: number): number {
    const i32 = this.i32;
    if (Atomics.load(i32, PATTERNS) === 0) return 0;
    for (let tries = 0; tries < RETRIES_MAX; tries++) {
      const seq = Atomics.load(i32, SEQ);
      if ((seq & 1) !== 0) continue;
      let sum = 0;
      const end = NAMES_AT + Math.min(Atomics.load(i32, NAMES_END), NAMES_BYTES);
      for (let at = NAMES_AT; at + NAME_HEAD <= end; ) {
        const w = at >> 2;
        const clients = i32[w + 1]!;
        const bytes = i32[w + 2]!;
        const start = at + NAME_HEAD;
        if (bytes < 0 || start + bytes > end) break;
        if (clients > 0 && globMatch(this.u8, start, bytes, u8, off, len, false)) sum += clients;
        at += nameSize(bytes);
      }
      if (Atomics.load(i32, SEQ) === seq) return sum;
    }
    return 0;
  }

  /** hot: whether some client may want to hear of changes of all keys with a prefix of this one. */
  hasPrefixOf(u8: Uint8Array, off: number, len: number): boolean {
    return this.prefixes.mayHavePrefixOf(u8, off, len);
  }

  /** hot: whether some client may have the key with this hash in its cache. */
  tracks(h1: number): boolean {
    return this.i32[TRACKED] !== 0 && this.filter[h1 & (FILTER_CELLS - 1)] !== 0;
  }

  /**
   * A client of the I/O thread is reading the key with this hash inside of a transaction or script: counts it, for its
   * thread to take over. @requires the lease of the key's shard
   */
  track(h1: number): void {
    addToFilter(this.i32, this.filter, h1);
  }

  /** Copies of all living patterns. Cold. */
  patterns(): string[] {
    const found: string[] = [];
    const end = NAMES_AT + Math.min(Atomics.load(this.i32, NAMES_END), NAMES_BYTES);
    for (let at = NAMES_AT; at + NAME_HEAD <= end; ) {
      const bytes = this.i32[(at >> 2) + 2]!;
      const start = at + NAME_HEAD;
      if (bytes < 0 || start + bytes > end) break;
      if (this.i32[(at >> 2) + 1]! > 0) {
        found.push(Buffer.from(this.u8.slice(start, start + bytes)).toString('latin1'));
      }
      at += nameSize(bytes);
    }
    return found;
  }
}
