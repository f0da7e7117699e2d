/** Why the server did not start or could not go on, as one line for a person. */

/** One line (without `sherd: `) for whatever stopped the server. Errors with a code of ours already are such lines. */
export function describeStartError(error: unknown): string {
  if (!(error instanceof Error)) return `cannot start: ${String(error)}`;
  const { code } = error as { code?: unknown };
  // An error that crossed a thread is no SherdError any more, but it keeps its code.
  const isOurs = typeof code === 'string' && code.startsWith('SHERD_');
  return (isOurs ? error.message : `cannot start: ${error.message}`).replace(/\s+/g, ' ');
}
