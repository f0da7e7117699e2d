/**
 * Finds stores into cells that were not announced (`Arena.touch`). Works in checking mode only (SHERD_CHECK=1).
 *
 * When a page of 4 KiB is announced for the first time in a critical section, its present content is copied. At the end
 * of the section the page is compared with the copy: a byte that differs and was not announced is a finding. If a page
 * was changed and never announced, its checksum shows the change when the page is announced the next time, or when all
 * pages are verified.
 *
 *     begin of a segment   | epoch word of each page | checksum of each page |
 *     epoch word           0: nothing found; else the first byte that was found, plus one
 *
 * Invariants: (1) everything here happens under the shard's lease; (2) outside of a critical section the checksum of
 * each page matches the content; (3) a finding stays until the server ends, whichever thread made it.
 */
import { COW_PAGE_BYTES, COW_PAGES, SLAB_PAGE_BYTES, SLAB_PAGES } from './ptr.js';

const EPOCHS = (8 * 1024) >> 2;
const CHECKSUMS = (72 * 1024) >> 2;
const PAGE_WORDS = COW_PAGE_BYTES >> 2;
/** The first page that holds cells, and the number of pages in a slab page. */
const FIRST_PAGE = SLAB_PAGE_BYTES / COW_PAGE_BYTES;
/** Copies kept for further sections. */
const SPARE_MAX = 64;
/** A page was changed outside of any critical section that announced it: nobody knows where. */
const SOMEWHERE = COW_PAGE_BYTES;

/** A page announced in the present critical section. */
interface Announced {
  segment: number;
  page: number;
  /** What was in it. */
  readonly before: Int32Array;
  /** 1 for each byte that was announced. */
  readonly bytes: Uint8Array;
}

/** A store that was not announced. */
export interface UnannouncedStore {
  readonly segment: number;
  /** Of the first byte, in the segment; that of its page when only the page is known. */
  readonly byteOffset: number;
  readonly isExact: boolean;
}

export class StoreCheck {
  private readonly segments: readonly Int32Array[];
  private readonly announced = new Map<number, Announced>();
  private readonly spare: Announced[] = [];

  /** `segments`: the views of the arena, which grow. */
  constructor(segments: readonly Int32Array[]) {
    this.segments = segments;
  }

  /** The bytes from `start` (bytes, in the segment) are about to be stored into. */
  announce(segment: number, start: number, bytes: number): void {
    const end = start + Math.max(bytes, 1);
    for (let page = Math.floor(start / COW_PAGE_BYTES); page * COW_PAGE_BYTES < end; page++) {
      const base = page * COW_PAGE_BYTES;
      this.pageOf(segment, page).bytes.fill(1, Math.max(0, start - base), Math.min(COW_PAGE_BYTES, end - base));
    }
  }

  private pageOf(segment: number, page: number): Announced {
    const id = segment * COW_PAGES + page;
    const known = this.announced.get(id);
    if (known !== undefined) return known;
    const fresh = this.spare.pop() ?? {
      ...{ segment: 0, page: 0 },
      ...{ before: new Int32Array(PAGE_WORDS), bytes: new Uint8Array(COW_PAGE_BYTES) },
    };
    fresh.segment = segment;
    fresh.page = page;
    const i32 = this.segments[segment]!;
    fresh.before.set(i32.subarray(page * PAGE_WORDS, (page + 1) * PAGE_WORDS));
    if (checksum(fresh.before, 0) !== i32[CHECKSUMS + page]) this.found(segment, page, SOMEWHERE);
    this.announced.set(id, fresh);
    return fresh;
  }

  /** Ends a critical section: what was not announced must be as it was. */
  settle(): void {
    if (this.announced.size === 0) return;
    for (const entry of this.announced.values()) {
      const { segment, page, before, bytes } = entry;
      const i32 = this.segments[segment]!;
      i32[CHECKSUMS + page] = checksum(i32, page * PAGE_WORDS);
      const at = firstDifference(i32, page * PAGE_WORDS, before, bytes);
      if (at >= 0) this.found(segment, page, at);
      bytes.fill(0);
      if (this.spare.length < SPARE_MAX) this.spare.push(entry);
    }
    this.announced.clear();
  }

  private found(segment: number, page: number, at: number): void {
    const i32 = this.segments[segment]!;
    if (i32[EPOCHS + page] === 0) i32[EPOCHS + page] = at + 1;
  }

  /**
   * What was found since the start, one for each page. `slabPagesUsed`: slab pages handed out, over all segments;
   * others are not looked at, since that would make them resident. @requires settle()
   */
  findings(slabPagesUsed: number): UnannouncedStore[] {
    const findings: UnannouncedStore[] = [];
    for (const [segment, i32] of this.segments.entries()) {
      const end = Math.min(COW_PAGES, (slabPagesUsed - segment * SLAB_PAGES) * FIRST_PAGE);
      for (let page = FIRST_PAGE; page < end; page++) {
        if (checksum(i32, page * PAGE_WORDS) !== i32[CHECKSUMS + page]) this.found(segment, page, SOMEWHERE);
        const found = i32[EPOCHS + page]!;
        if (found === 0) continue;
        const isExact = found - 1 !== SOMEWHERE;
        findings.push({ segment, byteOffset: page * COW_PAGE_BYTES + (isExact ? found - 1 : 0), isExact });
      }
    }
    return findings;
  }
}

/** Takes the content of all pages for granted: a thread ended in the middle of a critical section. @requires lease */
export function restampPages(segments: readonly Int32Array[], slabPagesUsed: number): void {
  for (const [segment, i32] of segments.entries()) {
    const end = Math.min(COW_PAGES, (slabPagesUsed - segment * SLAB_PAGES) * FIRST_PAGE);
    for (let page = FIRST_PAGE; page < end; page++) i32[CHECKSUMS + page] = checksum(i32, page * PAGE_WORDS);
  }
}

function checksum(i32: Int32Array, start: number): number {
  let h = 0;
  for (let i = start; i < start + PAGE_WORDS; i++) h = (Math.imul(h, 31) + i32[i]!) | 0;
  return h;
}

/** The first byte of the page that differs from `before` and was not announced, or -1. */
function firstDifference(i32: Int32Array, start: number, before: Int32Array, announced: Uint8Array): number {
  for (let w = 0; w < PAGE_WORDS; w++) {
    const changed = i32[start + w]! ^ before[w]!;
    if (changed === 0) continue;
    for (let b = 0; b < 4; b++) {
      if (((changed >>> (b * 8)) & 255) !== 0 && announced[w * 4 + b] === 0) return w * 4 + b;
    }
  }
  return -1;
}
