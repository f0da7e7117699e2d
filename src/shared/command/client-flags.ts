/** Bits of `ClientState.flags` beside those that only an I/O thread looks at. */

/** Keys that the client's commands read are tracked. */
export const CLIENT_TRACKS_READS = 16;
/**
 * What the client sends has happened elsewhere and must happen here too: the master of a replica, the file that is
 * loaded. For it expired keys are there until it deletes them, and no write is refused.
 */
export const CLIENT_MUST_OBEY = 32;
/** From this bit on stands the index of the client's I/O thread. */
export const CLIENT_IO_SHIFT = 16;
