/**
 * Publishes the configuration in the control block: every directive whose row names a word. Main thread, at the start
 * and after each change.
 */
import { CONTROL, CONTROL_F64, type ControlBlock } from '../../shared/sync/control-block.js';
import { GATE, setGate } from '../../shared/sync/write-gate.js';
import type { Config } from './config.js';
import type { ControlWord, Directive } from './directive.js';
import { DIRECTIVES } from './directives.js';

const INT32_MAX = 2 ** 31 - 1;

/** The rows that name a word. */
const PUBLISHED: readonly (Directive & { readonly word: ControlWord })[] = DIRECTIVES.filter(
  (directive): directive is Directive & { word: ControlWord } => directive.word !== null,
);

/** Checked when the module loads: the word is one of the tables of the control block, and has one directive. */
function assertWords(): void {
  const taken = new Set<string>();
  for (const { name, word } of PUBLISHED) {
    const known: readonly number[] = Object.values(word.array === 'i32' ? CONTROL : CONTROL_F64);
    const place = `${word.array}[${word.index}]`;
    if (!known.includes(word.index) || taken.has(place)) throw new Error(`directive ${name}: wrong word ${place}`);
    taken.add(place);
  }
}

assertWords();

function wordValue(config: Config, { name, kind, values, word }: (typeof PUBLISHED)[number]): number {
  if (word.encode !== null) return word.encode(config.raw(name));
  if (kind === 'bool') return config.bool(name) ? 1 : 0;
  if (kind === 'enum') return values.indexOf(config.raw(name));
  return config.int(name);
}

/** Writes what the data plane reads of the configuration into the control block. */
export function writeControlWords(block: ControlBlock, config: Config): void {
  for (const directive of PUBLISHED) {
    const { array, index } = directive.word;
    const value = wordValue(config, directive);
    if (array === 'f64') block.f64[index] = value;
    else Atomics.store(block.i32, index, Math.min(value, INT32_MAX));
  }
  setGate(block, GATE.memoryLimit, block.f64[CONTROL_F64.maxmemory]! > 0);
}
