/**
 * The lines of MONITOR: `+1700000000.123456 [db from] "command" "argument"...`. Any thread; cold unless somebody
 * monitors.
 */
import { redactSecrets } from '../command/secrets.js';
import type { Args } from '../resp/args.js';

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\x07': '\\a',
  '\b': '\\b',
};

/** Bytes (one char each) in double quotes, as Redis prints them. */
export function quoted(text: string): string {
  const safe = text.replace(/[\\"]|[^ -~]/g, (c) => {
    return ESCAPES[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return `"${safe}"`;
}

/** A time as the line shows it: seconds, point, microseconds. */
function stamp(micros: number): string {
  const seconds = Math.floor(micros / 1e6);
  return `${seconds}.${String(micros - seconds * 1e6).padStart(6, '0')}`;
}

/** The line of one command. `nowUsec`: unix microseconds; `from`: the client's address, or `lua`. */
export function monitorLine(nowUsec: number, db: number, from: string, args: Args): Uint8Array {
  let text = `+${stamp(nowUsec)} [${db} ${from}]`;
  const shown: string[] = [];
  for (let i = 0; i < args.argc; i++) shown.push(args.latin1(i));
  redactSecrets(shown);
  for (const arg of shown) text += ` ${quoted(arg)}`;
  return Uint8Array.from(Buffer.from(`${text}\r\n`, 'latin1'));
}
