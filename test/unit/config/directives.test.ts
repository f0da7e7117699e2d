/** The table of directives: one row each, from which everything else follows (#12). */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { Config } from '../../../src/main/config/config.js';
import { writeControlWords } from '../../../src/main/config/control-words.js';
import { type Directive, hasEffect } from '../../../src/main/config/directive.js';
import { DIRECTIVES, findDirective, PSEUDO_DIRECTIVES } from '../../../src/main/config/directives.js';
import { eventClassBits } from '../../../src/shared/keyspace-events.js';
import { TYPE_LIMITS } from '../../../src/shared/limits.js';
import { POLICY_WORDS } from '../../../src/shared/maxmemory-policy.js';
import { CONTROL, CONTROL_F64, ControlBlock } from '../../../src/shared/sync/control-block.js';

const ROOT = new URL('../../../', import.meta.url);

/** All that src has in single quotes, outside of the table. */
function quotedInSource(): Set<string> {
  const pattern = "'[a-z0-9]+(-[a-z0-9]+)*'";
  const found = execFileSync(
    'git',
    ['grep', '--untracked', '-h', '-o', '-E', pattern, '--', 'src', ':!src/main/config/directives-*'],
    {
      cwd: ROOT,
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    },
  );
  return new Set(found.split('\n'));
}

function published(config: Config, { word }: Directive): number {
  const block = ControlBlock.create(1, 1);
  writeControlWords(block, config);
  return word!.array === 'i32' ? block.i32[word!.index]! : block.f64[word!.index]!;
}

/** One row of docs/DIRECTIVES.md. */
function docRow(directive: Directive): string {
  const { name, alias, defaultValue, immutable, reader, asksNothing, doc } = directive;
  const names = alias === null ? `\`${name}\`` : `\`${name}\`, \`${alias}\``;
  const without = asksNothing === null ? 'no effect yet' : `no effect yet but for \`${asksNothing || '""'}\``;
  const value = defaultValue === '' ? '' : `\`${defaultValue}\``;
  const changed = immutable ? 'start' : 'CONFIG SET';
  return `| ${names} | ${value} | ${changed} | ${reader ?? without} | ${doc.replaceAll('|', '\\|')} |`;
}

describe('the table of directives', () => {
  it('says in one line of each directive what it is for', () => {
    for (const { name, doc } of DIRECTIVES) {
      expect(doc, name).toMatch(/^[A-Z`].{5,150}\.$/);
    }
    for (const [name, { doc }] of PSEUDO_DIRECTIVES) expect(doc, name).toMatch(/\.$/);
  });

  it('names as read only what a thread reads, by its control word or by name', () => {
    const quoted = quotedInSource();
    for (const { name, reader, word } of DIRECTIVES) {
      if (reader === null || reader === 'nobody needs to' || word !== null) continue;
      expect(quoted, name).toContain(`'${name}'`);
    }
  });

  it('publishes each control word at its default, and again after a change', () => {
    const config = new Config();
    for (const [name, limit] of Object.entries(TYPE_LIMITS)) {
      const index = CONTROL_F64[name as keyof typeof TYPE_LIMITS];
      const directive = DIRECTIVES.find(({ word }) => word?.array === 'f64' && word.index === index)!;
      expect(published(config, directive), name).toBe(limit);
    }
    const cases: readonly (readonly [string, string, number])[] = [
      ['maxmemory', '100mb', 104_857_600],
      ['maxmemory-policy', 'allkeys-lfu', POLICY_WORDS.indexOf('allkeys-lfu')],
      ['lazyfree-lazy-expire', 'yes', 1],
      ['notify-keyspace-events', 'Ex', eventClassBits('Ex')],
      ['maxclients', '4294967295', 2 ** 31 - 1],
      ['list-max-listpack-size', '-5', -5],
      ['slowlog-log-slower-than', '-1', -1],
    ];
    for (const [name, value, word] of cases) {
      expect(config.set([[name, value]]), name).toMatchObject({ ok: true });
      expect(published(config, findDirective(name)!), name).toBe(word);
    }
    const words = DIRECTIVES.filter(({ word }) => word !== null).map(({ word }) => `${word!.array}${word!.index}`);
    expect(new Set(words).size).toBe(words.length);
    expect(words).toContain(`i32${CONTROL.dispatch}`);
  });

  it('is honest: hz and active-expire-effort have no effect unless they ask for nothing', () => {
    for (const [name, nothing, something] of [
      ['hz', '10', '100'],
      ['active-expire-effort', '1', '10'],
    ] as const) {
      expect(hasEffect(findDirective(name)!, nothing), name).toBe(true);
      expect(hasEffect(findDirective(name)!, something), name).toBe(false);
    }
  });

  it('is what docs/DIRECTIVES.md shows; `npx vitest run -u` writes it', async () => {
    const text = [
      '# Directives',
      '',
      'Made from the table in `src/main/config/directives-*.ts`. Those without effect are accepted, kept and shown by',
      '`CONFIG GET`; one warning at the start names those that were given.',
      '',
      '| directive | default | changed by | acts | meaning |',
      '| --- | --- | --- | --- | --- |',
      ...DIRECTIVES.filter(({ hidden }) => !hidden).map(docRow),
      '',
    ].join('\n');
    await expect(text).toMatchFileSnapshot('../../../docs/DIRECTIVES.md');
  });
});
