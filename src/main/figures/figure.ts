/**
 * What a figure is: one row of the tables in `*-section.ts`. INFO writes the rows; what else shows the server's figures
 * (metrics) reads the same ones. A row knows its name, its kind, its unit, and how it is read. How INFO writes it
 * stands in the row only where that is not the number itself.
 *
 * A family is a row for figures whose names are made at run time: one for each command, database, shard ...
 *
 * When you add a figure: one row in its section, at the place where Redis has it (field names and their order are an
 * API: exporters, queues and Sentinel read them). What Redis has and sherd has not is a row with a constant.
 */
import type { Registry } from '../../shared/command/registry.js';
import type { ControlBlock } from '../../shared/sync/control-block.js';
import type { Config } from '../config/config.js';
import type { MemoryFigures } from './memory-figures.js';
import type { ServerView } from './server-view.js';

/** Counters only grow (until RESETSTAT); gauges are of the moment; texts are no numbers. */
export type FigureKind = 'counter' | 'gauge' | 'text';

export type FigureUnit =
  | ''
  | 'bytes'
  | 'seconds'
  | 'ms'
  | 'usec'
  | 'ratio'
  | 'percent'
  | 'per second'
  | 'KiB per second';

/** What figures are read from. */
export interface FigureSource {
  readonly view: ServerView;
  readonly control: ControlBlock;
  readonly config: Config;
  readonly registry: Registry;
  readonly nowMs: number;
  /** Gathered once for all rows of one answer. */
  readonly memory: MemoryFigures;
  readonly scripts: ScriptFigures;
  /** The TCP port by which the client came; else `port`. */
  readonly tcpPort: string;
  /** Keys on which clients are blocked, and the keys among them whose end a client waits for. */
  readonly waitedKeys: number;
  readonly waitedAbsentKeys: number;
  readonly channels: ChannelFigures;
}

/** Channels and patterns with subscribers, each counted once over all I/O threads. */
export interface ChannelFigures {
  readonly channels: number;
  readonly patterns: number;
  readonly shardChannels: number;
}

/** Known scripts and libraries. */
export interface ScriptFigures {
  readonly scriptBytes: number;
  readonly scripts: number;
  readonly evicted: number;
  readonly libraryBytes: number;
  readonly libraries: number;
  readonly functions: number;
}

/** One figure. */
export interface Figure {
  readonly name: string;
  readonly kind: FigureKind;
  readonly unit: FigureUnit;
  readonly read: (source: FigureSource) => number | string;
  /** How INFO writes the number; null: as it is. */
  readonly show: ((value: number) => string) | null;
}

/** Figures whose names are made at run time. `names` says how: `cmdstat_*`. */
export interface FigureFamily {
  readonly names: string;
  readonly kind: 'family';
  readonly read: (source: FigureSource) => readonly (readonly [name: string, value: string])[];
}

export type FigureRow = Figure | FigureFamily;

/** A section of INFO. */
export interface FigureSection {
  readonly name: string;
  readonly title: string;
  /** Shown by INFO without arguments. */
  readonly isDefault: boolean;
  readonly rows: readonly FigureRow[];
}

type Read<Value> = (source: FigureSource) => Value;

/** A number that only grows. */
export function counter(name: string, read: Read<number>, unit: FigureUnit = '', show: Figure['show'] = null): Figure {
  return { name, kind: 'counter', unit, read, show };
}

/** A number of the moment. */
export function gauge(name: string, read: Read<number>, unit: FigureUnit = '', show: Figure['show'] = null): Figure {
  return { name, kind: 'gauge', unit, read, show };
}

/** A text. */
export function text(name: string, read: Read<string>): Figure {
  return { name, kind: 'text', unit: '', read, show: null };
}

/** The canonical value of a directive. */
export function directive(name: string, of: string, unit: FigureUnit = ''): Figure {
  return { name, kind: unit === '' ? 'text' : 'gauge', unit, read: ({ config }) => config.raw(of), show: null };
}

/** What Redis counts or tells and sherd has no counterpart for. */
export function constant(name: string, value: number | string): Figure {
  return { name, kind: typeof value === 'number' ? 'gauge' : 'text', unit: '', read: () => value, show: null };
}

/** Counters that stand at 0 because sherd does nothing of the kind. */
export function zeros(...names: readonly string[]): Figure[] {
  return names.map((name) => constant(name, 0));
}

/** Figures whose names are made at run time. */
export function family(names: string, read: FigureFamily['read']): FigureFamily {
  return { names, kind: 'family', read };
}

/** A number as INFO writes it with two decimals. */
export function twoDecimals(value: number): string {
  return value.toFixed(2);
}

/** A section as INFO writes it. */
export function renderSection(section: FigureSection, source: FigureSource): string {
  let out = `# ${section.title}\r\n`;
  for (const row of section.rows) {
    if (row.kind === 'family') {
      for (const [name, value] of row.read(source)) out += `${name}:${value}\r\n`;
      continue;
    }
    const value = row.read(source);
    out += `${row.name}:${row.show === null ? value : row.show(value as number)}\r\n`;
  }
  return out;
}
