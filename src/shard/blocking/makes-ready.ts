/** Which commands concern clients that wait for keys: looked up by whoever runs commands, made once. */
import type { Registry } from '../../shared/command/registry.js';

/** Groups whose writes may bring lists, sorted sets or streams into being. */
const READY_GROUPS: readonly string[] = [
  'generic',
  'list',
  'sorted-set',
  'stream',
  'geo',
  'server',
  'transactions',
  'scripting',
];
/** Of these groups, what makes nothing. */
const ONLY_POPS: readonly string[] = ['lpop', 'rpop', 'blpop', 'brpop', 'zpopmin', 'zpopmax', 'bzpopmin', 'bzpopmax'];
/** May bring a key into being for which clients wait. */
const MAY_MAKE = 1;
/** Any other write: a key that ends concerns only who waits with a group. */
export const MAY_END = 2;
/** As MAY_MAKE, for a key that is not the command's own: MOVE makes one in another database. */
export const MAY_MAKE_ELSEWHERE = 3;
const ELSEWHERE: readonly string[] = ['move'];

/** By command id: MAY_MAKE, MAY_END, MAY_MAKE_ELSEWHERE, or 0 for what writes nothing. */
export function readyClasses(registry: Registry): Uint8Array {
  return Uint8Array.from(registry.defs, (def) => {
    if (!def.flags.includes('write')) return 0;
    if (ONLY_POPS.includes(def.name)) return MAY_END;
    if (ELSEWHERE.includes(def.name)) return MAY_MAKE_ELSEWHERE;
    return READY_GROUPS.includes(def.group) ? MAY_MAKE : MAY_END;
  });
}
