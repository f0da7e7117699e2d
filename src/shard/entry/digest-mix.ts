/** How SHA-1s are combined into one digest (see digest.ts). Pure functions; apart from it, for values use them too. */
import { createHash } from 'node:crypto';

const DIGEST_BYTES = 20;

function sha1(bytes: Uint8Array): Uint8Array {
  return createHash('sha1').update(bytes).digest();
}

/** digest ^= SHA1(bytes): order does not matter. */
export function xorDigest(digest: Uint8Array, bytes: Uint8Array): void {
  const hash = sha1(bytes);
  for (let i = 0; i < DIGEST_BYTES; i++) digest[i]! ^= hash[i]!;
}

/** digest = SHA1(digest ^ SHA1(bytes)): order matters. */
export function mixDigest(digest: Uint8Array, bytes: Uint8Array): void {
  xorDigest(digest, bytes);
  digest.set(sha1(digest));
}
