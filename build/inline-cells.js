// @ts-check
/**
 * Puts the bodies of src/shared/memory/cell.ts in the place of their calls, in what rolldown bundles. V8 would do the
 * same at run time, but only until the caller has grown to its limit for inlining: a lookup in a hash asks for more
 * words than that. So the words for raw addressing cost what the raw expressions cost.
 */
import { parseAst } from 'rolldown/parseAst';

/** @typedef {{ type: string, start: number, end: number, [key: string]: any }} Node */

const SEGMENT = 23;
const UNITS = '0x7fffff';

/**
 * What stands for a call, given the texts of its arguments.
 * @type {Readonly<Record<string, (args: string[]) => string>>}
 */
const BODIES = {
  segmentOf: ([p]) => `((${p}) >>> ${SEGMENT})`,
  unitIndex: ([p]) => `((${p}) & ${UNITS})`,
  wordIndex: ([p]) => `(((${p}) & ${UNITS}) << 1)`,
  byteIndex: ([p]) => `(((${p}) & ${UNITS}) * 8)`,
  wordsOf: ([arena, p]) => `${arena}.i32[(${p}) >>> ${SEGMENT}]`,
  bytesOf: ([arena, p]) => `${arena}.u8[(${p}) >>> ${SEGMENT}]`,
  doublesOf: ([arena, p]) => `${arena}.f64[(${p}) >>> ${SEGMENT}]`,
  viewOf: ([arena, p]) => `${arena}.dv[(${p}) >>> ${SEGMENT}]`,
  wordAt: ([arena, p, i]) => `${arena}.i32[(${p}) >>> ${SEGMENT}][(((${p}) & ${UNITS}) << 1) + (${i})]`,
};
const NAMES = Object.keys(BODIES).join('|');
export const CELL_CALL = new RegExp(`\\b(${NAMES})\\(`);
const IMPORTS = /memory\/cell\.js'|\.\/cell\.js'/;

/** Whether a node is a name, or names with dots between. @param {Node} node @returns {boolean} */
function isPlain(node) {
  if (node.type === 'Identifier') return true;
  return node.type === 'MemberExpression' && !node['computed'] && isPlainObject(node['object']);
}

/** The same, or `this`. @param {Node} node @returns {boolean} */
function isPlainObject(node) {
  return node.type === 'ThisExpression' || isPlain(node);
}

/** @param {Node} node */
function isCellCall(node) {
  if (node.type !== 'CallExpression' || node['callee'].type !== 'Identifier') return false;
  const { name } = node['callee'];
  if (BODIES[name] === undefined) return false;
  const args = /** @type {Node[]} */ (node['arguments']);
  // An argument that stands twice, or before a dot, must be a plain name.
  if (args.length === 1) return true;
  return isPlainObject(/** @type {Node} */ (args[0])) && (name !== 'wordAt' || isPlain(/** @type {Node} */ (args[1])));
}

/** The outermost calls below a node. @param {unknown} node @param {Node[]} found */
function callsIn(node, found) {
  if (node === null || typeof node !== 'object') return found;
  if (isCellCall(/** @type {Node} */ (node))) found.push(/** @type {Node} */ (node));
  else for (const child of Object.values(node)) callsIn(child, found);
  return found;
}

/** @param {string} code @param {number} start @param {number} end @param {Node[]} calls */
function replaced(code, start, end, calls) {
  let text = '';
  let at = start;
  for (const call of calls.sort((a, b) => a.start - b.start)) {
    const args = /** @type {Node[]} */ (call['arguments']).map((arg) =>
      replaced(code, arg.start, arg.end, callsIn(arg, [])),
    );
    text += code.slice(at, call.start) + /** @type {(args: string[]) => string} */ (BODIES[call['callee'].name])(args);
    at = call.end;
  }
  return text + code.slice(at, end);
}

/** The same code without calls of cell.ts, or null when it has none. @param {string} code @param {'ts' | 'js'} lang */
export function withCellsInline(code, lang) {
  if (!CELL_CALL.test(code) || !IMPORTS.test(code)) return null;
  return replaced(code, 0, code.length, callsIn(parseAst(code, { lang, sourceType: 'module' }), []));
}
