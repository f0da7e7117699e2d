/**
 * Limits and defaults on which several rooms must agree. Each stands here once; what follows from it is computed or
 * asserted, here or beside its use. A limit that only one file knows stays in that file.
 *
 * This file imports nothing.
 */

/** Most ids of commands and subcommands. The statistics of each thread have a cell for each. */
export const COMMAND_IDS_MAX = 1024;

/** Bytes of the statistics of one thread (stats/stats-layout.ts lays them out, and asserts that they fit). */
export const STATS_BYTES: number = 8192 + COMMAND_IDS_MAX * 112;

/** The slow log: a head, then so many slots of so many bytes. A longer `slowlog-max-len` keeps no more. */
export const SLOW_LOG_HEAD_BYTES = 64;
export const SLOW_LOG_SLOTS = 1024;
export const SLOW_LOG_SLOT_BYTES = 6144;
export const SLOW_LOG_BYTES: number = SLOW_LOG_HEAD_BYTES + SLOW_LOG_SLOTS * SLOW_LOG_SLOT_BYTES;

/** Latency events: kinds that are watched, samples kept of each, words of each: samples ever, greatest, the samples. */
export const LATENCY_EVENT_KINDS = 3;
export const LATENCY_SAMPLES = 160;
export const LATENCY_EVENT_WORDS: number = 2 + 2 * LATENCY_SAMPLES;
export const LATENCY_EVENTS_BYTES: number = LATENCY_EVENT_KINDS * LATENCY_EVENT_WORDS * 4;

/**
 * Ids of mails: the ids of a restarted thread begin this much higher, so that no id of an earlier life is used again.
 */
export const MAIL_IDS_PER_LIFE: number = 1 << 20;
/** After so many lives the ids begin anew. */
export const MAIL_LIVES = 1024;

/** First mail id of a thread's life number `generation`. */
export function firstMailId(generation: number): number {
  return 1 + (generation % MAIL_LIVES) * MAIL_IDS_PER_LIFE;
}

/** Sizes up to which the data types keep their small encodings: defaults of the directives of the same names. */
export const TYPE_LIMITS = {
  hashMaxListpackEntries: 512,
  hashMaxListpackValue: 64,
  listMaxListpackSize: -2,
  listCompressDepth: 0,
  setMaxIntsetEntries: 512,
  setMaxListpackEntries: 128,
  setMaxListpackValue: 64,
  zsetMaxListpackEntries: 128,
  zsetMaxListpackValue: 64,
  hllSparseMaxBytes: 3000,
  streamNodeMaxBytes: 4096,
  streamNodeMaxEntries: 100,
} as const;

/** What must hold between limits; looked at when the module loads. */
const RELATIONS: readonly (readonly [what: string, holds: boolean])[] = [
  ['each mail id is a small positive int32', MAIL_LIVES * MAIL_IDS_PER_LIFE <= 2 ** 30],
  ['the statistics have room for a cell of 112 bytes for each command', COMMAND_IDS_MAX * 112 <= STATS_BYTES],
  ['slots of the slow log are whole doubles', SLOW_LOG_HEAD_BYTES % 8 === 0 && SLOW_LOG_SLOT_BYTES % 8 === 0],
];
for (const [what, holds] of RELATIONS) if (!holds) throw new Error(`limits: not true that ${what}`);
