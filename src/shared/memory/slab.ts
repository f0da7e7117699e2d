/**
 * Slab allocator over one shard's arena. A slab page (256 KiB) is carved into cells of one size class; its descriptor
 * lies in the bookkeeping page of its segment, so cells fill pages wholly and keep their natural alignment.
 *
 *     descriptor (8 words):  class+1 | used | free head | carved | previous | next | listed | -
 *
 * "free head" is the unit offset inside the page, plus one, of the first freed cell; the first word of a freed cell is
 * the next. A page with room is on the list of its class; a page that empties goes back to the shared list of pages,
 * unless it is the only page with room of its class. Everything is O(1). All state is in shared memory, so any thread
 * that holds the lease may allocate.
 *
 * Invariants: (1) lease held; (2) a cell is freed once, by its exact pointer; (3) `usedBytes` is the sum of the cell
 * sizes of all allocated cells; (4) the content of a new cell is undefined.
 */
import { invariant } from '../errors/invariant.js';
import {
  type Arena,
  CTL_ALLOCS_F64,
  CTL_FREE_PAGES,
  CTL_NEXT_PAGE,
  CTL_PARTIAL,
  CTL_PEAK_BYTES_F64,
  CTL_USED_BYTES_F64,
} from './arena.js';
import { faultPoint, POINT } from './fault-point.js';
import { CELL_BYTES_MAX, type Ptr, SEGMENT_SHIFT, SLAB_PAGES, UNIT_MASK } from './ptr.js';
import { CLASS_CELLS, CLASS_OF_UNITS, CLASS_UNITS } from './size-classes.js';

const D_CLASS = 0;
const D_USED = 1;
const D_FREE = 2;
const D_CARVED = 3;
const D_PREVIOUS = 4;
const D_NEXT = 5;
const D_LISTED = 6;
/** log2 of the 8-byte units of a slab page. */
const PAGE_UNITS_SHIFT = 15;
const PAGE_UNITS_MASK = (1 << PAGE_UNITS_SHIFT) - 1;

/** Allocates a cell of at least `bytes` bytes. @requires lease, 1 <= bytes <= CELL_BYTES_MAX. Throws ArenaFullError. */
export function alloc(arena: Arena, bytes: number): Ptr {
  invariant(bytes >= 1 && arena.isMine, 'the lease, at least 1 byte');
  if (bytes > CELL_BYTES_MAX) throw new Error(`cell of ${bytes} bytes`);
  faultPoint(POINT.alloc);
  const cls = CLASS_OF_UNITS[(bytes + 7) >> 3]!;
  const ctl = arena.ctl;
  let page = ctl[CTL_PARTIAL + cls]!;
  if (page === 0) page = takePage(arena, cls);
  const segment = page >>> 8;
  const i32 = arena.i32[segment]!;
  const d = (page & 255) << 3;
  const units = CLASS_UNITS[cls]!;
  const pageBase = (page & 255) << PAGE_UNITS_SHIFT;
  const free = i32[d + D_FREE]!;
  let unit: number;
  if (free !== 0) {
    unit = pageBase + free - 1;
    i32[d + D_FREE] = i32[unit << 1]!;
  } else {
    const carved = i32[d + D_CARVED]!;
    unit = pageBase + carved * units;
    i32[d + D_CARVED] = carved + 1;
  }
  const used = i32[d + D_USED]! + 1;
  i32[d + D_USED] = used;
  if (used === CLASS_CELLS[cls]!) unlist(arena, page, cls);
  const f64 = arena.ctlF64;
  const total = f64[CTL_USED_BYTES_F64]! + units * 8;
  f64[CTL_USED_BYTES_F64] = total;
  if (total > f64[CTL_PEAK_BYTES_F64]!) f64[CTL_PEAK_BYTES_F64] = total;
  f64[CTL_ALLOCS_F64] = f64[CTL_ALLOCS_F64]! + 1;
  const ptr = ((segment << SEGMENT_SHIFT) | unit) as Ptr;
  if (arena.tracking !== 0) arena.touch(ptr, 0, units * 8);
  return ptr;
}

/** Frees a cell. @requires lease; `ptr` from `alloc`, not freed yet. */
export function free(arena: Arena, ptr: Ptr): void {
  invariant(arena.isMine, 'the lease');
  const segment = ptr >>> SEGMENT_SHIFT;
  const unit = ptr & UNIT_MASK;
  const i32 = arena.i32[segment]!;
  const pageIndex = unit >>> PAGE_UNITS_SHIFT;
  const d = pageIndex << 3;
  const cls = i32[d + D_CLASS]! - 1;
  if (cls < 0 || ptr === 0) throw new Error(`free of ${ptr}: not an allocated cell`);
  arena.touch(ptr, 0, 4);
  i32[unit << 1] = i32[d + D_FREE]!;
  i32[d + D_FREE] = (unit & PAGE_UNITS_MASK) + 1;
  const used = i32[d + D_USED]! - 1;
  i32[d + D_USED] = used;
  const f64 = arena.ctlF64;
  f64[CTL_USED_BYTES_F64] = f64[CTL_USED_BYTES_F64]! - CLASS_UNITS[cls]! * 8;
  const page = (segment << 8) | pageIndex;
  if (i32[d + D_LISTED] === 0) list(arena, page, cls);
  else if (used === 0 && (i32[d + D_NEXT] !== 0 || i32[d + D_PREVIOUS] !== 0)) givePage(arena, page, cls);
}

