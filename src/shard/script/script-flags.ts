/** The shebang line of a script: `#!lua flags=no-writes,allow-oom`. */

export const NO_WRITES = 1;
export const ALLOW_OOM = 2;
export const ALLOW_STALE = 4;
export const NO_CLUSTER = 8;
export const ALLOW_CROSS_SLOT = 16;
/** No shebang: the rules of old apply. */
export const COMPAT = 32;

const FLAGS: Readonly<Record<string, number>> = {
  'no-writes': NO_WRITES,
  'allow-oom': ALLOW_OOM,
  'allow-stale': ALLOW_STALE,
  'no-cluster': NO_CLUSTER,
  'allow-cross-slot-keys': ALLOW_CROSS_SLOT,
};

/** What a shebang says. */
export interface Shebang {
  readonly flags: number;
  /** Bytes of the line, without its newline; 0 when there is none. */
  readonly bytes: number;
}

/** The bit of a flag, -1 when there is no such flag. */
export function scriptFlag(name: string): number {
  return FLAGS[name] ?? -1;
}

/** Names of the flags that are set, as FUNCTION LIST shows them. */
export function scriptFlagNames(flags: number): string[] {
  return Object.keys(FLAGS).filter((name) => (flags & FLAGS[name]!) !== 0);
}

/** Reads the shebang of a script's body; a string is the error. */
export function readShebang(body: Uint8Array): Shebang | string {
  if (body[0] !== 35 || body[1] !== 33) return { flags: COMPAT, bytes: 0 };
  const end = body.indexOf(10);
  if (end < 0) return 'Invalid script shebang';
  const line = Buffer.from(body.buffer, body.byteOffset, end).toString('latin1').trim();
  const parts = line.split(/\s+/);
  if (parts[0] !== '#!lua') return `Unexpected engine in script shebang: ${parts[0]!}`;
  let flags = 0;
  for (const part of parts.slice(1)) {
    if (!part.startsWith('flags=')) return `Unknown lua shebang option: ${part}`;
    for (const name of part.slice(6).split(',')) {
      if (name === '') continue;
      const flag = scriptFlag(name);
      if (flag < 0) return `Unexpected flag in script shebang: ${name}`;
      flags |= flag;
    }
  }
  return { flags, bytes: end };
}
