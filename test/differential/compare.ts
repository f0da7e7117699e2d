/** Runs a generated sequence on two servers and reports the first place where they disagree, cut down to its cause. */
import { SeededRandom } from '../harness/random.js';
import { type Arg, parseReply, type RespClient, type Value } from '../harness/resp-client.js';
import { type Compare, type Generated, generateCommand } from './commands.js';
import { isDocumented } from './differences.js';

const DATABASES = [0, 1, 2, 3, 15];
const NEAR_MS = 3000;
const SHRINK_TRIES = 80;
/** `DIFF_WITHOUT=debug,scan` leaves commands out, to look behind one known failure. */
const LEFT_OUT = new Set(process.env.DIFF_WITHOUT?.toLowerCase().split(','));
const isLeftOut = (command: Generated): boolean => LEFT_OUT.has(String(command.args[0]).toLowerCase());

/** Two connections that get the same commands. */
export interface Pair {
  readonly oracle: RespClient;
  readonly subject: RespClient;
}

export interface Disagreement {
  readonly index: number;
  readonly text: string;
}

/** A sequence of commands, cut into pipelines of random depth. */
export interface Script {
  readonly protocol: 2 | 3;
  readonly commands: readonly Generated[];
  readonly depths: readonly number[];
}

export function makeScript(seed: number, protocol: 2 | 3, length: number): Script {
  const random = new SeededRandom(seed);
  const all = Array.from({ length }, () => generateCommand(random));
  const commands = all.filter((command) => !isLeftOut(command));
  const depths = Array.from({ length }, () => (random.chance(0.3) ? 1 : random.between(2, 50)));
  return { protocol, commands, depths };
}

/** Runs the script on empty servers; the first disagreement, or undefined. */
export async function runScript(pair: Pair, script: Script): Promise<Disagreement | undefined> {
  const setup: Arg[][] = [['RESET'], ['FLUSHALL'], ['HELLO', script.protocol], ['CLIENT', 'SETNAME', '']];
  await Promise.all([pair.oracle.pipelineRaw(setup), pair.subject.pipelineRaw(setup)]);
  let index = 0;
  let turn = 0;
  while (index < script.commands.length) {
    const batch = script.commands.slice(index, index + script.depths[turn++ % script.depths.length]!);
    const lists = batch.map((command) => command.args);
    const [expected, got] = await Promise.all([pair.oracle.pipelineRaw(lists), pair.subject.pipelineRaw(lists)]);
    for (let i = 0; i < batch.length; i++) {
      const { args, compare } = batch[i]!;
      if (agree(compare, expected[i]!, got[i]!) || isDocumented(args, expected[i]!, got[i]!)) continue;
      return { index: index + i, text: describe(args, expected[i]!, got[i]!) };
    }
    index += batch.length;
  }
  return compareState(pair, index);
}

/** Key by key: value, type, encoding, time to live and digest in each database. */
async function compareState(pair: Pair, index: number): Promise<Disagreement | undefined> {
  for (const db of DATABASES) {
    await Promise.all([pair.oracle.raw('SELECT', db), pair.subject.raw('SELECT', db)]);
    const [names, others] = await Promise.all([scanAll(pair.oracle), scanAll(pair.subject)]);
    if (names.join('|') !== others.join('|')) {
      return { index, text: `keys of db ${db}: redis ${JSON.stringify(names)}, sherd ${JSON.stringify(others)}` };
    }
    const checks: Generated[] = [{ args: ['DBSIZE'], compare: 'exact' }];
    const types = await pair.oracle.pipeline(names.map((name) => ['TYPE', name]));
    for (const [i, name] of names.entries()) {
      for (const command of ['GET', 'TYPE', 'STRLEN']) checks.push({ args: [command, name], compare: 'exact' });
      checks.push({ args: ['OBJECT', 'ENCODING', name], compare: 'exact' });
      // 7.2 digests scores by their shortest text, the oracle by 17 digits.
      const isScored = types[i] === 'zset';
      const value = isScored ? ['ZRANGE', name, '0', '-1', 'WITHSCORES'] : ['DEBUG', 'DIGEST-VALUE', name];
      checks.push({ args: value, compare: 'exact' });
      checks.push({ args: ['PTTL', name], compare: 'near-ms' });
    }
    const wanted = checks.filter((check) => !isLeftOut(check));
    const lists = wanted.map((check) => check.args);
    const [expected, got] = await Promise.all([pair.oracle.pipelineRaw(lists), pair.subject.pipelineRaw(lists)]);
    for (let i = 0; i < wanted.length; i++) {
      const { args, compare } = wanted[i]!;
      if (agree(compare, expected[i]!, got[i]!) || isDocumented(args, expected[i]!, got[i]!)) continue;
      return { index, text: `state of db ${db}: ${describe(args, expected[i]!, got[i]!)}` };
    }
  }
  return undefined;
}

