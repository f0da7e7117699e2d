/** The tables of figures, which INFO writes and metrics will read (#12). */
import { describe, expect, it } from 'vitest';
import type { Figure, FigureSource } from '../../../src/main/figures/figure.js';
import { counter, family, gauge, renderSection, text } from '../../../src/main/figures/figure.js';
import { FIGURE_SECTIONS } from '../../../src/main/figures/sections.js';

/** Names by section, as a client reads them in INFO everything. */
function namesInOrder(): string {
  const lines = FIGURE_SECTIONS.flatMap(({ title, rows }) => [
    `# ${title}`,
    ...rows.map((row) => (row.kind === 'family' ? row.names : row.name)),
  ]);
  return `${lines.join('\n')}\n`;
}

describe('the tables of figures', () => {
  // `npx vitest run -u` takes over a new field.
  it('have the fields of INFO everything, in the order that clients know', async () => {
    await expect(namesInOrder()).toMatchFileSnapshot('info-fields.txt');
  });

  it('show in INFO without arguments all sections but those of single commands', () => {
    const asked = FIGURE_SECTIONS.filter(({ isDefault }) => !isDefault).map(({ name }) => name);
    expect(asked).toEqual(['commandstats', 'latencystats']);
  });

  it('give every number of bytes or time its unit', () => {
    const figures = FIGURE_SECTIONS.flatMap(({ rows }) => rows).filter((row): row is Figure => row.kind !== 'family');
    const wrong = figures.filter(({ name, kind, unit, read }) => {
      const isConstant = read.length === 0;
      if (kind === 'text' || isConstant) return false;
      if (/_bytes$|used_memory|_buffer$/.test(name)) return unit !== 'bytes';
      return /_usec$/.test(name) && unit !== 'usec';
    });
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });

  it('are written as name and value, numbers as they are unless the row says how', () => {
    const rows = [
      counter('calls', () => 3),
      gauge(
        'share',
        () => 0.5,
        'ratio',
        (value) => value.toFixed(2),
      ),
      text('mode', () => 'standalone'),
      family('db*', () => [['db0', 'keys=1']]),
    ];
    const section = { name: 'test', title: 'Test', isDefault: true, rows };
    expect(renderSection(section, {} as FigureSource)).toBe(
      '# Test\r\ncalls:3\r\nshare:0.50\r\nmode:standalone\r\ndb0:keys=1\r\n',
    );
  });
});
