/**
 * The fault lab: each kind of fault (faults.ts) in each kind of work (workloads.ts), at a moment that is drawn.
 * Afterwards the server serves, or has stopped with a line that says why; every command has got an answer or the end of
 * its connection; memory is sound; nothing is left of clients that went; the data is what the answers say, and what the
 * recorded effects give when they are replayed.
 *
 * `LAB_SEED` repeats what the clients do and at which hit the fault strikes (not the interleaving of the threads),
 * `LAB_ONLY` takes the pairs whose `fault: workload` matches, `LAB_RUNS` runs each pair so often (a sample otherwise).
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isLoss } from '../../src/main/threads/shard-leases.js';
import { type Embedded, embedded } from '../harness/embedded.js';
import { SeededRandom, seedFrom } from '../harness/random.js';
import { RespClient } from '../harness/resp-client.js';
import { sleep, until } from '../harness/waiting.js';
import { FAULTS, type FaultKind } from './faults.js';
import { connectSoon, LabClient } from './lab-client.js';
import { buildCheckedServer, LabServer, type Setup } from './lab-server.js';
import { type LabWorkload, WORKLOADS } from './workloads.js';

const SEED = seedFrom('LAB_SEED');
/** How often each pair of a fault and a workload is run; without it some pairs are, once. */
const RUNS = Number(process.env.LAB_RUNS ?? 0);
const SAMPLE = 4;
const ONLY = new RegExp(process.env.LAB_ONLY ?? '');
/** A server starts its threads ever more slowly when more of them die within ten seconds. */
const DEATHS_MAX = 6;

const SETUPS: readonly Setup[] = [
  { shards: 3, ioThreads: 2, dispatch: 'inline' },
  { shards: 2, ioThreads: 1, dispatch: 'ring' },
];

const PAIRS = FAULTS.flatMap((fault) => WORKLOADS.map((workload) => ({ fault, workload }))).filter(
  ({ fault, workload }) => ONLY.test(`${fault.name}: ${workload.name}`),
);

/** What INFO must say when all clients of a run are gone, the observer apart. */
const LEFT_OVER = {
  clients: ['blocked_clients', 'tracking_clients', 'pubsub_clients', 'watching_clients', 'clients_in_timeout_table'],
  stats: ['total_watched_keys', 'total_blocking_keys', 'pubsub_channels'],
} as const;

/** The line with which a server stops whose memory a dead thread has left damaged. */
const SAYS_WHY = /died in the middle of a change and left its memory damaged \(shard \d+: .+\)$/;

let copy: Embedded;

/** Waits until nothing of the clients is left; what is, when that takes too long. */
async function leftOver(observer: RespClient): Promise<string[]> {
  let left: string[] = [];
  const look = async (): Promise<boolean> => {
    const text = `${await observer.ok('INFO', 'clients')}${await observer.ok('INFO', 'stats')}`;
    left = Object.values(LEFT_OVER)
      .flat()
      .flatMap((name) => new RegExp(`^${name}:[1-9].*$`, 'm').exec(text)?.[0] ?? []);
    return left.length === 0;
  };
  await until('nothing is left', look, 15_000).catch(() => {});
  return left.map((line) => `left over: ${line.trim()}`);
}

async function replayDiffers(observer: RespClient): Promise<string[]> {
  const records = (await observer.ok('DEBUG', 'EFFECTS', 'TAKE')) as string[][];
  const replica = await RespClient.connect(copy.port);
  await replica.ok('FLUSHALL');
  let selected = '';
  for (const [kind, db, ...words] of records) {
    if (kind !== 'command') continue;
    if (db !== selected) await replica.ok('SELECT', (selected = db!));
    await replica.call(...words);
  }
  const findings: string[] = [];
  const [mine, theirs] = [await observer.ok('DEBUG', 'DIGEST'), await replica.ok('DEBUG', 'DIGEST')];
  if (mine !== theirs) {
    const names = new Set([
      ...((await observer.ok('KEYS', '*')) as string[]),
      ...((await replica.ok('KEYS', '*')) as string[]),
    ]);
    const digest = (client: RespClient, name: string) => client.ok('DEBUG', 'DIGEST-VALUE', name).then(String);
    for (const name of names) {
      if ((await digest(observer, name)) === (await digest(replica, name))) continue;
      const what = await Promise.all([observer, replica].map((client) => client.call('OBJECT', 'ENCODING', name)));
      const last = records
        .filter((words) => words.includes(name))
        .at(-1)
        ?.join(' ')
        .slice(0, 100);
      findings.push(`the effects, replayed, give another ${name}: ${what.join(', ')}; its last effect is ${last}`);
    }
  }
  await replica.close();
  return findings;
}

/** A hit from 1 to `within`: as likely below its root as above, so that most faults strike. */
function hitAt(random: SeededRandom, within: number): number {
  return Math.round(within ** random.next());
}

