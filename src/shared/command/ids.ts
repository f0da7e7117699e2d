/** Command ids: numbers from 0 on in the order of the definitions (registry.ts), the same in every thread. */

/** Most commands and subcommands that a server has. Statistics and rings have room for so many ids. */
export const COMMAND_IDS_MAX = 1024;