/** Bytes of the cell at `ptr` (its class's size, at least what was asked for). */
export function cellBytes(arena: Arena, ptr: Ptr): number {
  const d = ((ptr & UNIT_MASK) >>> PAGE_UNITS_SHIFT) << 3;
  return CLASS_UNITS[arena.i32[ptr >>> SEGMENT_SHIFT]![d + D_CLASS]! - 1]! * 8;
}

/** Whether a value of `bytes` bytes belongs in the very class of the cell at `ptr`. */
export function fitsCell(arena: Arena, ptr: Ptr, bytes: number): boolean {
  const d = ((ptr & UNIT_MASK) >>> PAGE_UNITS_SHIFT) << 3;
  return arena.i32[ptr >>> SEGMENT_SHIFT]![d + D_CLASS]! - 1 === CLASS_OF_UNITS[(bytes + 7) >> 3]!;
}

function takePage(arena: Arena, cls: number): number {
  const ctl = arena.ctl;
  let page = ctl[CTL_FREE_PAGES]!;
  if (page !== 0) {
    ctl[CTL_FREE_PAGES] = arena.i32[page >>> 8]![((page & 255) << 3) + D_NEXT]!;
  } else {
    page = ctl[CTL_NEXT_PAGE]!;
    if (page >>> 8 >= arena.segments) arena.addSegment();
    // Page 0 of a segment is its bookkeeping.
    ctl[CTL_NEXT_PAGE] = ((page + 1) & 255) === 0 ? page + 2 : page + 1;
  }
  const i32 = arena.i32[page >>> 8]!;
  const d = (page & 255) << 3;
  i32[d + D_CLASS] = cls + 1;
  i32[d + D_USED] = 0;
  i32[d + D_FREE] = 0;
  i32[d + D_CARVED] = 0;
  i32[d + D_LISTED] = 0;
  list(arena, page, cls);
  return page;
}

function list(arena: Arena, page: number, cls: number): void {
  const ctl = arena.ctl;
  const i32 = arena.i32[page >>> 8]!;
  const d = (page & 255) << 3;
  const head = ctl[CTL_PARTIAL + cls]!;
  i32[d + D_PREVIOUS] = 0;
  i32[d + D_NEXT] = head;
  i32[d + D_LISTED] = 1;
  if (head !== 0) arena.i32[head >>> 8]![((head & 255) << 3) + D_PREVIOUS] = page;
  ctl[CTL_PARTIAL + cls] = page;
}

function unlist(arena: Arena, page: number, cls: number): void {
  const i32 = arena.i32[page >>> 8]!;
  const d = (page & 255) << 3;
  const previous = i32[d + D_PREVIOUS]!;
  const next = i32[d + D_NEXT]!;
  if (previous !== 0) arena.i32[previous >>> 8]![((previous & 255) << 3) + D_NEXT] = next;
  else arena.ctl[CTL_PARTIAL + cls] = next;
  if (next !== 0) arena.i32[next >>> 8]![((next & 255) << 3) + D_PREVIOUS] = previous;
  i32[d + D_PREVIOUS] = 0;
  i32[d + D_NEXT] = 0;
  i32[d + D_LISTED] = 0;
}

function givePage(arena: Arena, page: number, cls: number): void {
  unlist(arena, page, cls);
  const i32 = arena.i32[page >>> 8]!;
  const d = (page & 255) << 3;
  i32[d + D_CLASS] = 0;
  i32[d + D_NEXT] = arena.ctl[CTL_FREE_PAGES]!;
  arena.ctl[CTL_FREE_PAGES] = page;
}

/** One slab page's state, for fsck and statistics. */
export interface SlabPage {
  readonly page: number;
  readonly cls: number;
  readonly used: number;
  readonly carved: number;
  /** Unit offsets inside the page of freed cells. */
  readonly freeUnits: readonly number[];
}

/** Every slab page that belongs to a class. Cold: allocates. @requires lease */
export function slabPages(arena: Arena): SlabPage[] {
  const pages: SlabPage[] = [];
  for (let segment = 0; segment < arena.segments; segment++) {
    const i32 = arena.i32[segment]!;
    for (let index = 1; index < SLAB_PAGES; index++) {
      const d = index << 3;
      if (i32[d + D_CLASS] === 0) continue;
      const freeUnits: number[] = [];
      for (let unit = i32[d + D_FREE]!; unit !== 0; unit = i32[((index << PAGE_UNITS_SHIFT) + unit - 1) << 1]!) {
        freeUnits.push(unit - 1);
        if (freeUnits.length > CLASS_CELLS[i32[d + D_CLASS]! - 1]!) break;
      }
      pages.push({
        page: (segment << 8) | index,
        cls: i32[d + D_CLASS]! - 1,
        used: i32[d + D_USED]!,
        carved: i32[d + D_CARVED]!,
        freeUnits,
      });
    }
  }
  return pages;
}
