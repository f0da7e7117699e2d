/** Which commands concern clients that wait for keys: looked up by whoever runs commands, made once. */
import { KEYS_ONE } from '../../shared/command/key-positions.js';
import type { Registry } from '../../shared/command/registry.js';
import { NULL } from '../../shared/memory/ptr.js';
import type { Args } from '../../shared/resp/args.js';
import { CONTROL } from '../../shared/sync/control-block.js';
import type { ExecContext } from '../context/context.js';
import { anyWaits, firstWaiter } from './waiters.js';

/** Groups whose writes may bring lists, sorted sets or streams into being. */
const READY_GROUPS: readonly string[] = [
  'generic',
  'list',
  'sorted-set',
  'stream',
  'geo',
  'server',
  'transactions',
  'scripting',
];
/** Of these groups, what makes nothing. */
const ONLY_POPS: readonly string[] = ['lpop', 'rpop', 'blpop', 'brpop', 'zpopmin', 'zpopmax', 'bzpopmin', 'bzpopmax'];
/** May bring a key into being for which clients wait. */
const MAY_MAKE = 1;
/** Any other write: a key that ends concerns only who waits with a group. */
const MAY_END = 2;
/** As MAY_MAKE, for a key that is not the command's own: MOVE makes one in another database. */
const MAY_MAKE_ELSEWHERE = 3;
const ELSEWHERE: readonly string[] = ['move'];

/** By command id: MAY_MAKE, MAY_END, MAY_MAKE_ELSEWHERE, or 0 for what writes nothing. */
function readyClasses(registry: Registry): Uint8Array {
  return Uint8Array.from(registry.defs, (def) => {
    if (!def.flags.includes('write')) return 0;
    if (ONLY_POPS.includes(def.name)) return MAY_END;
    if (ELSEWHERE.includes(def.name)) return MAY_MAKE_ELSEWHERE;
    return READY_GROUPS.includes(def.group) ? MAY_MAKE : MAY_END;
  });
}

/** Asked before a thread that serves no waiters runs a command: whether it must leave the command to one that does. */
export class WaiterWatch {
  private readonly registry: Registry;
  private readonly classes: Uint8Array;

  constructor(registry: Registry) {
    this.registry = registry;
    this.classes = readyClasses(registry);
  }

  /**
   * hot: whether a command may have to serve a blocked client. A key that ends concerns only who waits with a group.
   * `lowest`: the lowest shard of the command. @requires the leases of the command's keys
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
