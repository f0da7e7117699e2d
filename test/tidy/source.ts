/**
 * The files of the project as the rules of the house see them: text, lines, and the syntax tree of code. Trees are made
 * when the first rule asks for one.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAst } from 'rolldown/parseAst';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** A node of the syntax tree: the names are those of ESTree. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

export class Source {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  #tree: SyntaxNode | null = null;
  #lineStarts: number[] | null = null;

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
    this.lines = text.split('\n');
  }

  get tree(): SyntaxNode {
    this.#tree ??= parseAst(
      this.text,
      { lang: this.path.endsWith('.ts') ? 'ts' : 'js', astType: 'ts', sourceType: 'module' },
      this.path,
    ) as unknown as SyntaxNode;
    return this.#tree;
  }

  /** The line (from 1) of a character. */
  lineAt(offset: number): number {
    if (this.#lineStarts === null) {
      this.#lineStarts = [0];
      for (const line of this.lines) this.#lineStarts.push(this.#lineStarts.at(-1)! + line.length + 1);
    }
    let low = 0;
    let high = this.#lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#lineStarts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }
}

/** Calls `visit` for each node below `node`, parents before children. */
export function walk(node: SyntaxNode, visit: (node: SyntaxNode, parent: SyntaxNode) => void): void {
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child === null || typeof child !== 'object' || typeof child.type !== 'string') continue;
      visit(child, node);
      walk(child, visit);
    }
  }
}

/** All files that belong to the project, as git sees them: tracked, or new and not ignored. */
export function projectFiles(): Source[] {
  const list = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' });
  const paths = [...new Set(list.split('\n'))].filter((path) => /\.(ts|js|json|md)$|^\.ci\//.test(path));
  return paths
    .filter(
      (path) => path !== 'package-lock.json' && !path.startsWith('bench/results/') && existsSync(join(ROOT, path)),
    )
    .map((path) => new Source(path, readFileSync(join(ROOT, path), 'utf8')));
}
