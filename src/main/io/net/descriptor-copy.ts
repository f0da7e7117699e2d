/**
 * Copies of listening descriptors of this process, for I/O threads that cannot bind the port again (no SO_REUSEPORT in
 * this Node.js). Runs on the I/O thread that wants the copies; control plane only.
 *
 * Why not listen on the same number in several threads: each thread's handle closes the number when it ends, so the
 * second close (at the end of the server, or after a thread died) would hit whatever the process opened under it since.
 * Node.js has no dup(). But a descriptor passed to another process and back is a new one: a short-lived child inherits
 * the listening sockets and sends them back over its IPC channel (measured: about 100 ms, once per thread).
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** How long the child may take. */
const COPY_MS = 10_000;
/** A handle as `server.listen` takes it. */
export type ListenHandle = object;

/**
 * New handles, owned by this thread, for the sockets behind `fds`, in their order. `program`: what the child runs
 * (../descriptor-copy-child.ts). Rejects when the child fails.
 */
export function copyDescriptors(program: URL, fds: readonly number[]): Promise<ListenHandle[]> {
  const script = fileURLToPath(program);
  const child = spawn(process.execPath, [script, String(fds.length)], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc', ...fds],
  });
  const copies: ListenHandle[] = [];
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), COPY_MS);
    child.on('message', (_index, handle) => {
      if (handle !== undefined && handle !== null) copies.push(handle as ListenHandle);
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      if (copies.length === fds.length) resolve(copies);
      else reject(new Error(`listening sockets could not be copied (${copies.length} of ${fds.length}, code ${code})`));
    });
  });
}
