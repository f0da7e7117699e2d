/**
 * The syntax of redis.conf: lines of words, comments, quotes. Pure; knows no directive.
 *
 *     port 6379                       words, split at blanks
 *     requirepass "a\x00b\n"          double quotes: \xHH, \n \r \t \b \a, \ before anything else is that char
 *     dir '/a b'                      single quotes: only \' is special
 *     # comment                       also after blanks; not behind a directive
 *
 * A closing quote must be followed by a blank or the end of the line. All strings are binary strings.
 */
import { SherdError } from '../../shared/errors/sherd-error.js';

/** Where a statement stands: a line of a file, or (line 0) an argument of the command line. */
export interface Place {
  /** File name as the operator wrote it, or the flag with its values. */
  readonly source: string;
  readonly line: number;
}

/** One directive with its arguments. */
export interface Statement extends Place {
  /** Lower case. */
  readonly name: string;
  readonly args: readonly string[];
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\x07' };
const HEX_BYTE = /^[0-9a-fA-F]{2}$/;

function isBlank(char: string): boolean {
  return char === ' ' || (char >= '\t' && char <= '\r');
}

/** True when a quote that closes at `at` ends its word. */
function endsWord(line: string, at: number): boolean {
  return at + 1 >= line.length || isBlank(line[at + 1]!);
}

/** Position behind the word that the quoted part at `i` belongs to, with the part's text; null when it never closes. */
function readQuoted(line: string, i: number): { text: string; next: number } | null {
  const quote = line[i]!;
  let text = '';
  for (i++; i < line.length; i++) {
    const c = line[i]!;
    if (c === quote) return endsWord(line, i) ? { text, next: i + 1 } : null;
    if (c !== '\\' || i + 1 >= line.length) {
      text += c;
    } else if (quote === "'") {
      if (line[i + 1] === "'") i++;
      text += line[i]!;
    } else if (line[i + 1] === 'x' && HEX_BYTE.test(line.slice(i + 2, i + 4))) {
      text += String.fromCharCode(Number.parseInt(line.slice(i + 2, i + 4), 16));
      i += 3;
    } else {
      i++;
      text += ESCAPES[line[i]!] ?? line[i]!;
    }
  }
  return null;
}

/** Splits a line into words; null when quotes are unbalanced or a closing quote touches the next word. */
export function splitArguments(line: string): string[] | null {
  const words: string[] = [];
  let i = 0;
  for (;;) {
    while (i < line.length && isBlank(line[i]!)) i++;
    if (i >= line.length) return words;
    let word = '';
    for (; i < line.length; i++) {
      const c = line[i]!;
      if (c === ' ' || c === '\n' || c === '\r' || c === '\t') break;
      if (c === '"' || c === "'") {
        const quoted = readQuoted(line, i);
        if (quoted === null) return null;
        word += quoted.text;
        i = quoted.next;
        break;
      }
      word += c;
    }
    words.push(word);
  }
}

/** The word in double quotes, such that `splitArguments` gives it back. */
export function quoteArgument(word: string): string {
  let quoted = '"';
  for (const c of word) {
    const letter = Object.keys(ESCAPES).find((key) => ESCAPES[key] === c);
    if (c === '"' || c === '\\') quoted += `\\${c}`;
    else if (letter !== undefined) quoted += `\\${letter}`;
    else if (c < ' ' || c > '~') quoted += `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
    else quoted += c;
  }
  return `${quoted}"`;
}

/** `redis.conf:12`, or the flag of the command line. */
export function placeText(place: Place): string {
  return place.line === 0 ? place.source : `${place.source}:${place.line}`;
}

/**
 * Reads the text of a configuration file.
 *
 * @param source its name for messages
 * @throws SherdError SHERD_CONFIG_SYNTAX with file and line, when quotes are unbalanced
 */
export function parseConfigText(text: string, source: string): Statement[] {
  const statements: Statement[] = [];
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!.replace(/^[ \t\r]+|[ \t\r]+$/g, '');
    if (line === '' || line.startsWith('#')) continue;
    const words = splitArguments(line);
    if (words === null) {
      const place = placeText({ source, line: i + 1 });
      throw new SherdError('SHERD_CONFIG_SYNTAX', `${place}: unbalanced quotes in configuration line`);
    }
    const name = words.shift();
    if (name !== undefined) statements.push({ name: name.toLowerCase(), args: words, source, line: i + 1 });
  }
  return statements;
}
