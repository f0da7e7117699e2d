/**
 * Searching a sorted set for members in an area: each cell of the area is a range of scores, which is walked.
 *
 * Invariant: lease held; `area` is covered, the results are in `results`.
 */
import type { Arena } from '../../../shared/memory/arena.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import { ZSET_PACKED } from '../../entry/encodings.js';
import { entryEncoding } from '../../entry/entry.js';
import { INLINE_WORK_MAX, type WorkBound } from '../../services/work-bound.js';
import { area } from '../../types/geo/geo-area.js';
import { results } from '../../types/geo/geo-results.js';
import { ZsetCursor } from '../../types/zset/zset-cursor.js';
import { rankOfScore } from '../../types/zset/zset-range.js';
import { zsetCount } from '../../types/zset/zset-value.js';

const CURSOR = new ZsetCursor();

/**
 * Finds the members of the set in `e` that are in `area`; with a limit other than 0, no more than so many. On an I/O
 * thread it does not return when it has visited too many.
 */
// hot: GEOSEARCH
export function searchArea(arena: Arena, e: Ptr, limit: number, bound: WorkBound): void {
  results.open(arena, e);
  const packed = entryEncoding(arena, e) === ZSET_PACKED;
  const count = zsetCount(arena, e);
  let visited = 0;
  for (let r = 0; r < area.ranges; r++) {
    const max = area.max[r]!;
    const rank = rankOfScore(arena, e, area.min[r]!, false);
    if (rank >= count) continue;
    CURSOR.open(arena, e, rank);
    while (CURSOR.step()) {
      const { score } = CURSOR;
      if (score >= max) break;
      if (++visited > INLINE_WORK_MAX && bound.inline) bound.leaveToShard();
      if (!area.within(score)) continue;
      results.add(area.distance, score, packed ? CURSOR.seen : CURSOR.el);
      if (results.count === limit) return;
    }
  }
}
