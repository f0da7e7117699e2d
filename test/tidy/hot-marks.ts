/**
 * A comment with `hot:` says that what follows must stay fast. So there is a benchmark that would show it when it does
 * not. The mark names the benchmark, or GUARDS does for its file: a task of `bench/micro.js` (`bench/micro "executor
 * GET"`, where the beginning of its name will do), or a text that stands in the other programs of `bench/` (`bench/peer
 * "EVALSHA"`).
 */
import type { Source } from './source.js';

/** The benchmark of the marks that name none, by the beginning of the path of their file; the longest counts. */
const GUARDS: Readonly<Record<string, string>> = {
  'src/main/io/messages/': 'pubsub "PUBLISH"',
  'src/main/io/reply/': 'pubsub "PUBLISH"',
  'src/main/io/session/': 'pubsub "PUBLISH"',
  'src/main/io/reply/output.ts': 'peer "p16"',
  'src/main/io/reply/reply-intake.ts': 'peer "ring"',
  'src/main/io/request/': 'peer "p16"',
  'src/shard/blocking/': 'peer "BLPOP"',
  'src/shard/blocking/outbox.ts': 'pubsub "PUBLISH"',
  'src/shard/commands/bitmaps/': 'micro "executor SETBIT"',
  'src/shard/commands/geo/': 'micro "executor GEOSEARCH"',
  'src/shard/commands/hashes/': 'micro "executor HSET"',
  'src/shard/commands/hyperloglogs/': 'micro "executor PFADD"',
  'src/shard/commands/keys/scan.ts': 'peer "KEYS"',
  'src/shard/commands/lists/': 'micro "executor LPUSH"',
  'src/shard/commands/streams/': 'micro "executor XADD"',
  'src/shard/commands/strings/': 'micro "executor SET"',
  'src/shard/commands/transactions/': 'peer "MULTI"',
  'src/shard/commands/zsets/': 'micro "executor ZADD"',
  'src/shard/context/': 'micro "executor GET"',
  'src/shard/entry/': 'micro "executor SET"',
  'src/shard/execute/': 'micro "executor GET"',
  'src/shard/script/': 'peer "EVALSHA"',
  'src/shard/structures/element': 'micro "executor SADD"',
  'src/shard/structures/listpack': 'micro "executor ZADD of few"',
  'src/shard/structures/score': 'micro "executor ZADD"',
  'src/shard/thread/': 'peer "ring"',
  'src/shard/types/geo/': 'micro "executor GEOSEARCH"',
  'src/shard/types/hash/': 'micro "executor HSET"',
  'src/shard/types/hyperloglog/': 'micro "executor PFADD"',
  'src/shard/types/list/': 'micro "executor LPUSH"',
  'src/shard/types/set/': 'micro "executor SADD"',
  'src/shard/types/set/intset.ts': 'micro "executor SADD of integers"',
  'src/shard/types/set/set-random.ts': 'peer "SPOP"',
  'src/shard/types/stream/': 'micro "executor XADD"',
  'src/shard/types/string/': 'micro "executor SET"',
  'src/shard/types/zset/': 'micro "executor ZADD"',
  'src/shared/command/placement.ts': 'micro "ring"',
  'src/shared/crc64.ts': 'micro "crc64"',
  'src/shared/glob.ts': 'peer "KEYS"',
  'src/shared/lzf.ts': 'micro "lzfCompress"',
  'src/shared/memory/copy-bytes.ts': 'micro "copyBytes"',
  'src/shared/numbers/float64.ts': 'micro "executor ZADD"',
  'src/shared/numbers/int64.ts': 'micro "executor INCR"',
  'src/shared/pubsub/': 'pubsub "PUBLISH"',
  'src/shared/sync/control-block.ts': 'peer "ring"',
  'src/shared/sync/doorbell.ts': 'peer "ring"',
  'src/shared/sync/lease.ts': 'micro "lease"',
  'src/shared/sync/records.ts': 'micro "ring"',
  'src/shared/sync/ring.ts': 'micro "ring"',
};

/** Files with marks that no benchmark guards, and how many. */
const STILL_UNGUARDED: Readonly<Record<string, number>> = {
  'src/shard/commands/sort/order.ts': 1,
  'src/shared/numbers/strtod.ts': 1,
};

interface Benchmarks {
  readonly tasks: readonly string[];
  /** The text of each other program, by its name: `peer` has those of its folder, too. */
  readonly programs: ReadonlyMap<string, string>;
}

/** The benchmarks that the files of `bench/` have. */
export function benchmarksOf(sources: readonly Source[]): Benchmarks {
  const micro = sources.find((source) => source.path === 'bench/micro.js')!;
  const programs = new Map<string, string>();
  for (const { path, text } of sources) {
    const name = /^bench\/(peer|pubsub)\b.*\.js$/.exec(path)?.[1];
    if (name !== undefined) programs.set(name, (programs.get(name) ?? '') + text);
  }
  return { tasks: [...micro.text.matchAll(/^ {2}'?([^':]+)'?: (?:\(\)|once)/gm)].map(([, name]) => name!), programs };
}

/** Whether the benchmark that a text names (the first one) exists; null when it names none. */
function namesOne(text: string, { tasks, programs }: Benchmarks): boolean | null {
  const [, program, task] = /\bbench\/(\w+)(?:\.js)?(?: "([^"]+)")?/.exec(text) ?? [];
  if (program === undefined) return null;
  if (program === 'micro') return task !== undefined && tasks.some((name) => name.startsWith(task));
  return programs.get(program)?.includes(task ?? '') === true;
}

/** The benchmark of a file's marks that name none. */
function guardOf(path: string, guards: Readonly<Record<string, string>>): string {
  const prefixes = Object.keys(guards).filter((prefix) => path.startsWith(prefix));
  const longest = prefixes.sort((a, b) => b.length - a.length)[0];
  return longest === undefined ? '' : `bench/${guards[longest]}`;
}

/** The lines of a file with a mark that no benchmark guards. */
export function unguardedMarks(source: Source, benchmarks: Benchmarks, guards = GUARDS): number[] {
  return source.lines.flatMap((line, i) => {
    if (!/(\*|\/\/).*\bhot: /.test(line)) return [];
    // The mark ends with its comment.
    const rest = [line];
    while (/^\s*(\/\/|\*(?!\/))/.test(source.lines[i + rest.length] ?? '')) rest.push(source.lines[i + rest.length]!);
    const mark = rest.map((one) => one.replace(/^\s*(\/\/|\*)/, '')).join(' ');
    const text = mark.replaceAll(/\s+/g, ' ');
    return (namesOne(text, benchmarks) ?? namesOne(guardOf(source.path, guards), benchmarks)) ? [] : [i + 1];
  });
}

/** What is wrong with the marks of all files, a line each. */
export function checkMarks(sources: readonly Source[], benchmarks: Benchmarks): string[] {
  const marks = sources.flatMap((source) => {
    const lines = unguardedMarks(source, benchmarks);
    return lines.length > (STILL_UNGUARDED[source.path] ?? 0)
      ? [`${source.path}: no benchmark that exists guards lines ${lines.join(', ')}`]
      : [];
  });
  const stale = Object.keys(GUARDS).filter((prefix) => !sources.some((source) => source.path.startsWith(prefix)));
  return [...marks, ...stale.map((prefix) => `no file begins with ${prefix}: mend GUARDS in test/tidy/hot-marks.ts`)];
}
