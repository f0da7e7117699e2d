/**
 * Assertions of programmer errors: what a caller must have done, said in code. They run in unit tests and in a build
 * with SHERD_CHECK=1. The usual build has none of them: `build/without-invariants.js` takes the whole statement out,
 * the condition included.
 *
 * So (1) a call is a statement of its own, and (2) its condition changes nothing. Use it where the compiler cannot see
 * the border and a wrong caller would do damage that shows elsewhere and later: at each `@requires`. Errors of users
 * are never asserted, they get replies; what must hold in the usual build as well is an `if` with a `throw`.
 */

export class InvariantError extends Error {
  constructor(text: string) {
    super(`invariant broken: ${text}`);
    this.name = 'InvariantError';
  }
}

/** Throws if `condition` does not hold. `text` says what should, in the words of the `@requires`. */
export function invariant(condition: boolean, text: string): void {
  if (!condition) throw new InvariantError(text);
}
