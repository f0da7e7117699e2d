/**
 * No function has more than 70 lines. STILL_LONG lists the longer ones of today with the lines that they have: they may
 * only become shorter, and leave the list then.
 */
import { type Source, type SyntaxNode, walk } from './source.js';

const FUNCTION_LINES_MAX = 70;

/** 'file function': lines. */
const STILL_LONG: Readonly<Record<string, number>> = {
  'src/shard/commands/streams/ids.ts trimArguments': 85,
  'src/shard/script/libs/cjson.ts settingFunctions': 72,
  'src/shared/hash.ts hash': 74,
};

function nameOf(node: SyntaxNode, parent: SyntaxNode): string {
  for (const named of [node['id'], parent['key'], parent['id']] as (SyntaxNode | null | undefined)[]) {
    if (typeof named?.['name'] === 'string') return named['name'];
  }
  return 'a function without a name';
}

/** The functions of a file that have more lines than allowed: 'file function' and lines. */
export function longFunctions(source: Source, linesMax = FUNCTION_LINES_MAX): Map<string, number> {
  const found = new Map<string, number>();
  walk(source.tree, (node, parent) => {
    if (!/^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)) return;
    const lines = source.lineAt(node.end - 1) - source.lineAt(node.start) + 1;
    if (lines > linesMax) found.set(`${source.path} ${nameOf(node, parent)}`, lines);
  });
  return found;
}

/** What is wrong with the length of functions, a line each. */
export function checkFunctions(sources: readonly Source[]): string[] {
  const long = new Map(sources.flatMap((source) => [...longFunctions(source)]));
  return [
    ...[...long]
      .filter(([name, lines]) => lines > (STILL_LONG[name] ?? 0))
      .map(([name, lines]) => `${name} has ${lines} lines, allowed are ${STILL_LONG[name] ?? FUNCTION_LINES_MAX}`),
    ...Object.keys(STILL_LONG)
      .filter((name) => !long.has(name))
      .map((name) => `${name} is short now, or gone: take it off STILL_LONG`),
  ];
}
