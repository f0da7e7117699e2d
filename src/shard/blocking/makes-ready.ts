/**
 * Which commands can make a key ready for a blocked client. The table is made once; each thread that runs commands
 * looks commands up here.
 */
import { FACT_WAKES, FACT_WAKES_ELSEWHERE, FLAG_WRITE } from '../../shared/command/flags.js';
import { KEYS_ONE } from '../../shared/command/key-positions.js';
import type { Registry } from '../../shared/command/registry.js';
import { NULL } from '../../shared/memory/ptr.js';
import type { Args } from '../../shared/resp/args.js';
import { CONTROL } from '../../shared/sync/control-block.js';
import type { ExecContext } from '../context/context.js';
import { anyWaits, firstWaiter } from './waiters.js';

/** The command may bring a key into being for which clients wait. */
const MAY_MAKE = 1;
/** Any other write may end a key, which concerns only clients blocked in XREADGROUP. */
const MAY_END = 2;
/** As MAY_MAKE, for a key that is not the command's own. */
const MAY_MAKE_ELSEWHERE = 3;

/** By command id: what the command may do to blocked clients; 0 for a command that writes nothing. */
function readyClasses(registry: Registry): Uint8Array {
  return Uint8Array.from(registry.facts, (facts, id) => {
    if ((registry.flags[id]! & FLAG_WRITE) === 0) return 0;
    if ((facts & FACT_WAKES_ELSEWHERE) !== 0) return MAY_MAKE_ELSEWHERE;
    return (facts & FACT_WAKES) !== 0 ? MAY_MAKE : MAY_END;
  });
}

/**
 * For a thread that serves no waiters, before it runs a command: whether it must leave the command to a shard thread.
 */
export class WaiterWatch {
  private readonly registry: Registry;
  private readonly classes: Uint8Array;

  constructor(registry: Registry) {
    this.registry = registry;
    this.classes = readyClasses(registry);
  }

  /**
   * hot: whether a command may have to serve a blocked client. A key that ends concerns only clients blocked in
   * XREADGROUP. `lowest`: the lowest shard of the command. @requires the leases of the command's keys
   */
  concerns(ctx: ExecContext, cmdId: number, args: Args, db: number, lowest: number): boolean {
    const kind = this.classes[cmdId]!;
    if (kind === 0 || (kind === MAY_END && ctx.control.i32[CONTROL.groupReaders] === 0)) return false;
    if (!somebodyWaits(ctx)) return false;
    if (this.registry.keyKind[cmdId] !== KEYS_ONE || kind === MAY_MAKE_ELSEWHERE) return true;
    const k = this.registry.firstKey[cmdId]!;
    return firstWaiter(ctx.arenas[lowest]!, db, args.u8, args.off[k]!, args.len[k]!) !== NULL;
  }
}

/** Whether a client waits for a key of a shard whose lease is held here. */
function somebodyWaits(ctx: ExecContext): boolean {
  const { arenas, leases } = ctx;
  for (let s = 0; s < arenas.length; s++) if (leases.held[s] !== 0 && anyWaits(arenas[s]!)) return true;
  return false;
}
