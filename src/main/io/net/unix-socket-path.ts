/**
 * The path of a unix socket: how long it may be, and what may stand in its place.
 *
 * The system cuts a path that is too long without a word, and a server must not delete what somebody keeps at the path.
 * As in Redis a socket is removed, also one of a server that still runs; anything else stops the start.
 */
import { lstatSync, rmSync } from 'node:fs';
import { SherdError } from '../../../shared/errors/sherd-error.js';

/** Bytes of `sun_path` without the zero at its end. */
const PATH_BYTES_MAX = process.platform === 'linux' ? 107 : 103;

/**
 * Looks whether a unix socket may be opened at `path`: before any thread is started, and once more before it is bound.
 * Throws a SherdError that names the directive. Returns whether something is there that is to be removed.
 */
export function checkUnixPath(path: string): boolean {
  // Windows has named pipes instead, which are no files.
  if (process.platform === 'win32') return false;
  const bytes = Buffer.byteLength(path);
  if (bytes > PATH_BYTES_MAX) {
    throw refusal(`the path has ${bytes} bytes, the system takes ${PATH_BYTES_MAX} at most: ${path}`);
  }
  let isSocket = false;
  try {
    isSocket = lstatSync(path).isSocket();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw refusal((error as Error).message, error);
  }
  if (!isSocket) throw refusal(`${path} exists and is no socket: remove it, or choose another path`);
  return true;
}

/** Makes `path` free to be bound, see checkUnixPath. */
export function freeUnixPath(path: string): void {
  if (!checkUnixPath(path)) return;
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw refusal((error as Error).message, error);
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
