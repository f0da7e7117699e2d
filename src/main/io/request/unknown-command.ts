/**
 * The texts for commands and subcommands that do not exist, byte for byte as Redis 7.2 builds them with printf: cut at
 * 128 bytes, and at a NUL. Bytes of the client are kept one char each (latin-1); CR and LF become spaces.
 */
import type { Args } from '../../../shared/resp/args.js';

const SHOWN_BYTES_MAX = 128;

/** "unknown command 'X', with args beginning with: 'a' 'b' ". Cold. */
export function unknownCommandText(args: Args): string {
  let shown = '';
  for (let i = 1; i < args.argc && shown.length < SHOWN_BYTES_MAX; i++) {
    shown += `'${cString(args, i, SHOWN_BYTES_MAX - shown.length)}' `;
  }
  return noBreaks(`unknown command '${cString(args, 0, SHOWN_BYTES_MAX)}', with args beginning with: ${shown}`);
}

/** "unknown subcommand 'X'. Try CLIENT HELP." Cold. */
export function unknownSubcommandText(args: Args): string {
  const container = cString(args, 0, SHOWN_BYTES_MAX).toUpperCase();
  return noBreaks(`unknown subcommand '${cString(args, 1, SHOWN_BYTES_MAX)}'. Try ${container} HELP.`);
}

function cString(args: Args, i: number, max: number): string {
  const start = args.off[i]!;
  const end = start + Math.min(args.len[i]!, max);
  let text = '';
  for (let p = start; p < end && args.u8[p] !== 0; p++) text += String.fromCharCode(args.u8[p]!);
  return text;
}

function noBreaks(text: string): string {
  return text.replace(/[\r\n]/g, ' ');
}
