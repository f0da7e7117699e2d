/** What commands are (`CommandFacts`), and that the facts agree with the rest of each definition. */
import { describe, expect, test } from 'vitest';
import { buildFullRegistry } from '../../../src/main/io/commands/table.js';
import { FLAG_WRITE, factBits, TRANSACTION, transactionOf } from '../../../src/shared/command/flags.js';
import { NOT_FROM_SCRIPTS } from '../../../src/shared/command/not-from-scripts.js';
import type { CommandDef, CommandFacts } from '../../../src/shared/command/spec.js';

const registry = buildFullRegistry();
const { defs } = registry;
/** Only handlers that run on shards are timed as `longWork` says; local commands are all timed. */
const onShards = defs.filter((def) => def.handler !== undefined || def.job !== undefined);

function namesWith(fact: (def: CommandDef) => unknown): string[] {
  return defs
    .filter(fact)
    .map(({ name }) => name)
    .sort();
}

describe('the facts of commands', () => {
  test('each fact has a bit of its own (#12)', () => {
    const facts: CommandFacts[] = [
      { longWork: 'arguments' },
      { longWork: 'value' },
      { needsScripts: true },
      { internal: true },
      { carriesCommands: true },
      { whileSubscribed: true },
      { smallWrite: true },
      { wakes: 'key' },
      { wakes: 'elsewhere' },
      { waitsForEnd: true },
      { selectsDatabase: true },
      { keepsCaching: true },
      { transaction: 'multi' },
      { transaction: 'exec' },
      { transaction: 'watch' },
    ];
    let all = 0;
    for (const fact of facts) {
      const bits = factBits(fact);
      expect(bits & (bits - 1), JSON.stringify(fact)).toBe(0);
      expect(all & bits, JSON.stringify(fact)).toBe(0);
      all |= bits;
    }
    expect(all).toBeGreaterThan(0);
    expect(all).toBeLessThan(2 ** 31);
    for (const part of ['multi', 'exec', 'discard', 'watch', 'unwatch', 'quit', 'reset'] as const) {
      expect(transactionOf(factBits({ transaction: part, keepsCaching: true }))).toBe(TRANSACTION[part]);
    }
  });

  test('a command says that it can be long where its complexity does (#12)', () => {
    const unsaid = onShards.filter(
      (def) => !/^O\((1|log\(N\))\)( for N members\.)?$/.test(def.complexity) && !def.longWork && !def.internal,
    );
    // Constant work, or work that is done later.
    expect(unsaid.map(({ name }) => name)).toEqual(['xgroup|destroy']);
    const longer = onShards.filter((def) => def.longWork && /^O\((1|log\(N\))\)$/.test(def.complexity));
    // These copy a value that may be long; FUNCTION DELETE makes the interpreter anew.
    expect(longer.map(({ name }) => name)).toEqual([
      'set',
      'setnx',
      'setex',
      'psetex',
      'getset',
      'hsetnx',
      'function|delete',
    ]);
  });

  test('requests between threads are internal, and nothing else is (#12)', () => {
    const orphans = defs.filter((def, id) => def.name.includes('|') && registry.parent[id]! < 0);
    expect(orphans.map(({ name }) => name)).toEqual(registry.internal.map((id) => defs[id]!.name));
    expect(registry.internal.length).toBeGreaterThan(0);
  });

  test('only writes wake blocked clients, make small writes, or end with XREADGROUP (#12)', () => {
    defs.forEach((def, id) => {
      if (def.wakes || def.smallWrite) expect(registry.flags[id]! & FLAG_WRITE, def.name).not.toBe(0);
      if (def.smallWrite) expect(def.flags, def.name).not.toContain('fast');
    });
    expect(namesWith((def) => def.waitsForEnd)).toEqual(['xreadgroup']);
    expect(namesWith((def) => def.wakes === 'elsewhere')).toEqual(['move']);
  });

  test('a RESP2 subscriber may send what Redis allows it (#12)', () => {
    expect(namesWith((def) => def.whileSubscribed)).toEqual(
      'ping psubscribe punsubscribe quit reset ssubscribe subscribe sunsubscribe unsubscribe'.split(' '),
    );
  });

  test('scripts and functions need the interpreter, their containers do not (#12)', () => {
    expect(namesWith((def) => def.needsScripts)).toEqual(
      namesWith((def) => def.group === 'scripting' && def.route !== 'local'),
    );
  });

  test('local commands with `noscript` are refused to scripts by name (#12)', () => {
    const local = registry.top.filter((id) => defs[id]!.route === 'local');
    const refused = local.filter((id) => {
      const own = [id, ...registry.subs[id]!].map((each) => defs[each]!);
      return own.some((def) => def.flags.includes('noscript'));
    });
    expect(refused.length).toBeGreaterThan(20);
    for (const id of refused) expect(NOT_FROM_SCRIPTS, defs[id]!.name).toContain(defs[id]!.name);
    for (const name of NOT_FROM_SCRIPTS) {
      const id = registry.idOf(name);
      if (id >= 0 && name !== 'watch') expect(defs[id]!.route, name).toBe('local');
    }
  });
});
