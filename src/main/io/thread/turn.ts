/**
 * Turn: what holds for one turn of an I/O thread, from `begin` on. It is read once, so all commands of the turn find
 * the same time, the same pause and the same monitors.
 */
import { CONTROL, type ControlBlock } from '../../../shared/sync/control-block.js';
import { pauseAt } from '../../../shared/sync/pause.js';
import { GATE } from '../session/gate-bits.js';
import { PAUSE_CONGESTED } from '../waiting/pause-mode.js';

export class Turn {
  /** Wall clock at the beginning of the turn. */
  nowMs: number;
  /** The pause in force in this turn, and PAUSE_CONGESTED. */
  pauseMode = 0;
  /** Bits of the gates at which every command of this turn is asked. */
  gates = 0;
  /** Somebody monitors, as of this turn. */
  monitored = false;
  /** The command dispatched last was refused before it ran. */
  refused = false;
  private readonly control: ControlBlock;

  constructor(control: ControlBlock) {
    this.control = control;
    this.nowMs = control.nowMs();
  }

  /** A turn begins. `isCongested`: too much waits for another I/O thread. */
  begin(isCongested: boolean): void {
    const { control } = this;
    const { i32 } = control;
    this.nowMs = control.nowMs();
    this.pauseMode = pauseAt(control, this.nowMs);
    if (isCongested) this.pauseMode |= PAUSE_CONGESTED;
    this.gates = (this.pauseMode === 0 ? 0 : GATE.pause) | (i32[CONTROL.busyScripts] === 0 ? 0 : GATE.busy);
    this.monitored = i32[CONTROL.monitors] !== 0;
  }
}
