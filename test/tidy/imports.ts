/**
 * Which room may import which. A room is a folder of `src`, or a file of its own that stands in a folder for another
 * reason. Only imports of values count: a type is gone when the program runs.
 *
 * FLOORS is the only table. Each line is a floor, the lowest first. A file may import its own room and the rooms of all
 * floors below its own; rooms of the same floor do not know each other. So no circle of rooms can arise. STILL_WRONG
 * lists the arrows of today that break the rule. An arrow leaves the list when it is cured; none is added.
 */
import { dirname, posix } from 'node:path';
import { type Source, type SyntaxNode, walk } from './source.js';

/** A new room goes on the lowest floor that is above all that it imports. */
const FLOORS: readonly (readonly string[])[] = [
  ['shared/limits.ts', 'shared/hash.ts'],
  ['shared/errors'],
  ['shared'],
  ['shared/memory', 'shared/numbers', 'shared/command'],
  ['shared/resp', 'shared/pubsub'],
  ['shared/sync'],
  ['shared/stats'],

  ['shard/services'],
  ['shard/structures'],
  ['shard/entry', 'shard/effects'],
  ['shard/keyspace', 'shard/rdb'],
  ['shard/types/string', 'shard/types/list', 'shard/types/hash', 'shard/types/set', 'shard/types/stream'],
  ['shard/types/zset', 'shard/types/hyperloglog'],
  ['shard/types/geo'],
  ['shard/types'],
  ['shard/blocking'],
  ['shard/check', 'shard/context'],
  ['shard/script/lua'],
  ['shard/script/libs'],
  ['shard/script'],
  ['shard/commands/arguments'],
  ['shard/commands/strings', 'shard/commands/bitmaps', 'shard/commands/hyperloglogs', 'shard/commands/lists'],
  ['shard/commands/hashes', 'shard/commands/sets', 'shard/commands/zsets', 'shard/commands/streams'],
  [
    'shard/commands/keys',
    'shard/commands/inspection',
    'shard/commands/sort',
    'shard/commands/geo',
    'shard/commands/pubsub',
  ],
  ['shard/commands/scripting', 'shard/commands/transactions', 'shard/commands/blocking', 'shard/commands/server'],
  ['shard/commands/debug'],
  ['shard/commands'],
  ['shard/execute'],
  ['shard/thread'],
  ['shard'],

  ['main/entries.ts', 'main/io/entries.ts', 'main/config'],
  ['main/figures'],
  ['main/io/net', 'main/io/session'],
  ['main/io/waiting', 'main/io/messages'],
  ['main/io/reply'],
  ['main/io/transaction'],
  ['main/io/request'],
  ['main/io/thread'],
  ['main/io/commands'],
  ['main/io'],
  ['main/threads/kinds'],
  ['main/threads'],
  ['main'],
];

/** Arrows between rooms that are against FLOORS today. */
const STILL_WRONG: readonly string[] = [];

/** A circle of value imports has at most so many files, which then are one subject. */
const CIRCLE_FILES_MAX = 3;

/** Files in circles that are larger than CIRCLE_FILES_MAX today. */
const CIRCLES_STILL_THERE: readonly string[] = [];

export type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** Whether an import or export declaration is gone when the program runs. */
function isTypeOnly(node: SyntaxNode): boolean {
  const specifiers = (node['specifiers'] ?? []) as SyntaxNode[];
  return (
    node['importKind'] === 'type' ||
    node['exportKind'] === 'type' ||
    (specifiers.length > 0 && specifiers.every((one) => one['importKind'] === 'type' || one['exportKind'] === 'type'))
  );
}

/** The files that a file imports by value, at its start or later. */
function valueImports(source: Source): string[] {
  const found: string[] = [];
  walk(source.tree, (node) => {
    if (!/^(Import|ExportNamed|ExportAll)(Declaration|Expression)$/.test(node.type) || isTypeOnly(node)) return;
    const target = (node['source'] as { value?: unknown } | null)?.value;
    if (typeof target !== 'string' || !target.startsWith('.')) return;
    found.push(posix.normalize(posix.join(dirname(source.path), target)).replace(/\.js$/, '.ts'));
  });
  return found;
}

