/**
 * The write gate: one word of the control block whose bits decide whether a write is recorded or refused. Each command
 * reads the word under its leases. So if a thread changes a bit while it holds all leases, every command before the
 * change saw the old word, and every command after the change sees the new word.
 *
 * What belongs here: whether writes are recorded, and every reason to refuse them. Conditions to come (a disk that
 * fails, a replica that only reads, a data set that is being loaded, a failover) each get a bit.
 */
import { CONTROL, type ControlBlock } from './control-block.js';

/** Bits of CONTROL.writeGate. */
export const GATE = {
  /** Somebody takes effects: journal, replicas, tests. */
  effects: 1,
  /** There is a limit of memory: CONTROL_F64.maxmemory. */
  memoryLimit: 2,
  /** Nothing expires by itself: what is over stays, hidden from clients, until its removal is commanded. */
  keepsExpired: 4,
} as const;

/** Raises or lowers bits. To make it a barrier: with the leases of all shards. */
export function setGate(control: ControlBlock, bits: number, on: boolean): void {
  if (on) Atomics.or(control.i32, CONTROL.writeGate, bits);
  else Atomics.and(control.i32, CONTROL.writeGate, ~bits);
}
