/** "Did you mean": the known name that is nearest to an unknown one. */
import { DIRECTIVE_NAMES } from './directives.js';

const DISTANCE_MAX = 2;

/** Edits (insert, delete, replace one char) from `a` to `b`. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replace, previous[j]! + 1, row[j - 1]! + 1));
    }
    previous = row;
  }
  return previous[b.length]!;
}

/** ` (did you mean 'port'?)` when a directive's name is close to `name`, else the empty string. */
export function suggestion(name: string): string {
  if (name.length <= DISTANCE_MAX || name.length > 64) return '';
  let best = '';
  let bestDistance = DISTANCE_MAX + 1;
  for (const known of DIRECTIVE_NAMES) {
    if (Math.abs(known.length - name.length) > DISTANCE_MAX) continue;
    const distance = editDistance(name, known);
    if (distance < bestDistance) {
      best = known;
      bestDistance = distance;
    }
  }
  return best === '' ? '' : ` (did you mean '${best}'?)`;
}
