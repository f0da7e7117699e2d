/** Reading arguments in commands of the control kind, where a string or two more do not matter. */
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';

/**
 * Argument i as an integer in Redis's strict form, rounded to a double beyond 2^53; null when it is none, has more than
 * 64 bits, or is outside of [min, max].
 */
export function integerAt(args: Args, i: number, min = -(2 ** 63), max: number = 2 ** 63): number | null {
  if (args.len[i]! > 20) return null;
  const text = args.latin1(i);
  if (!/^(0|-?[1-9]\d*)$/.test(text)) return null;
  const exact = BigInt(text);
  if (BigInt.asIntN(64, exact) !== exact) return null;
  const value = Number(text);
  return value >= min && value <= max ? value : null;
}

/** Argument i as Redis's C code prints it: up to a NUL. */
export function cText(args: Args, i: number): string {
  const text = args.latin1(i);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/** Refuses a subcommand that is there but takes no such number of arguments. */
export function subcommandSyntax(args: Args, reply: Reply): void {
  const name = cText(args, 1).slice(0, 128);
  const help = `${cText(args, 0).toUpperCase()} HELP`;
  reply.errorLatin1(`ERR unknown subcommand or wrong number of arguments for '${name}'. Try ${help}.`);
}
