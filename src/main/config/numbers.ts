/** Numbers as redis.conf writes them. Bigints, since bounds reach 2^64; this is control plane. */

const UNIT_BYTES: Readonly<Record<string, bigint>> = {
  '': 1n,
  b: 1n,
  k: 1000n,
  kb: 1024n,
  m: 1000n * 1000n,
  mb: 1024n * 1024n,
  g: 1000n * 1000n * 1000n,
  gb: 1024n * 1024n * 1024n,
};
const DIGITS_MAX = 127;
const U64_MAX = 2n ** 64n - 1n;

/** Bytes of `1gb`, `10m`, `512`; null when it is not an amount of memory. Wraps at 2^64 as Redis does. */
export function parseMemory(word: string): bigint | null {
  const match = /^([0-9]*)([a-zA-Z]*)$/.exec(word);
  if (match === null || match[1]!.length > DIGITS_MAX) return null;
  const unitName = match[2]!.toLowerCase();
  const unit = Object.hasOwn(UNIT_BYTES, unitName) ? UNIT_BYTES[unitName]! : null;
  if (unit === null) return null;
  const digits = match[1] === '' ? 0n : BigInt(match[1]!);
  return BigInt.asUintN(64, (digits > U64_MAX ? U64_MAX : digits) * unit);
}

/** A strict 64-bit decimal integer (no sign but `-`, no leading zeros), or null. */
export function parseInteger(word: string): bigint | null {
  if (!/^(0|-?[1-9][0-9]{0,18})$/.test(word)) return null;
  const value = BigInt(word);
  return value === BigInt.asIntN(64, value) ? value : null;
}

/** An amount of memory in the largest unit that divides it, as CONFIG REWRITE writes it. */
export function formatMemory(bytes: bigint): string {
  if (bytes === 0n) return '0';
  for (const unit of ['gb', 'mb', 'kb']) {
    if (bytes % UNIT_BYTES[unit]! === 0n) return bytes / UNIT_BYTES[unit]! + unit;
  }
  return String(bytes);
}