/** The graph of the value imports between files. */
export function importGraph(sources: readonly Source[]): Graph {
  const paths = new Set(sources.map((source) => source.path));
  return new Map(
    sources.map((source) => [source.path, new Set(valueImports(source).filter((path) => paths.has(path)))]),
  );
}

/** The same graph between groups of files: `groupOf` names the group of a file. */
export function groupedGraph(graph: Graph, groupOf: (path: string) => string): Graph {
  const groups = new Map<string, Set<string>>();
  for (const [from, targets] of graph) {
    const group = groupOf(from);
    const arrows = groups.get(group) ?? new Set();
    for (const to of targets) if (groupOf(to) !== group) arrows.add(groupOf(to));
    groups.set(group, arrows);
  }
  return groups;
}

/** The circles of a graph (its strongly connected parts of two and more), by Tarjan's algorithm; the largest first. */
export function circlesOf(graph: Graph): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const go = (node: string): void => {
    order.set(node, order.size);
    low.set(node, order.get(node)!);
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) go(next);
      if (stack.includes(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!));
    }
    if (low.get(node) !== order.get(node)) return;
    const circle = stack.splice(stack.indexOf(node));
    if (circle.length > 1) circles.push(circle.sort());
  };
  for (const node of graph.keys()) if (!order.has(node)) go(node);
  return circles.sort((a, b) => b.length - a.length);
}

/** The room of a file: the file itself if the table has it, otherwise its folder. */
function roomOf(path: string): string {
  const name = path.replace(/^src\//, '');
  return FLOORS.some((floor) => floor.includes(name)) ? name : dirname(name);
}

/** The arrows of a graph of rooms that do not lead down, as 'from -> to: why'; rooms that have no floor, too. */
export function wrongArrows(rooms: Graph, floors: readonly (readonly string[])[] = FLOORS): Map<string, string> {
  const floorOf = new Map(floors.flatMap((floor, i) => floor.map((room) => [room, i] as const)));
  const wrong = new Map<string, string>();
  for (const [from, targets] of rooms) {
    if (!floorOf.has(from)) wrong.set(from, 'has no floor in test/tidy/imports.ts');
    for (const to of targets) {
      if (!(floorOf.get(from)! > floorOf.get(to)!)) wrong.set(`${from} -> ${to}`, 'does not lead to a lower floor');
    }
  }
  return wrong;
}

/** What is wrong with the arrows between rooms of src, a line each. */
export function checkRooms(graph: Graph): string[] {
  const wrong = wrongArrows(groupedGraph(graph, roomOf));
  const files = (arrow: string) =>
    [...graph].flatMap(([from, targets]) =>
      [...targets].filter((to) => `${roomOf(from)} -> ${roomOf(to)}` === arrow).map((to) => `${from} imports ${to}`),
    );
  return [
    ...[...wrong]
      .filter(([arrow]) => !STILL_WRONG.includes(arrow))
      .map(([arrow, why]) => [`${arrow} ${why}`, ...files(arrow)].join('\n  ')),
    ...STILL_WRONG.filter((arrow) => !wrong.has(arrow)).map((arrow) => `${arrow} is cured: take it off STILL_WRONG`),
  ];
}

/** The circles of folders that come from other arrows than those that are known to be wrong. */
export function checkFolderCircles(graph: Graph): string[] {
  const rooms = groupedGraph(graph, roomOf);
  const allowed = new Map(
    [...rooms].map(([from, targets]) => [
      from,
      new Set([...targets].filter((to) => !STILL_WRONG.includes(`${from} -> ${to}`))),
    ]),
  );
  return circlesOf(allowed).map((circle) => circle.join(' '));
}

/** The circles of too many files, and the files that are named as such and are in none. */
export function checkFileCircles(graph: Graph): string[] {
  const inLarge = circlesOf(graph).filter((circle) => circle.length > CIRCLE_FILES_MAX);
  const files = new Set(inLarge.flat());
  return [
    ...inLarge
      .filter((circle) => circle.some((file) => !CIRCLES_STILL_THERE.includes(file)))
      .map((circle) => `a circle of ${circle.length} files: ${circle.join(' ')}`),
    ...CIRCLES_STILL_THERE.filter((file) => !files.has(file)).map(
      (file) => `${file} is in no large circle: take it off CIRCLES_STILL_THERE`,
    ),
  ];
}