async function scanAll(client: RespClient): Promise<string[]> {
  const found = new Set<string>();
  let cursor = '0';
  do {
    const [next, names] = (await client.ok('SCAN', cursor, 'COUNT', 100)) as [string, string[]];
    for (const name of names) found.add(name);
    cursor = next;
  } while (cursor !== '0');
  return [...found].sort();
}

function agree(compare: Compare, expected: Buffer, got: Buffer): boolean {
  if (compare === 'none' || expected.equals(got)) return true;
  if (compare === 'exact') return false;
  const [a, b] = [parseReply(expected), parseReply(got)];
  if (compare === 'sorted') {
    const [x, y] = [membersOf(a), membersOf(b)];
    return x !== null && y !== null && sorted(x) === sorted(y);
  }
  if (compare === 'shape') return expected[0] === got[0] && !(a instanceof Error) && (a === null) === (b === null);
  const [x, y] = [Number(a), Number(b)];
  if (!(x >= 0 && y >= 0)) return false;
  return Math.abs(x - y) <= (compare === 'near-s' ? NEAR_MS / 1000 : NEAR_MS);
}

/** The members of an array or set, the pairs of a map; null for anything else. */
const membersOf = (value: Value): Value[] | null =>
  value instanceof Set || value instanceof Map ? [...value] : Array.isArray(value) ? value : null;

const sorted = (list: Value[]): string => JSON.stringify([...list].sort());

function show(bytes: Uint8Array | string): string {
  const text = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1');
  const quoted = JSON.stringify(text);
  return quoted.length > 160 ? `${quoted.slice(0, 160)}... (${text.length} bytes)` : quoted;
}

const showCommand = (args: readonly Arg[]): string =>
  args.map((arg) => show(arg instanceof Uint8Array ? arg : String(arg))).join(' ');

function describe(args: readonly Arg[], expected: Buffer, got: Buffer): string {
  return `${showCommand(args)}\n  redis: ${show(expected)}\n  sherd: ${show(got)}`;
}

/** A message for people: seed, what differs, and the shortest sequence found that still shows it. */
export async function explain(pair: Pair, script: Script, seed: number, found: Disagreement): Promise<string> {
  let { best, text } = { best: script.commands.slice(0, found.index + 1), text: found.text };
  let tries = 0;
  for (let chunk = Math.ceil(best.length / 2); chunk >= 1; chunk = chunk === 1 ? 0 : Math.ceil(chunk / 2)) {
    for (let start = 0; start < best.length && tries < SHRINK_TRIES; ) {
      const shorter = [...best.slice(0, start), ...best.slice(start + chunk)];
      tries++;
      const again = await runScript(pair, { ...script, commands: shorter });
      if (again === undefined) start += chunk;
      else {
        best = shorter.slice(0, again.index + 1);
        text = again.text;
      }
    }
  }
  const lines = best.slice(-25).map((command) => `  ${showCommand(command.args)}`);
  return `DIFF_SEED=${seed} RESP${script.protocol}: ${text}\nafter:\n${lines.join('\n')}`;
}
