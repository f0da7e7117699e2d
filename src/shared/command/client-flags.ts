/** Bits of `ClientState.flags` beside those that only an I/O thread looks at. */

/** Keys that the client's commands read are tracked. */
export const CLIENT_TRACKS_READS = 16;
/** From this bit on stands the index of the client's I/O thread. */
export const CLIENT_IO_SHIFT = 16;
