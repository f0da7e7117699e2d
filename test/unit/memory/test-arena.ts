/** An arena without threads, for tests of what lies in it. */
import { Arena, formatShard, type SegmentProvider } from '../../../src/shared/memory/arena.js';
import { SEGMENT_BYTES } from '../../../src/shared/memory/ptr.js';

/** An arena of shard 0 that grows by itself. */
export function testArena(): Arena {
  const segments: SharedArrayBuffer[] = [new SharedArrayBuffer(SEGMENT_BYTES)];
  formatShard(segments[0]!, 1, 2);
  const provider: SegmentProvider = {
    allocate: (_shard, index) => {
      segments[index] = new SharedArrayBuffer(SEGMENT_BYTES);
      return segments[index]!;
    },
    attach: (_shard, index) => segments[index]!,
  };
  return new Arena(0, segments[0]!, provider);
}
