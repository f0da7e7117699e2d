/** The first line of a library: `#!lua name=mylib`. */
import { Args } from '../../shared/resp/args.js';
import { INLINE_UNBALANCED, splitInline } from '../../shared/resp/inline.js';

const WORDS_MAX = 64;
const NEWLINE = 10;
const NAME_OPTION = 'name=';
const NAME = /^\w+$/;

/** What is wrong with a name that has other characters. */
export const BAD_NAME =
  'Library names can only contain letters, numbers, or underscores(_) and must be at least one character long';

/** Whether a library or function may have this name. */
export function isLibraryName(name: string): boolean {
  return NAME.test(name);
}

/** What the line says. */
export interface LibraryHeader {
  readonly name: string;
  /** Bytes of the line without its newline. */
  readonly bytes: number;
}

/** Reads the first line of a library's code; a string is the error. */
export function readLibraryHeader(code: Uint8Array): LibraryHeader | string {
  if (code[0] !== 0x23 || code[1] !== 0x21) return 'Missing library metadata';
  const end = code.indexOf(NEWLINE);
  if (end < 0 || code.subarray(0, end).includes(0)) return 'Invalid library metadata';
  const args = new Args(WORDS_MAX);
  const words = splitInline(Buffer.from(code.subarray(0, end)), 0, end, args);
  if (words === INLINE_UNBALANCED || words === 0) return 'Invalid library metadata';
  let name: string | null = null;
  for (let i = 1; i < words; i++) {
    const word = args.latin1(i);
    if (!word.toLowerCase().startsWith(NAME_OPTION)) return `Invalid metadata value given: ${word}`;
    if (name !== null) return 'Invalid metadata value, name argument was given multiple times';
    name = word.slice(NAME_OPTION.length);
  }
  if (name === null) return 'Library name was not given';
  if (!isLibraryName(name)) return BAD_NAME;
  const engine = args.latin1(0).slice(2);
  if (engine.toLowerCase() !== 'lua') return `Engine '${engine}' not found`;
  return { name, bytes: end };
}
