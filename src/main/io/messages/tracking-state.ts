/** CLIENT TRACKING as one connection has it. */
import type { PrefixTree } from './prefix-tree.js';

/** Bits of `TrackingState.flags`. */
export const TRACK = {
  bcast: 1,
  optIn: 2,
  optOut: 4,
  noLoop: 8,
  /** The client that was to get the notifications is gone. */
  brokenRedirect: 16,
  /** CLIENT CACHING was given for the next command. */
  caching: 32,
} as const;

/** Whether a client with these flags tracks the keys that it reads. */
export function tracksReads(flags: number): boolean {
  if ((flags & TRACK.bcast) !== 0) return false;
  const given = (flags & TRACK.caching) !== 0;
  return (flags & TRACK.optIn) !== 0 ? given : (flags & TRACK.optOut) === 0 || !given;
}

export interface TrackingState {
  flags: number;
  /** Id of the client that gets the notifications, 0: this one. */
  redirectId: number;
  /** Index of the I/O thread that has it. */
  redirectIo: number;
  /** BCAST: its prefixes, one char a byte. */
  readonly prefixes: Set<string>;
  /** The same, to find those that overlap. */
  readonly prefixTree: PrefixTree<true>;
}
