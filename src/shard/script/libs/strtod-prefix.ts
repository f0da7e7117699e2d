/** What C's strtod reads at a place: the longest number there. */

const HEX = '0x(?:[\\da-f]+(?:\\.[\\da-f]*)?|\\.[\\da-f]+)(?:p[-+]?\\d+)?';
const DECIMAL = '(?:\\d+(?:\\.\\d*)?|\\.\\d+)(?:e[-+]?\\d+)?';
const PATTERN = new RegExp(`[-+]?(?:${HEX}|${DECIMAL}|inf(?:inity)?|nan)`, 'iy');
/** Longest number that is looked at. */
const CHARS_MAX = 400;

/** The number at `at`, and where it ends; `end` equals `at` when there is none. */
export function parseStrtod(u8: Uint8Array, at: number): { value: number; end: number } {
  const end = Math.min(u8.length, at + CHARS_MAX);
  const chars = Buffer.from(u8.buffer, u8.byteOffset + at, end - at).toString('latin1');
  PATTERN.lastIndex = 0;
  const match = PATTERN.exec(chars);
  if (match === null) return { value: 0, end: at };
  const [word] = match;
  return { value: numberOf(word.toLowerCase()), end: at + word.length };
}

function numberOf(word: string): number {
  const negative = word.startsWith('-');
  const plain = word.replace(/^[-+]/, '');
  let value: number;
  if (plain.startsWith('0x')) value = hexNumber(plain.slice(2));
  else if (plain.startsWith('inf')) value = Number.POSITIVE_INFINITY;
  else if (plain === 'nan') value = Number.NaN;
  else value = Number(plain);
  return negative ? -value : value;
}

function hexNumber(digits: string): number {
  const [mantissa = '', exponent = '0'] = digits.split('p');
  const [whole = '', fraction = ''] = mantissa.split('.');
  let value = 0;
  for (const digit of whole + fraction) value = value * 16 + Number.parseInt(digit, 16);
  return value * 2 ** (Number(exponent) - 4 * fraction.length);
}
