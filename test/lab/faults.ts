/**
 * What goes wrong: a row for each kind of fault. A new kind (of a disk, a link, a process) is a new row: how it is
 * armed, and what happens when it strikes.
 */
import { FAULT_ACTION, POINT } from '../../src/shared/memory/fault-point.js';
import type { SeededRandom } from '../harness/random.js';
import { sleep } from '../harness/waiting.js';
import type { LabServer, Point } from './lab-server.js';

export interface FaultKind {
  readonly name: string;
  readonly point: Point;
  /** It strikes at a hit from 1 to this one, drawn. */
  readonly within: number;
  readonly action: (typeof FAULT_ACTION)[keyof typeof FAULT_ACTION];
  /** When a thread has stopped: ends it, or lets it go on late. */
  readonly strike?: (lab: LabServer, random: SeededRandom) => Promise<void>;
  /**
   * A command may be cut in the middle of a change: then half of it may be there, cells may be lost, and a server whose
   * memory is damaged stops and says so.
   */
  readonly cutsCommands?: true;
}

const kill = (lab: LabServer): Promise<void> => lab.kill();
const DELAY_MS = 40;

export const FAULTS: readonly FaultKind[] = [
  {
    name: 'a thread dies at a store',
    point: POINT.store,
    within: 800,
    action: FAULT_ACTION.stop,
    strike: kill,
    cutsCommands: true,
  },
  {
    name: 'a thread dies at a step of a ring',
    point: POINT.ring,
    within: 300,
    action: FAULT_ACTION.stop,
    strike: kill,
  },
  {
    name: 'a thread dies while it waits for a lease',
    point: POINT.leaseWait,
    within: 6,
    action: FAULT_ACTION.stop,
    strike: kill,
  },
  {
    name: 'a thread dies with a lease just taken or done',
    point: POINT.leaseHeld,
    within: 200,
    action: FAULT_ACTION.stop,
    strike: kill,
  },
  {
    name: 'whoever holds a lease is late',
    point: POINT.leaseHeld,
    within: 200,
    action: FAULT_ACTION.stop,
    strike: async (lab, random) => {
      await sleep(random.between(1, DELAY_MS));
      lab.disarm();
    },
  },
  { name: 'an allocation fails', point: POINT.alloc, within: 300, action: FAULT_ACTION.fail },
];
