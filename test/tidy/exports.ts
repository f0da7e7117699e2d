/**
 * What a file of `src` exports is used by the server itself: by another file, or beside its declaration. Code that only
 * tests use is dead, whatever they prove about it. (knip counts tests as users, so it cannot see this.)
 */
import { dirname, posix } from 'node:path';
import { type Source, type SyntaxNode, walk } from './source.js';

/** 'file name' of the dead exports of today. */
const STILL_DEAD: readonly string[] = [];

const nameOf = (node: unknown): string => (node as { name: string }).name;

/** The names that a file declares and exports itself. */
function exportsOf(source: Source): string[] {
  return (source.tree['body'] as SyntaxNode[]).flatMap((node) => {
    const declaration = node['declaration'] as SyntaxNode | null;
    if (node.type !== 'ExportNamedDeclaration' || node['source'] || declaration === null) return [];
    const declared = (declaration['declarations'] as SyntaxNode[] | undefined) ?? [declaration];
    return declared.map((one) => nameOf(one['id']));
  });
}

/** Adds what a file imports from others to `used`, as 'file name', or 'file *' for all that a file exports. */
function addImports(source: Source, used: Set<string>): void {
  walk(source.tree, (node) => {
    const target = (node['source'] as { value?: unknown } | null | undefined)?.value;
    if (!/^(Import|ExportNamed|ExportAll)/.test(node.type) || typeof target !== 'string') return;
    const path = posix
      .normalize(posix.join(dirname(source.path), target))
      .replace(/\.js$/, '.ts')
      .replace('dist/modules/', 'src/');
    const specifiers = (node['specifiers'] ?? []) as SyntaxNode[];
    for (const one of specifiers) {
      const named = one['imported'] ?? (one.type === 'ExportSpecifier' ? one['local'] : null);
      used.add(`${path} ${named ? nameOf(named) : '*'}`);
    }
    if (node.type === 'ImportExpression' || node.type === 'ExportAllDeclaration') used.add(`${path} *`);
  });
}

/** The exports of `src` among `sources` that none of them uses, as 'file name'. Tests are not among `sources`. */
export function deadExports(sources: readonly Source[]): string[] {
  const used = new Set<string>();
  for (const source of sources) addImports(source, used);
  return sources
    .filter((source) => source.path.startsWith('src/') && !used.has(`${source.path} *`))
    .flatMap((source) =>
      exportsOf(source)
        .filter((name) => !used.has(`${source.path} ${name}`))
        .filter((name) => source.text.match(new RegExp(`\\b${name}\\b`, 'g'))!.length < 2)
        .map((name) => `${source.path} ${name}`),
    );
}

/** What is wrong with the exports of src, a line each. */
export function checkExports(sources: readonly Source[]): string[] {
  const dead = deadExports(sources);
  return [
    ...dead.filter((name) => !STILL_DEAD.includes(name)).map((name) => `${name} is used by no code of the server`),
    ...STILL_DEAD.filter((name) => !dead.includes(name)).map((name) => `${name} is gone: take it off STILL_DEAD`),
  ];
}
