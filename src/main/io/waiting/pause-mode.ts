/**
 * In `Turn.pauseMode`, beside PAUSE: too many bytes wait for another I/O thread; commands that may add to them wait.
 */
export const PAUSE_CONGESTED = 4;
