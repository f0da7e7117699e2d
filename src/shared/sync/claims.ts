/**
 * Claims: who answers a blocked client. A client that blocks may be answered by the thread that finds its key ready, by
 * its own I/O thread when the time is up, by CLIENT UNBLOCK, or by no thread when the client goes. Each connection slot
 * of an I/O thread has one word in the control block; a compare-and-swap of this word decides which thread answers:
 *
 *     ticket > 0    the request with this ticket is blocked: the thread that swaps the word wins
 *     -ticket       some thread carries it out; the word becomes 0 (answered) or the ticket again (not ready)
 *     0             nothing is blocked, or it was answered
 *     GONE          the client is gone: its earlier requests need not be read or answered any more
 *
 * A thread that dies while it serves leaves -ticket behind. Requests are carried out under leases. So if one thread
 * holds all leases, no other thread is serving a client: a claim that is -ticket then is lost (`takeLostClaims`), and
 * its connection is closed.
 *
 * Any thread.
 */

/** Slots of an I/O thread that may block: as many clients as one I/O thread ever has. */
export const CLAIM_SLOTS = 1 << 18;

/** No ticket, and none negated. */
const GONE = -0x7fffffff;

/** The client is gone with requests under way; it blocks on nothing. I/O thread. */
export function noteGone(claims: Int32Array, slot: number): void {
  if (slot < CLAIM_SLOTS) Atomics.store(claims, slot, GONE);
}

/** The slot may have another client. I/O thread. */
export function forgetGone(claims: Int32Array, slot: number): void {
  if (claims[slot] === GONE) Atomics.store(claims, slot, 0);
}

/** Whether the client of a slot was gone a moment ago. Any thread. */
export function isGone(claims: Int32Array, slot: number): boolean {
  return claims[slot] === GONE;
}

/** The ticket of a request, from its sequence number. */
export function ticketOf(seq: number): number {
  return (seq & 0x3fffffff) + 1;
}

/** Announces a request that may block. I/O thread, before it sends the request. */
export function openClaim(claims: Int32Array, slot: number, seq: number): void {
  Atomics.store(claims, slot, ticketOf(seq));
}

/** Takes the right to carry out a request. Any thread that serves waiters. */
export function beginClaim(claims: Int32Array, slot: number, seq: number): boolean {
  const ticket = ticketOf(seq);
  return Atomics.compareExchange(claims, slot, ticket, -ticket) === ticket;
}

/** Ends `beginClaim`: the request was answered, or stays blocked. */
export function endClaim(claims: Int32Array, slot: number, seq: number, answered: boolean): void {
  Atomics.store(claims, slot, answered ? 0 : ticketOf(seq));
}

/** Takes the right to answer without carrying out. I/O thread. */
export function takeClaim(claims: Int32Array, slot: number, seq: number): boolean {
  const ticket = ticketOf(seq);
  return Atomics.compareExchange(claims, slot, ticket, 0) === ticket;
}

/** Whether no thread has begun to carry the request out. I/O thread. */
export function isOpen(claims: Int32Array, slot: number, seq: number): boolean {
  return Atomics.load(claims, slot) === ticketOf(seq);
}

/**
 * Whether another thread is carrying the request out. For an I/O thread whose `takeClaim` failed: it looks again soon.
 */
export function isUndecided(claims: Int32Array, slot: number, seq: number): boolean {
  return Atomics.load(claims, slot) === -ticketOf(seq);
}

/**
 * Settles the claims that a dead thread left behind; calls `lost` with each slot and a sequence number that has the
 * same ticket as the request's. @requires the leases of all shards
 */
export function takeLostClaims(claims: Int32Array, lost: (slot: number, seq: number) => void): void {
  for (let slot = 0; slot < claims.length; slot++) {
    const ticket = claims[slot]!;
    if (ticket >= 0 || ticket === GONE) continue;
    if (Atomics.compareExchange(claims, slot, ticket, 0) === ticket) lost(slot, -ticket - 1);
  }
}

/** Whether the request is no longer blocked: it was answered, or its client is gone. Any thread. */
export function isSettled(claims: Int32Array, slot: number, seq: number): boolean {
  return Math.abs(Atomics.load(claims, slot)) !== ticketOf(seq);
}
