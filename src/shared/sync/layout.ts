/**
 * Layouts of shared memory as tables: the place of a word or a region follows from the rows; no offset is counted by
 * hand.
 *
 *     Words     hands out Int32 and Float64 places of one area, one behind the other; so no two of them overlap
 *     offsets   the byte offsets of regions of given sizes and counts, one behind the other
 *
 * Both throw while the module loads (or the block is made) when something does not fit. Used at load only, any thread.
 */

/** Bytes of a cache line, and the Int32 words in it. */
const LINE_BYTES = 64;
const LINE_WORDS: number = LINE_BYTES >> 2;

/** Hands out the words of one area. Call its methods inside of an object literal, so that the object stays fast. */
export class Words {
  private readonly area: string;
  private readonly words: number;
  private next = 0;

  /** @param area for the error text. @requires `bytes` a multiple of 8 */
  constructor(area: string, bytes: number) {
    if (bytes % 8 !== 0) throw new Error(`${area}: ${bytes} bytes are no multiple of 8`);
    this.area = area;
    this.words = bytes >> 2;
  }

  /** Index of the first of `count` Int32 words. */
  word(count = 1): number {
    const at = this.next;
    this.next = at + count;
    if (count < 1 || this.next > this.words) throw new Error(`${this.area}: ${this.next} words, ${this.words} fit`);
    return at;
  }

  /** Float64 index of a number. */
  double(): number {
    this.next = (this.next + 1) & -2;
    return this.word(2) >> 1;
  }

  /**
   * The next word begins a new cache line: it is written often, and must not slow down readers of the words before it.
   */
  line(): this {
    this.next = (this.next + LINE_WORDS - 1) & -LINE_WORDS;
    return this;
  }
}

/** One row of a table of regions: how many regions, and how many bytes each has. */
export interface Region<Count extends string> {
  readonly bytes: number;
  readonly per: Count;
}

/**
 * Byte offsets of the regions of a table, in the order of its rows, and the bytes of all under `end`.
 * @throws when a size is no multiple of 8, or the whole is more than a buffer holds
 */
export function regionOffsets<Name extends string, Count extends string>(
  regions: Readonly<Record<Name, Region<Count>>>,
  counts: Readonly<Record<Count, number>>,
): Record<Name | 'end', number> {
  const offsets: Record<string, number> = {};
  let next = 0;
  for (const [name, { bytes, per }] of Object.entries<Region<Count>>(regions)) {
    if (bytes <= 0 || bytes % 8 !== 0) throw new Error(`region ${name}: ${bytes} bytes are no multiple of 8`);
    offsets[name] = next;
    next += bytes * counts[per];
  }
  if (!Number.isSafeInteger(next) || next > 2 ** 33) throw new Error(`regions: ${next} bytes are too many`);
  offsets.end = next;
  return offsets as Record<Name | 'end', number>;
}
