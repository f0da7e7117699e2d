/** Names and library names of clients: words that do not break the lines of CLIENT LIST. */

export const CLIENT_NAME_ERROR = 'ERR Client names cannot contain spaces, newlines or special characters.';

/** Whether `text` may be the name of a client: printable ASCII without spaces; empty means "no name". */
export function isClientText(text: string): boolean {
  return /^[!-~]*$/.test(text);
}
