/** The files that an `include` line names: a path, or a shell pattern over directories and files. */
import { readdirSync } from 'node:fs';
import { isAbsolute, join, sep } from 'node:path';
import { globMatchText } from '../../shared/glob.js';
import { toBinary } from './binary-string.js';

const WILDCARD = /[*?[]/;

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/**
 * Expands a pattern. A plain path is returned as it is, existing or not; a pattern gives the paths that exist, sorted,
 * and possibly none.
 *
 * @param directory what a relative path is relative to, absolute
 */
export function includePaths(pattern: string, directory: string): string[] {
  const path = isAbsolute(pattern) ? pattern : join(directory, pattern);
  if (!WILDCARD.test(pattern)) return [path];
  let found: string[] = [sep];
  for (const segment of path.split(sep).filter((part) => part !== '')) {
    if (!WILDCARD.test(segment)) {
      found = found.map((parent) => join(parent, segment));
      continue;
    }
    // The shell negates a class with `!`, our matcher with `^`.
    const glob = toBinary(segment.replaceAll('[!', '[^'));
    const matches = (name: string) =>
      (segment.startsWith('.') || !name.startsWith('.')) && globMatchText(glob, toBinary(name), false);
    found = found.flatMap((parent) =>
      namesIn(parent)
        .filter(matches)
        .sort()
        .map((name) => join(parent, name)),
    );
  }
  return found;
}
