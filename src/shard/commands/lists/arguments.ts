/** Integer arguments of the list commands, with the errors that Redis gives for each. */
import { NOT_INTEGER } from '../../../shared/errors/replies.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { integerArg } from '../arguments/integer.js';

/** Argument i as an integer; NaN when it is none, the error is written. */
export function numberArgument(args: Args, i: number, reply: Reply): number {
  const n = integerArg(args, i);
  if (Number.isNaN(n)) reply.error(NOT_INTEGER);
  return n;
}

/** Argument i as an integer of at least `min`; NaN when it is none, `error` is written. */
export function atLeastArgument(args: Args, i: number, min: number, error: Uint8Array, reply: Reply): number {
  const n = integerArg(args, i);
  if (n >= min) return n;
  reply.error(error);
  return Number.NaN;
}

/** 1 for LEFT, 0 for RIGHT, -1 for something else. */
export function sideArgument(args: Args, i: number): number {
  if (args.is(i, 'left')) return 1;
  return args.is(i, 'right') ? 0 : -1;
}
