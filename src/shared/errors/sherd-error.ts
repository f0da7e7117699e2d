/**
 * Errors for people (not for clients of the protocol, whose errors are byte strings in reply tables).
 *
 * Every such error has a stable `code` to test for, the `directive` that caused it when there is one, and a message
 * that says in one line what is wrong and what to do about it. Codes never change once released.
 */

/** The stable codes of `SherdError`. */
export type SherdErrorCode =
  | 'SHERD_CONFIG_UNKNOWN'
  | 'SHERD_CONFIG_INVALID'
  | 'SHERD_CONFIG_SYNTAX'
  | 'SHERD_CONFIG_FILE'
  | 'SHERD_NOT_SUPPORTED'
  | 'SHERD_LISTEN'
  | 'SHERD_START'
  | 'SHERD_CLOSED';

/** An error for the person who starts or embeds the server. */
export class SherdError extends Error {
  readonly code: SherdErrorCode;
  /** The directive concerned, or null. */
  readonly directive: string | null;

  /**
   * @param code stable identifier
   * @param message one line: what is wrong, and the next step
   * @param details the directive concerned and the error underneath, where there are any
   */
  constructor(
    code: SherdErrorCode,
    message: string,
    details: { readonly directive?: string; readonly cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'SherdError';
    this.code = code;
    this.directive = details.directive ?? null;
  }
}
