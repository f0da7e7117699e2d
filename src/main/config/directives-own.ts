/** Directives for tests (those of Redis 7.2), and those that Redis does not have. */
import { CONTROL, DISPATCH_WORDS } from '../../shared/sync/control-block.js';
import { type Directive, HIDDEN, INT_MAX, INT_MIN, IO, int32, integer, MAIN, oneOf } from './directive.js';

const MIB = 1024 * 1024;

export const TESTS: readonly Directive[] = [
  integer('rdb-key-save-delay', 0, INT_MIN, INT_MAX, 'For tests: pause after each key that is saved.', HIDDEN),
  integer('key-load-delay', 0, INT_MIN, INT_MAX, 'For tests: pause after each key that is loaded.', HIDDEN),
  integer(
    'loading-process-events-interval-bytes',
    2 * MIB,
    1024,
    INT_MAX,
    'For tests: bytes loaded between two looks at clients.',
    HIDDEN,
  ),
];

/** `shards 0` means one for each core that is left. */
export const OURS: readonly Directive[] = [
  integer('shards', 0, 0, 256, 'Pieces of the data, each with a thread; 0: one for each core that is left.', {
    ours: true,
    immutable: true,
    reader: MAIN,
  }),
  oneOf(
    'dispatch',
    'auto',
    DISPATCH_WORDS,
    'How a command reaches its shard: over a ring, inline on the I/O thread, or what is faster.',
    { ours: true, immutable: true, reader: IO, word: int32(CONTROL.dispatch) },
  ),
];
