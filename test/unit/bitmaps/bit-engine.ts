/** An engine in one thread for tests of bit commands, with limits as the server sets them. */

import { CONTROL_F64 } from '../../../src/shared/sync/control-block.js';
import type { Value } from '../../harness/resp-client.js';
import { KeysEngine } from '../keys/keys-engine.js';

export class BitEngine extends KeysEngine {
  constructor(shards: number) {
    super(shards);
    this.control.f64[CONTROL_F64.protoMaxBulkLen] = 512 * 1024 * 1024;
    this.settle();
  }

  /** The string at a key, null when there is none. */
  string(key: string): string | null {
    return this.call(['GET', key]) as string | null;
  }

  flush(keys: readonly string[]): void {
    this.call(['DEL', ...keys]);
    this.settle();
  }

  /** The effects recorded since the last call, as commands. */
  effects(): string[][] {
    return this.ctx.effects.take().map((record) => record.args.map((arg) => Buffer.from(arg).toString('latin1')));
  }

  /** Checking mode: as at the end of a critical section. */
  settle(): void {
    this.ctx.leases.takeAll();
    for (const arena of this.arenas) arena.settleTouched();
    this.ctx.leases.giveAll();
  }

  /** The text of an error reply. */
  error(...words: (string | number)[]): string {
    const reply: Value = this.call(words);
    if (!(reply instanceof Error)) throw new Error(`no error: ${JSON.stringify(reply)}`);
    return reply.message;
  }
}
