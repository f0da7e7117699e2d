/**
 * The gates of commands as bits, in the order in which a command comes to them; the row of gates itself is
 * request/gates.ts. A gate is asked only while its bit is set:
 *
 *     Connection.gates      by what the connection is: not authenticated, with modes, in a transaction
 *     Turn.gates            by what the server is, once a turn: a script is busy, clients are paused
 *     the command itself    its arity is wrong; it is one of the transaction commands
 *
 * A bit that is set without need costs time only: its gate lets the command pass.
 */
export const GATE = {
  arity: 1,
  auth: 2,
  modes: 4,
  busy: 8,
  pause: 16,
  transaction: 32,
} as const;
