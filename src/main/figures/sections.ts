/**
 * All figures of the server, section by section, in the order in which INFO writes them.
 *
 * Invariant, checked when the module loads: no section and no figure has the name of another.
 */
import { COMMANDSTATS_ROWS, ERRORSTATS_ROWS, KEYSPACE_ROWS, LATENCYSTATS_ROWS, SHERD_ROWS } from './family-sections.js';
import type { FigureRow, FigureSection } from './figure.js';
import { MEMORY_ROWS } from './memory-section.js';
import { PERSISTENCE_ROWS, REPLICATION_ROWS } from './persistence-section.js';
import { CLIENTS_ROWS, CLUSTER_ROWS, CPU_ROWS, SERVER_ROWS } from './server-section.js';
import { STATS_ROWS } from './stats-section.js';

/** A section that INFO shows without arguments. */
function shown(title: string, rows: readonly FigureRow[]): FigureSection {
  return { name: title.toLowerCase(), title, isDefault: true, rows };
}

/** A section that INFO shows only when asked. */
function asked(title: string, rows: readonly FigureRow[]): FigureSection {
  return { ...shown(title, rows), isDefault: false };
}

export const FIGURE_SECTIONS: readonly FigureSection[] = [
  shown('Server', SERVER_ROWS),
  shown('Clients', CLIENTS_ROWS),
  shown('Memory', MEMORY_ROWS),
  shown('Persistence', PERSISTENCE_ROWS),
  shown('Stats', STATS_ROWS),
  shown('Replication', REPLICATION_ROWS),
  shown('CPU', CPU_ROWS),
  shown('Modules', []),
  asked('Commandstats', COMMANDSTATS_ROWS),
  shown('Errorstats', ERRORSTATS_ROWS),
  asked('Latencystats', LATENCYSTATS_ROWS),
  shown('Cluster', CLUSTER_ROWS),
  shown('Keyspace', KEYSPACE_ROWS),
  shown('Sherd', SHERD_ROWS),
];

function assertNames(): void {
  const names = FIGURE_SECTIONS.flatMap(({ name, rows }) => [
    `section ${name}`,
    ...rows.map((row) => (row.kind === 'family' ? row.names : row.name)),
  ]);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`figures: ${twice} stands in the table twice`);
}

assertNames();
