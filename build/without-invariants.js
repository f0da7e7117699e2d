// @ts-check
/**
 * Takes the statements that call `invariant` (src/shared/errors/invariant.ts) or name a point for the fault lab
 * (src/shared/memory/fault-point.ts) out of code: out of what rolldown bundles, and, run as a program, out of the
 * single modules in the folder that is named. So they cost nothing in the built code, their arguments included. A build
 * with SHERD_CHECK=1 keeps them.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';

/** @typedef {{ type: string, start: number, end: number, expression?: any }} Node */

const TAKEN_OUT = ['invariant', 'faultPoint', 'openFaultPoints'];
const CALL = new RegExp(`\\b(${TAKEN_OUT.join('|')})\\(`);

/** @param {unknown} node @param {(statement: Node) => void} found */
function eachInvariant(node, found) {
  if (node === null || typeof node !== 'object') return;
  const { type, expression } = /** @type {Node} */ (node);
  if (
    type === 'ExpressionStatement' &&
    expression.type === 'CallExpression' &&
    TAKEN_OUT.includes(expression.callee.name)
  ) {
    found(/** @type {Node} */ (node));
    return;
  }
  for (const child of Object.values(node)) eachInvariant(child, found);
}

/**
 * The same code without the statements, or null when it has none. What stands in their place keeps `if (x) invariant()`
 * a whole statement.
 * @param {string} code @param {'ts' | 'js'} lang
 */
export function withoutInvariants(code, lang) {
  if (!CALL.test(code)) return null;
  let text = '';
  let end = 0;
  eachInvariant(parseAst(code, { lang, sourceType: 'module' }), (statement) => {
    text += `${code.slice(end, statement.start)};`;
    end = statement.end;
  });
  return end === 0 ? null : text + code.slice(end);
}

if (process.argv[1] === import.meta.filename) {
  const folder = process.argv[2] ?? '';
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    const code = name.endsWith('.js') ? withoutInvariants(readFileSync(path, 'utf8'), 'js') : null;
    if (code !== null) writeFileSync(path, code);
  }
}
