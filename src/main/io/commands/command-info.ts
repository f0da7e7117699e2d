/** How COMMAND INFO and COMMAND DOCS describe a command, in both protocols. Cold: called per command asked for. */
import { categoriesOf } from '../../../shared/command/acl-categories.js';
import { COMMAND_FLAGS } from '../../../shared/command/flags.js';
import { type Registry, shownFlags } from '../../../shared/command/registry.js';
import type { ArgSpec, CommandDef, KeyFlag, KeySpec } from '../../../shared/command/spec.js';
import type { Reply } from '../../../shared/resp/reply.js';

const KEY_FLAG_ORDER: readonly KeyFlag[] = [
  'RO',
  'RW',
  'OW',
  'RM',
  'access',
  'update',
  'insert',
  'delete',
  'not_key',
  'incomplete',
  'variable_flags',
];

/** Writes the ten elements that COMMAND INFO has for a command. */
export function replyCommandInfo(reply: Reply, registry: Registry, id: number): void {
  const def = registry.defs[id]!;
  reply.array(10);
  reply.bulkText(def.name);
  reply.int(def.arity);
  const bits = shownFlags(registry, id);
  replyStatusSet(
    reply,
    COMMAND_FLAGS.filter((_, bit) => (bits & (1 << bit)) !== 0),
  );
  reply.int(registry.firstKey[id]!);
  reply.int(registry.lastKey[id]!);
  reply.int(registry.keyStep[id]!);
  replyStatusSet(
    reply,
    categoriesOf(def).map((name) => `@${name}`),
  );
  replyTextSet(reply, def.tips ?? []);
  const keys = def.keys ?? [];
  reply.set(keys.length);
  for (const key of keys) replyKeySpec(reply, key);
  const subs = registry.subs[id]!;
  if (subs.length === 0) reply.set(0);
  else {
    reply.array(subs.length);
    for (const sub of subs) replyCommandInfo(reply, registry, sub);
  }
}

/** Writes the flags of a key as COMMAND GETKEYSANDFLAGS shows them. */
export function replyKeyFlags(reply: Reply, flags: readonly KeyFlag[]): void {
  replyStatusSet(
    reply,
    KEY_FLAG_ORDER.filter((flag) => flags.includes(flag)),
  );
}

function replyStatusSet(reply: Reply, words: readonly string[]): void {
  reply.set(words.length);
  for (const word of words) reply.simple(word);
}

function replyTextSet(reply: Reply, words: readonly string[]): void {
  reply.set(words.length);
  for (const word of words) reply.bulkText(word);
}

function replyKeySpec(reply: Reply, key: KeySpec): void {
  reply.map(key.notes === undefined ? 3 : 4);
  if (key.notes !== undefined) replyField(reply, 'notes', key.notes);
  reply.bulkText('flags');
  replyKeyFlags(reply, key.flags);
  reply.bulkText('begin_search');
  if ('index' in key.begin) replyTyped(reply, 'index', [['index', key.begin.index]]);
  else if ('keyword' in key.begin) {
    replyTyped(reply, 'keyword', [
      ['keyword', key.begin.keyword],
      ['startfrom', key.begin.startFrom],
    ]);
  } else replyTyped(reply, 'unknown', []);
  reply.bulkText('find_keys');
  const find = key.find;
  if ('lastKey' in find) {
    replyTyped(reply, 'range', [
      ['lastkey', find.lastKey],
      ['keystep', find.step],
      ['limit', find.limit],
    ]);
  } else if ('keyNumIndex' in find) {
    replyTyped(reply, 'keynum', [
      ['keynumidx', find.keyNumIndex],
      ['firstkey', find.firstKey],
      ['keystep', find.step],
    ]);
  } else replyTyped(reply, 'unknown', []);
}

function replyTyped(reply: Reply, type: string, spec: readonly (readonly [string, string | number])[]): void {
  reply.map(2);
  replyField(reply, 'type', type);
  reply.bulkText('spec');
  reply.map(spec.length);
  for (const [name, value] of spec) replyField(reply, name, value);
}

function replyField(reply: Reply, name: string, value: string | number): void {
  reply.bulkText(name);
  if (typeof value === 'string') reply.bulkText(value);
  else reply.int(value);
}

/** Writes the map that COMMAND DOCS has for a command. */
export function replyCommandDocs(reply: Reply, registry: Registry, id: number): void {
  const def = registry.defs[id]!;
  const subs = registry.subs[id]!;
  const texts: (readonly [string, string | undefined])[] = [
    ['summary', def.summary],
    ['since', def.since],
    ['group', def.group],
    ['complexity', def.complexity],
  ];
  const late: (readonly [string, string | undefined])[] = [
    ['deprecated_since', def.deprecatedSince],
    ['replaced_by', def.replacedBy],
  ];
  const has = ([, text]: readonly [string, string | undefined]): boolean => text !== undefined && text !== '';
  const fields = texts.filter(has).length + late.filter(has).length;
  const lists = [def.docFlags, def.history, def.args, subs].filter((l) => l !== undefined && l.length > 0).length;
  reply.map(fields + lists);
  for (const [name, text] of texts.filter(has)) replyField(reply, name, text!);
  if (def.docFlags !== undefined && def.docFlags.length > 0) {
    reply.bulkText('doc_flags');
    replyStatusSet(reply, def.docFlags);
  }
  for (const [name, text] of late.filter(has)) replyField(reply, name, text!);
  replyHistory(reply, def);
  if (def.args !== undefined && def.args.length > 0) {
    reply.bulkText('arguments');
    replyArguments(reply, def.args);
  }
  if (subs.length > 0) {
    reply.bulkText('subcommands');
    reply.map(subs.length);
    for (const sub of subs) {
      reply.bulkText(registry.defs[sub]!.name);
      replyCommandDocs(reply, registry, sub);
    }
  }
}

function replyHistory(reply: Reply, def: CommandDef): void {
  if (def.history === undefined || def.history.length === 0) return;
  reply.bulkText('history');
  reply.set(def.history.length);
  for (const [since, change] of def.history) {
    reply.array(2);
    reply.bulkText(since);
    reply.bulkText(change);
  }
}

function replyArguments(reply: Reply, args: readonly ArgSpec[]): void {
  reply.array(args.length);
  for (const arg of args) {
    const fields: [string, string | number | undefined][] = [
      ['name', arg.name],
      ['type', arg.type],
      ['display_text', arg.args === undefined ? (arg.display ?? arg.name) : undefined],
      ['key_spec_index', arg.keySpecIndex],
      ['token', arg.token],
      ['summary', arg.summary],
      ['since', arg.since],
      ['deprecated_since', arg.deprecatedSince],
    ];
    const flags: string[] = [];
    if (arg.optional) flags.push('optional');
    if (arg.multiple) flags.push('multiple');
    if (arg.multipleToken) flags.push('multiple_token');
    const shown = fields.filter(([, value]) => value !== undefined);
    reply.map(shown.length + (flags.length > 0 ? 1 : 0) + (arg.args === undefined ? 0 : 1));
    for (const [name, value] of shown) replyField(reply, name, value!);
    if (flags.length > 0) {
      reply.bulkText('flags');
      replyStatusSet(reply, flags);
    }
    if (arg.args !== undefined) {
      reply.bulkText('arguments');
      replyArguments(reply, arg.args);
    }
  }
}
