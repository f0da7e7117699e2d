/**
 * Configuration values are bytes. Inside the configuration they are "binary strings": one char (0..255) for each
 * byte, so that a password with any byte in it survives. People's text is UTF-8 at the border.
 */

/** Text as a binary string of its UTF-8 bytes. */
export function toBinary(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** A binary string as text; bytes that are not UTF-8 become U+FFFD. */
export function fromBinary(binary: string): string {
  return Buffer.from(binary, 'latin1').toString('utf8');
}
