/**
 * What commands know of the client that sent them, and the bits of its flags. A session of an I/O thread has more
 * (main/io/session/session.ts); where there is only a request, a waiter or a script, there is a `ClientRecord`.
 */

/** The client of a command. */
export interface ClientState {
  /** Global client id, from 1; 0: nobody. */
  readonly id: number;
  readonly db: number;
  readonly proto: 2 | 3;
  /** CLIENT_FLAG bits; from CLIENT_IO_SHIFT on the index of the client's I/O thread. */
  readonly flags: number;
}

/** Bits of `ClientState.flags`; they travel with each request over a ring. */
export const CLIENT_FLAG = {
  /** CLIENT NO-TOUCH. */
  noTouch: 1,
  /** CLIENT NO-EVICT. */
  noEvict: 2,
  /** Came over a unix socket. */
  unixSocket: 4,
  /** Connected from a loopback address or a unix socket (commands flagged `protected`). */
  local: 8,
  /** CLIENT TRACKING: the keys that the client's commands read are remembered. */
  tracksReads: 16,
  /**
   * What the client sends has happened elsewhere and must happen here too: the master of a replica, the file that is
   * loaded. For this client expired keys are there until it deletes them, and no write is refused.
   */
  mustObey: 32,
} as const;

/** From this bit on stands the index of the client's I/O thread. */
export const CLIENT_IO_SHIFT = 16;

/** A client that is not here itself: what came with its request. */
export class ClientRecord implements ClientState {
  id = 0;
  db = 0;
  proto: 2 | 3 = 2;
  flags = 0;
}
