import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allCommands } from '../../../src/main/io/commands/table.js';
import type { RespClient, Value } from '../../harness/resp-client.js';
import { ReplyError } from '../../harness/resp-client.js';
import { REDIS_AVAILABLE, startRedis, type TestServer } from '../../harness/servers.js';
import { LocalRunner } from './local-runner.js';

/** 7.2 lets scripts call commands that wait: there they do not wait. */
const IN_SCRIPTS = ['flags'] as const;

/** Fields in which 7.2, which we follow, differs from 7.0.15, the oracle. */
const NEWER: Readonly<Record<string, readonly string[]>> = {
  'client|kill': ['arguments', 'history'],
  'client|pause': ['since'],
  'client|setname': ['tips'],
  'command|getkeys': ['arity', 'arguments'],
  'command|getkeysandflags': ['arity', 'arguments'],
  'config|resetstat': ['tips'],
  'config|rewrite': ['tips'],
  'cluster|shards': ['flags'],
  'cluster|slots': ['flags'],
  'config|set': ['tips'],
  'latency|reset': ['tips'],
  bitop: ['arguments'],
  blmove: IN_SCRIPTS,
  blpop: IN_SCRIPTS,
  brpop: IN_SCRIPTS,
  brpoplpush: IN_SCRIPTS,
  bzpopmax: IN_SCRIPTS,
  bzpopmin: IN_SCRIPTS,
  msetnx: ['tips'],
  psetex: ['doc_flags', 'deprecated_since', 'replaced_by'],
  georadius_ro: ['history'],
  georadiusbymember: ['history'],
  georadiusbymember_ro: ['history'],
  hscan: ['arguments', 'history'],
  randomkey: ['tips'],
  scan: ['tips'],
  setex: ['doc_flags', 'deprecated_since', 'replaced_by'],
  setnx: ['doc_flags', 'deprecated_since', 'replaced_by'],
  quit: ['doc_flags', 'deprecated_since', 'replaced_by', 'flags'],
  sinterstore: ['keys'],
  wait: [...IN_SCRIPTS, 'acl'],
  'xinfo|consumers': ['history'],
  'xinfo|stream': ['history'],
  zrank: ['arity', 'arguments', 'history'],
  zrevrank: ['arity', 'arguments', 'history'],
};

type Fields = Map<Value, Value>;

/** Replaces what is told in our own words: texts of summaries, complexities, changes. */
function withoutProse(docs: Value, name: string): Value {
  const out: Fields = new Map();
  for (const [field, value] of docs as Fields) {
    if (NEWER[name]?.includes(field as string)) continue;
    if (field === 'summary' || field === 'complexity') out.set(field, typeof value);
    else if (field === 'history')
      out.set(
        field,
        [...(value as Iterable<Value>)].map((h) => (h as Value[])[0]!),
      );
    else if (field === 'subcommands') continue;
    else if (field === 'arguments') out.set(field, words(value));
    else out.set(field, value);
  }
  return out;
}

/** The words among the arguments, and which keys they name: 7.2 has other names and nesting than 7.0.15. */
function words(value: Value, into: Set<string> = new Set()): Set<string> {
  for (const arg of value as Fields[]) {
    const token = arg.get('token');
    const keySpec = arg.get('key_spec_index');
    if (typeof token === 'string' && token !== '') into.add(token.toUpperCase());
    if (typeof keySpec === 'number') into.add(`key ${keySpec}`);
    if (arg.has('arguments')) words(arg.get('arguments')!, into);
  }
  return into;
}

function infoWithoutSubs(row: Value, name: string): Value {
  const [, arity, flags, first, last, step, acl, tips, keys] = row as Value[];
  const newer = NEWER[name] ?? [];
  return {
    arity: newer.includes('arity') ? 'newer' : arity,
    flags: newer.includes('flags') ? 'newer' : flags,
    range: [first, last, step],
    acl: newer.includes('acl') ? 'newer' : acl,
    tips: newer.includes('tips') ? 'newer' : new Set(tips as Iterable<Value>),
    keys: newer.includes('keys')
      ? 'newer'
      : [...(keys as Iterable<Fields>)].map((key) => new Map([...key].filter(([field]) => field !== 'notes'))),
  } as unknown as Value;
}

describe.skipIf(!REDIS_AVAILABLE)('COMMAND beside redis-server', () => {
  const runner = new LocalRunner(allCommands);
  let server: TestServer;
  let client: RespClient;

  beforeAll(async () => {
    server = await startRedis();
    client = await server.client();
    await client.ok('HELLO', 3);
    runner.conn.session.proto = 3;
  });
  afterAll(() => server.stop());

  for (const def of runner.registry.defs.filter((d) => !d.name.startsWith('debug'))) {
    it(`INFO and DOCS of ${def.name} say what redis-server says`, async () => {
      const [theirs] = (await client.ok('COMMAND', 'INFO', def.name)) as Value[];
      const [ours] = (await runner.call('COMMAND', 'INFO', def.name)) as Value[];
      if (theirs === null || theirs === undefined) return; // 7.2 or ours
      expect(infoWithoutSubs(ours!, def.name)).toEqual(infoWithoutSubs(theirs, def.name));
      const docs = (await client.ok('COMMAND', 'DOCS', def.name)) as Fields;
      const ourDocs = (await runner.call('COMMAND', 'DOCS', def.name)) as Fields;
      expect([...ourDocs.keys()]).toEqual([def.name]);
      expect(withoutProse(ourDocs.get(def.name)!, def.name)).toEqual(withoutProse(docs.get(def.name)!, def.name));
    });
  }

  it('has the same shapes in RESP2', async () => {
    const plain = await server.client();
    const ours = new LocalRunner(allCommands);
    for (const words of [
      ['COMMAND', 'INFO', 'nope', 'echo'],
      ['COMMAND', 'GETKEYS', 'nope', 'x'],
      ['COMMAND', 'GETKEYS', 'ping', 'x'],
      ['COMMAND', 'INFO', 'command|count', 'config|nope'],
      ['COMMAND', 'LIST', 'FILTERBY', 'x', 'y'],
      ['COMMAND', 'LIST', 'FILTERBY'],
      ['COMMAND', 'LIST', 'FILTERBY', 'MODULE', 'y'],
      ['COMMAND', 'LIST', 'FILTERBY', 'PATTERN', 'config|?et'],
      ['COMMAND', 'DOCS', 'nope'],
      ['COMMAND', 'COUNT', 'x'],
    ]) {
      expect((await ours.raw(words)).toString('latin1').split('\r\n').sort(), words.join(' ')).toEqual(
        (await plain.raw(...words)).toString('latin1').split('\r\n').sort(),
      );
    }
  });

  it('describes all commands in one reply that is the same a second time', async () => {
    const first = await runner.raw(['COMMAND']);
    expect(await runner.raw(['COMMAND'])).toEqual(first);
    expect((await runner.call('COMMAND', 'COUNT')) as number).toBe(((await runner.call('COMMAND')) as Value[]).length);
    const docs = (await runner.call('COMMAND', 'DOCS')) as Fields;
    expect(docs.size).toBe(runner.registry.top.length);
    expect(await runner.call('COMMAND', 'GETKEYS', 'nope')).toBeInstanceOf(ReplyError);
  });
});
