/** In `Turn.pauseMode`, beside PAUSE: too much waits for another I/O thread; what may add to it waits. */
export const PAUSE_CONGESTED = 4;
