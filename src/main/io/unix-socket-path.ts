/**
 * The path of a unix socket: how long it may be, and what may stand in its place.
 *
 * The system cuts a path that is too long without a word, and a server must not delete what somebody keeps at the path.
 * As in Redis a socket is removed, also one of a server that still runs; anything else stops the start.
 */
import { lstatSync, rmSync } from 'node:fs';
import { SherdError } from '../../shared/errors/sherd-error.js';

/** Bytes of `sun_path` without the zero at its end. */
const PATH_BYTES_MAX = process.platform === 'linux' ? 107 : 103;

/** Makes `path` free to be bound. Throws a SherdError that names the directive. */
export function freeUnixPath(path: string): void {
  // Windows has named pipes instead, which are no files.
  if (process.platform === 'win32') return;
  const bytes = Buffer.byteLength(path);
  if (bytes > PATH_BYTES_MAX) {
    throw refusal(`the path has ${bytes} bytes, the system takes ${PATH_BYTES_MAX} at most: ${path}`);
  }
  try {
    if (!lstatSync(path).isSocket())
      throw refusal(`${path} exists and is no socket: remove it, or choose another path`);
    rmSync(path, { force: true });
  } catch (error) {
    if (error instanceof SherdError) throw error;
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw refusal((error as Error).message, error);
  }
}

/** Removes the socket at the end. Returns why that failed, or null. */
export function removeUnixSocket(path: string): string | null {
  try {
    if (lstatSync(path).isSocket()) rmSync(path, { force: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT') return message;
  }
  return null;
}

function refusal(problem: string, cause?: unknown): SherdError {
  return new SherdError('SHERD_LISTEN', `directive 'unixsocket': ${problem}`, { directive: 'unixsocket', cause });
}