/** One fault in one workload; what is wrong afterwards. */
async function runOnce(lab: LabServer, fault: FaultKind, workload: LabWorkload, seed: number): Promise<string[]> {
  const random = new SeededRandom(seed);
  const observer = await connectSoon(lab);
  await observer.pipeline([['FLUSHALL'], ['DEBUG', 'EFFECTS', 'OFF'], ['DEBUG', 'EFFECTS', 'ON']]);
  await observer.close();
  const clients: LabClient[] = [];
  const client = (): LabClient => {
    const made = new LabClient(lab);
    clients.push(made);
    return made;
  };
  lab.arm(fault.point, hitAt(random, fault.within), fault.action);
  let isOver = false;
  const strike = async (): Promise<void> => {
    if (fault.strike === undefined) return;
    while (!lab.isStopped()) {
      if (isOver) return;
      await sleep(1);
    }
    await fault.strike(lab, random);
  };
  const striking = strike();
  const [ran] = await Promise.allSettled([
    workload.run({ random, client }).finally(() => {
      isOver = true;
    }),
    striking,
  ]);
  lab.disarm();
  await Promise.all(clients.map((each) => each.close()));
  if (lab.ended !== null) return fault.cutsCommands && SAYS_WHY.test(lab.ended) ? [] : [`it stopped: ${lab.ended}`];
  if (ran.status === 'rejected') return [String(ran.reason)];
  return judge(lab, fault, await connectSoon(lab), ran.value);
}

async function judge(
  lab: LabServer,
  fault: FaultKind,
  observer: RespClient,
  verdict: (observer: LabClient) => Promise<string[]>,
): Promise<string[]> {
  const isCut = fault.cutsCommands === true && lab.reachedBy() !== 0;
  const asker = new LabClient(lab);
  const said = await verdict(asker).catch((error: Error) => [error.message]);
  await asker.close();
  // Half of the command that was cut may be there.
  const findings = isCut ? [] : said;
  findings.push(...(await leftOver(observer)));
  const arena = String(await observer.call('DEBUG', 'ARENA').catch((error: Error) => error.message));
  if (!/^ok/i.test(arena) && !(isCut && onlyLosses(arena))) findings.push(`DEBUG ARENA: ${arena}`);
  const differences = await replayDiffers(observer);
  // A command that died with an I/O thread is known to nobody else: its effect is lost.
  if (!(isCut && lab.isIoThread(lab.reachedBy()))) findings.push(...differences);
  await observer.close();
  return findings;
}

/** Whether all that DEBUG ARENA has found is memory that nobody reaches: the shards themselves are sound. */
function onlyLosses(arena: string): boolean {
  const found = arena.replace(/^.*?arena: /, '').split('; ');
  return found.every((finding) => isLoss(finding.replace(/^shard \d+: /, '')));
}

describe('#12 the fault lab', () => {
  beforeAll(async () => {
    buildCheckedServer();
    copy = await embedded({ shards: 2 });
  });
  afterAll(() => copy?.close());

  test.each(SETUPS)(
    `$shards shards, $ioThreads I/O threads, --dispatch $dispatch (LAB_SEED=${SEED})`,
    { timeout: RUNS === 0 ? 300_000 : 600_000 * RUNS },
    async (setup) => {
      const failures: string[] = [];
      let lab: LabServer | null = null;
      let strikes = 0;
      const random = new SeededRandom(SEED);
      const isSample = RUNS === 0 && PAIRS.length > SAMPLE;
      const pairs = isSample ? Array.from({ length: SAMPLE }, () => random.pick(PAIRS)) : PAIRS;
      for (const [i, { fault, workload }] of pairs.entries()) {
        for (let run = 0; run < Math.max(1, RUNS); run++) {
          lab ??= await LabServer.start(setup);
          const seed = SEED + i + run * pairs.length;
          const start = performance.now();
          const findings = await runOnce(lab, fault, workload, seed);
          if (lab.reachedBy() !== 0) strikes++;
          if (process.env.LAB_LOG === '1') {
            const ms = (performance.now() - start).toFixed(0);
            const what = `${ms} ms, struck ${lab.reachedBy()} ${findings} ${lab.ended ?? ''}`;
            process.stderr.write(`${fault.name}: ${workload.name}: ${what}\n`);
          }
          if (findings.length > 0) {
            failures.push(`LAB_SEED=${seed} LAB_ONLY='${fault.name}: ${workload.name}'\n  ${findings.join('\n  ')}`);
          }
          if (
            findings.length === 0 &&
            lab.deaths < DEATHS_MAX &&
            lab.ended === null &&
            !(fault.cutsCommands && lab.reachedBy() !== 0)
          )
            continue;
          await lab.close();
          lab = null;
        }
      }
      await lab?.close();
      expect(failures).toEqual([]);
      if (pairs.length >= SAMPLE) expect(strikes).toBeGreaterThan(0);
    },
  );
});
