/**
 * Doubles with 17 significant digits: enough to read the same number back, but not the shortest text. Redis prints them
 * so where it still uses printf: in ZSCAN of big sorted sets. Any thread; cold.
 */
import { formatG } from './format-g.js';

/** `x` with 17 significant digits, as C's `%.17g` prints it; `inf`, `-inf`, `nan`. */
export function digits17(x: number): string {
  return formatG(x, 17);
}
