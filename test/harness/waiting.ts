/** Waiting in tests: for a condition, for a time, and measuring how long others had to wait. */
import type { RespClient } from './resp-client.js';

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until `condition` holds; rejects after `timeoutMs` with `what` in the message. */
export async function until(what: string, condition: () => Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  // Most states come at once: the first looks follow each other closely.
  for (let looks = 0; !(await condition()); looks++) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(looks < 5 ? 1 : 10);
  }
}

/** The value of one field of INFO, or undefined. */
export async function infoField(client: RespClient, section: string, field: string): Promise<string | undefined> {
  const text = String(await client.ok('INFO', section));
  return new RegExp(`^${field}:(.*)\\r$`, 'm').exec(text)?.[1];
}

/** PINGs one after the other while `work` runs; the longest round trip in milliseconds. */
export async function longestPingMs(client: RespClient, work: Promise<unknown>): Promise<number> {
  let isDone = false;
  const end = work.finally(() => {
    isDone = true;
  });
  let longest = 0;
  while (!isDone) {
    const start = performance.now();
    await client.ok('PING');
    longest = Math.max(longest, performance.now() - start);
    await sleep(1);
  }
  await end;
  return longest;
}

/** Waits until exactly `count` clients wait in blocking commands. */
export async function untilBlocked(client: RespClient, count: number): Promise<void> {
  const isSo = async (): Promise<boolean> => Number(await infoField(client, 'clients', 'blocked_clients')) === count;
  await until(`${count} blocked clients`, isSo, 5000);
}
