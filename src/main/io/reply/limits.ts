/** The limits of an I/O thread, read from the directives; changed by CONFIG SET. */
import type { OutputLimit } from './output.js';

export interface IoLimits {
  /** proto-max-bulk-len. */
  bulkBytes: number;
  /** client-query-buffer-limit. */
  queryBufferBytes: number;
  /** timeout; 0 = never. */
  idleSeconds: number;
  /** client-output-buffer-limit normal. */
  output: OutputLimit;
  /** client-output-buffer-limit pubsub. */
  pubsubOutput: OutputLimit;
  /** tcp-keepalive; 0 = off. */
  keepAliveSeconds: number;
}

const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  k: 1000,
  kb: 1024,
  m: 1000 ** 2,
  mb: 1024 ** 2,
  g: 1000 ** 3,
  gb: 1024 ** 3,
};

/** Reads the limits out of the directives as CONFIG GET shows them; what is missing has Redis's default. */
export function readLimits(config: ReadonlyMap<string, string>): IoLimits {
  return {
    bulkBytes: bytes(config.get('proto-max-bulk-len'), 512 * 1024 * 1024),
    queryBufferBytes: bytes(config.get('client-query-buffer-limit'), 1024 * 1024 * 1024),
    idleSeconds: bytes(config.get('timeout'), 0),
    output: outputLimit(config, 'normal'),
    pubsubOutput: outputLimit(config, 'pubsub'),
    keepAliveSeconds: bytes(config.get('tcp-keepalive'), 300),
  };
}

function bytes(text: string | undefined, otherwise: number): number {
  const match = /^(\d+)([a-z]*)$/i.exec(text ?? '');
  if (match === null) return otherwise;
  return Number(match[1]) * (UNITS[match[2]!.toLowerCase() || 'b'] ?? 1);
}

/** The part of `client-output-buffer-limit` that begins with the class's name: hard bytes, soft bytes, seconds. */
function outputLimit(config: ReadonlyMap<string, string>, name: string): OutputLimit {
  const words = (config.get('client-output-buffer-limit') ?? '').split(/\s+/);
  const at = words.indexOf(name);
  if (at < 0) return { hardBytes: 0, softBytes: 0, softSeconds: 0 };
  return {
    hardBytes: bytes(words[at + 1], 0),
    softBytes: bytes(words[at + 2], 0),
    softSeconds: bytes(words[at + 3], 0),
  };
}
