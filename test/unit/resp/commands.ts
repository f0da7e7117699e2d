/** Helpers of the parser tests: builds requests, and runs a parser over pieces in the two ways it can be used. */
import { Args } from '../../../src/shared/resp/args.js';
import { BROKEN, PARSED, RespParser } from '../../../src/shared/resp/parser.js';

export type Outcome = { commands: string[][]; error: string; rest: number };

/** A command in the multibulk form. */
export function multibulk(...words: (string | Uint8Array)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = Buffer.from(word as string);
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

function words(args: Args): string[] {
  return Array.from({ length: args.argc }, (_, i) => Buffer.from(args.copy(i)).toString('latin1'));
}

/** Parses all bytes at once. */
export function parseWhole(bytes: Uint8Array, setup: (parser: RespParser) => void = () => {}): Outcome {
  return parsePieces([bytes], setup);
}

/** Feeds piece by piece to a parser that remembers, in a buffer that grows. */
export function parsePieces(pieces: Uint8Array[], setup: (parser: RespParser) => void = () => {}): Outcome {
  const parser = new RespParser();
  setup(parser);
  const args = new Args(4);
  let u8 = new Uint8Array(16);
  let dv = new DataView(u8.buffer);
  parser.window(u8, dv, 0, 0);
  const commands: string[][] = [];
  for (const piece of pieces) {
    const start = parser.restStart;
    const rest = parser.end - start;
    if (parser.end + piece.length > u8.length) {
      const bigger = new Uint8Array((rest + piece.length) * 2);
      bigger.set(u8.subarray(start, start + rest));
      u8 = bigger;
      dv = new DataView(u8.buffer);
      parser.moved(u8, dv, -start, rest, args);
    }
    u8.set(piece, parser.end);
    parser.end += piece.length;
    for (;;) {
      const status = parser.next(args);
      if (status === BROKEN) return { commands, error: parser.errorText, rest: 0 };
      if (status !== PARSED) break;
      commands.push(words(args));
    }
  }
  return { commands, error: '', rest: parser.end - parser.restStart };
}

/** Feeds piece by piece to a parser without memory: what is left is shown again in front of the next piece. */
export function parseForgetful(pieces: Uint8Array[], setup: (parser: RespParser) => void = () => {}): Outcome {
  const parser = new RespParser();
  setup(parser);
  const args = new Args(4);
  const commands: string[][] = [];
  let rest = new Uint8Array(0);
  for (const piece of pieces) {
    const u8 = new Uint8Array(rest.length + piece.length);
    u8.set(rest);
    u8.set(piece, rest.length);
    parser.window(u8, new DataView(u8.buffer), 0, u8.length);
    for (;;) {
      const status = parser.next(args);
      if (status === BROKEN) return { commands, error: parser.errorText, rest: 0 };
      if (status !== PARSED) break;
      commands.push(words(args));
    }
    parser.forget();
    rest = u8.slice(parser.pos, parser.end);
  }
  return { commands, error: '', rest: rest.length };
}

/** Cuts bytes at the given places. */
export function cut(bytes: Uint8Array, places: number[]): Uint8Array[] {
  const sorted = [...new Set(places.map((p) => p % (bytes.length + 1)))].sort((a, b) => a - b);
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (const place of [...sorted, bytes.length]) {
    pieces.push(new Uint8Array(bytes.subarray(from, place)));
    from = place;
  }
  return pieces;
}
