/** Keyspace events for tests: heard where clients would hear them, and put in order between the effects recorded. */
import { Outbox } from '../../src/shard/blocking/outbox.js';
import type { EffectLog } from '../../src/shard/effects/effect-log.js';
import type { ControlBlock } from '../../src/shared/sync/control-block.js';

export class EventTap extends Outbox {
  private readonly effects: EffectLog;
  private lines: string[] = [];
  /** Whether somebody wants to know: an event costs a look into the log. */
  on = false;

  constructor(control: ControlBlock, effects: EffectLog) {
    super(control, []);
    this.effects = effects;
  }

  override keyspaceEvent(_flags: number, event: string, u8: Uint8Array, off: number, len: number, db: number): void {
    if (!this.on) return;
    this.drain();
    this.lines.push(`${db} event ${event} ${Buffer.from(u8.subarray(off, off + len)).toString('latin1')}`);
  }

  private drain(): void {
    for (const { args, db } of this.effects.take()) {
      this.lines.push(`${db}: ${args.map((arg) => Buffer.from(arg).toString('latin1')).join(' ')}`);
    }
  }

  /** What was recorded since the last call: `0: SET a 1` for effects, `0 event set a` for events. */
  recorded(): string[] {
    this.drain();
    const { lines } = this;
    this.lines = [];
    return lines;
  }
}
