import { describe, expect, it } from 'vitest';
import { localCommands } from '../../../src/main/io/commands/local-commands.js';
import { COMMAND_FLAGS, FLAG_CONTAINER, FLAG_FAST, FLAG_MOVABLE_KEYS } from '../../../src/shared/command/flags.js';
import { KEYS_COMPLEX, KEYS_NONE, KEYS_ONE, KEYS_RANGE } from '../../../src/shared/command/key-positions.js';
import { buildRegistry, ROUTE_KEY, ROUTE_LOCAL } from '../../../src/shared/command/registry.js';
import { container, keyAfter, keyCounted, keyOW, keyRange, keyRO } from '../../../src/shared/command/shorthand.js';
import type { CommandDef } from '../../../src/shared/command/spec.js';
import { makeArgs } from './local-runner.js';

function def(name: string, more: Partial<CommandDef> = {}): CommandDef {
  return {
    name,
    arity: -2,
    flags: [],
    acl: [],
    group: 'generic',
    since: '1.0.0',
    complexity: 'O(1)',
    summary: 'A test.',
    route: 'key',
    ...more,
  };
}

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

describe('the command registry', () => {
  it('finds every command in any case, at any place of a buffer, and nothing else', () => {
    const registry = buildRegistry(localCommands);
    for (const id of registry.top) {
      const name = registry.defs[id]!.name;
      for (const spelled of [name, name.toUpperCase(), name[0]!.toUpperCase() + name.slice(1)]) {
        expect(registry.lookup(bytes(`xx${spelled}yy`), 2, spelled.length)).toBe(id);
      }
      expect(registry.lookup(bytes(`${name}x`), 0, name.length + 1)).toBe(-1);
      expect(registry.lookup(bytes(name), 0, name.length - 1)).toBe(-1);
      expect(registry.lookup(bytes(`\0${name.slice(1)}`), 0, name.length)).toBe(-1);
    }
    expect(registry.lookup(bytes(''), 0, 0)).toBe(-1);
    expect(registry.lookup(bytes('client|list'), 0, 11)).toBe(-1);
  });

  it('does not take @ for ` nor [ for {, which case folding by one bit would', () => {
    const registry = buildRegistry([def('a`b'), def('c{d')]);
    expect(registry.lookup(bytes('A@B'), 0, 3)).toBe(-1);
    expect(registry.lookup(bytes('C[D'), 0, 3)).toBe(-1);
    expect(registry.lookup(bytes('A`B'), 0, 3)).toBe(0);
  });

  it('gives ids depth first, so a prefix of the table has the ids of the whole', () => {
    const shard = [def('get'), container('object', about, [def('object|freq'), def('object|help')]), def('set')];
    const whole = buildRegistry([...shard, def('ping')]);
    const prefix = buildRegistry(shard);
    expect(whole.defs.map((d) => d.name)).toEqual(['get', 'object', 'object|freq', 'object|help', 'set', 'ping']);
    expect(prefix.defs.map((d) => d.name)).toEqual(whole.defs.map((d) => d.name).slice(0, prefix.count));
  });

  it('ties a subcommand that stands alone to its container, wherever that is', () => {
    const parts = [def('get'), def('memory|usage')];
    const registry = buildRegistry([...parts, container('memory', about, [def('memory|stats', { route: 'local' })])]);
    const memory = registry.idOf('memory');
    expect(registry.flags[memory]! & FLAG_CONTAINER).not.toBe(0);
    expect(registry.lookupSub(memory, makeArgs(['MEMORY', 'Usage', 'k']))).toBe(1);
    expect(registry.route[1]).toBe(ROUTE_KEY);
    expect(registry.route[registry.idOf('memory|stats')]).toBe(ROUTE_LOCAL);
    expect(registry.lookupSub(memory, makeArgs(['memory', 'nope']))).toBe(-1);
    const alone = buildRegistry(parts);
    expect(alone.top).toEqual([0]);
    expect(alone.parent[1]).toBe(-1);
  });

  it('lays out arity, flags and keys for the data plane', () => {
    const registry = buildRegistry([
      def('get', { arity: 2, flags: ['readonly', 'fast'], keys: [keyRO(1)] }),
      def('mset', { arity: -3, keys: [keyRange(1, -1, 2, ['OW', 'update'])] }),
      def('rename', { keys: [keyRO(1), keyOW(2)] }),
      def('sintercard', { keys: [keyCounted(1, ['RO'])] }),
      def('sort', { keys: [keyRO(1), keyAfter('STORE', 2, ['OW'])] }),
      def('keys', { keys: [] }),
    ]);
    expect([...registry.keyKind]).toEqual([KEYS_ONE, KEYS_RANGE, KEYS_RANGE, KEYS_COMPLEX, KEYS_COMPLEX, KEYS_NONE]);
    expect(registry.flags[0]! & FLAG_FAST).not.toBe(0);
    expect(registry.flags[3]! & FLAG_MOVABLE_KEYS).not.toBe(0);
    expect([registry.firstKey[1], registry.lastKey[1], registry.keyStep[1]]).toEqual([1, -1, 2]);
    expect([registry.firstKey[2], registry.lastKey[2], registry.keyStep[2]]).toEqual([1, 2, 1]);
    expect([registry.arityOk(0, 2), registry.arityOk(0, 3), registry.arityOk(1, 2)]).toEqual([true, false, false]);
  });

  it('refuses two commands of one name', () => {
    expect(() => buildRegistry([def('get'), def('get')])).toThrow(/defined twice/);
  });

  it('has a summary and only known flags in every definition', () => {
    for (const each of buildRegistry(localCommands).defs) {
      expect(each.summary.length, each.name).toBeGreaterThan(5);
      for (const flag of each.flags) expect(COMMAND_FLAGS).toContain(flag);
    }
  });
});

const about = { group: 'generic', since: '1.0.0', summary: 'A test.' };
