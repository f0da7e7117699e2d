/** What a value's code may ask of the command that runs: whether the work is too much where the command runs now. */
export interface WorkBound {
  /** An I/O thread runs the command: what takes long is left to the shard's thread. */
  readonly inline: boolean;
  /** Gives the command up here, before it has changed anything; it then runs on the shard's thread. */
  leaveToShard(): never;
}

/** Elements that a command may visit on an I/O thread. */
export const INLINE_WORK_MAX = 1024;
