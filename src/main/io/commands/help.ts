/** The answer to `CONTAINER HELP`: a headline, the lines of the container, HELP itself, all as simple strings. */
import type { Reply } from '../../../shared/resp/reply.js';

/**
 * Writes the help of `name` (upper case). Lines are usage texts; those that begin with a space explain the one above.
 */
export function replyHelp(reply: Reply, name: string, lines: readonly string[]): void {
  reply.array(lines.length + 3);
  reply.simple(`${name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`);
  for (const line of lines) reply.simple(line);
  reply.simple('HELP');
  reply.simple('    Print this help.');
}
