/**
 * The command registry: from the list of definitions to flat typed arrays that the data plane indexes by command id.
 *
 * Ids are given depth first in the order of the definitions: a container, then its subcommands, then the next command.
 * The shard commands stand first in the full table, so a shard worker that builds a registry from them alone gets the
 * same ids as an I/O thread that builds it from everything.
 *
 * A definition whose name holds a `|` at top level (`memory|usage`) gets its id in its place and is attached to the
 * container of that name, if the list has it: so a container that lives in the I/O layer may have subcommands that run
 * in a shard.
 *
 * Invariants: (1) `defs[id].name` is unique; (2) the tables never change after construction; (3) `lookup` and
 * `lookupSub` allocate nothing and never throw.
 */

import { strict as assert } from 'node:assert';
import { invariant } from '../errors/invariant.js';
import { COMMAND_IDS_MAX } from '../limits.js';
import type { Args } from '../resp/args.js';
import {
  FACT_INTERNAL,
  FLAG_ASYNC,
  FLAG_CONTAINER,
  FLAG_INLINE,
  FLAG_MOVABLE_KEYS,
  FLAG_TRANSACTION,
  factBits,
  flagBit,
  HIDDEN_FLAGS,
  isOfTransactions,
} from './flags.js';
import { KEYS_COMPLEX, KEYS_NONE, KEYS_ONE, KEYS_RANGE, legacyRange } from './key-positions.js';
import type { CommandDef, Route } from './spec.js';

export const ROUTE_LOCAL = 0;
export const ROUTE_KEY = 1;
export const ROUTE_ALL = 2;
export const ROUTE_JOB = 3;

const ROUTE_CODE: Readonly<Record<Route, number>> = {
  local: ROUTE_LOCAL,
  key: ROUTE_KEY,
  all: ROUTE_ALL,
  job: ROUTE_JOB,
};

/** Longest command or subcommand name in bytes; longer input is unknown at once. */
export const NAME_BYTES_MAX = 48;

export class Registry {
  /** Definitions by id, subcommands included. */
  readonly defs: readonly CommandDef[];
  /** Number of ids. */
  readonly count: number;
  /** Redis arity by id. */
  readonly arity: Int16Array;
  /** ROUTE_* by id. */
  readonly route: Uint8Array;
  /** FLAG_* bits by id (`movablekeys` and the derived bits included). */
  readonly flags: Int32Array;
  /** FACT_* bits by id. */
  readonly facts: Int32Array;
  /** Legacy key range by id, as COMMAND INFO shows it; zeros when there is none. `lastKey` is absolute or negative. */
  readonly firstKey: Int16Array;
  readonly lastKey: Int16Array;
  readonly keyStep: Int16Array;
  /** How keys are found by id: KEYS_NONE, KEYS_ONE (`firstKey` alone), KEYS_RANGE, KEYS_COMPLEX (`extractKeys`). */
  readonly keyKind: Uint8Array;
  /** Id of the container by id, -1 for a top-level command. */
  readonly parent: Int16Array;
  /** Ids of the subcommands of a container, empty otherwise. */
  readonly subs: readonly (readonly number[])[];
  /** Ids of the top-level commands in table order. */
  readonly top: readonly number[];

  /** Ids of requests that no client can make (`transaction|apply`). */
  readonly internal: readonly number[];

  private readonly nameBytes: Uint8Array;
  private readonly nameOff: Int32Array;
  private readonly nameLen: Uint8Array;
  private readonly table: Int16Array;
  private readonly mask: number;
  private readonly seed: number;
  private readonly byName: ReadonlyMap<string, number>;

  constructor(defs: readonly CommandDef[]) {
    const flat = flatten(defs);
    const n = flat.defs.length;
    assert(n <= COMMAND_IDS_MAX, 'too many commands');
    this.defs = flat.defs;
    this.count = n;
    this.subs = flat.subs;
    this.top = flat.top;
    this.parent = Int16Array.from(flat.parent);
    this.arity = new Int16Array(n);
    this.route = new Uint8Array(n);
    this.flags = new Int32Array(n);
    this.facts = new Int32Array(n);
    this.firstKey = new Int16Array(n);
    this.lastKey = new Int16Array(n);
    this.keyStep = new Int16Array(n);
    this.keyKind = new Uint8Array(n);
    for (let id = 0; id < n; id++) this.describe(id);
    this.internal = flat.defs.flatMap((_def, id) => ((this.facts[id]! & FACT_INTERNAL) !== 0 ? [id] : []));

    const byName = new Map<string, number>();
    for (let id = 0; id < n; id++) {
      const name = flat.defs[id]!.name;
      assert(name === name.toLowerCase() && name.length <= NAME_BYTES_MAX, `command name ${name}`);
      assert(!byName.has(name), `command ${name} defined twice`);
      byName.set(name, id);
    }
    this.byName = byName;

    const own = flat.defs.map((def, id) => (flat.isSub[id] ? def.name.slice(def.name.indexOf('|') + 1) : def.name));
    this.nameBytes = Uint8Array.from(Buffer.from(own.join(''), 'latin1'));
    this.nameOff = new Int32Array(n);
    this.nameLen = new Uint8Array(n);
    let at = 0;
    for (let id = 0; id < n; id++) {
      this.nameOff[id] = at;
      this.nameLen[id] = own[id]!.length;
      at += own[id]!.length;
    }
    let size = 256;
    while (size < flat.top.length * 4) size *= 2;
    this.mask = size - 1;
    this.seed = this.bestSeed();
    this.table = this.fill(this.seed);
  }

  /**
   * The id of the top-level command whose name is `u8[off .. off + len)`, without regard to case; -1 when unknown.
   * hot: command parsing; bench/micro "registry lookup".
   */
  lookup(u8: Uint8Array, off: number, len: number): number {
    if (len === 0 || len > NAME_BYTES_MAX) return -1;
    const table = this.table;
    const mask = this.mask;
    const nameLen = this.nameLen;
    const nameOff = this.nameOff;
    const nameBytes = this.nameBytes;
    let i = nameHash(u8, off, len, this.seed) & mask;
    for (;;) {
      const id = table[i]!;
      if (id < 0) return -1;
      if (nameLen[id] === len) {
        const base = nameOff[id]!;
        let k = 0;
        for (; k < len; k++) {
          let c = u8[off + k]!;
          if (c >= 65 && c <= 90) c |= 32;
          if (c !== nameBytes[base + k]!) break;
        }
        if (k === len) return id;
      }
      i = (i + 1) & mask;
    }
  }

  /**
   * The id of the subcommand that `args[1]` names under container `id`; -1 when it is unknown.
   * @requires FLAG_CONTAINER set for `id`, `args.argc >= 2`.
   */
  lookupSub(id: number, args: Args): number {
    invariant(args.argc >= 2 && this.subs[id] !== null, 'a container with the name of a subcommand');
    return this.subAt(id, args.u8, args.off[1]!, args.len[1]!);
  }

  /** As `lookupSub`, for a name at any place. */
  subAt(id: number, u8: Uint8Array, off: number, len: number): number {
    const subs = this.subs[id]!;
    const nameBytes = this.nameBytes;
    for (let s = 0; s < subs.length; s++) {
      const sub = subs[s]!;
      if (this.nameLen[sub] !== len) continue;
      const base = this.nameOff[sub]!;
      let k = 0;
      for (; k < len; k++) {
        let c = u8[off + k]!;
        if (c >= 65 && c <= 90) c |= 32;
        if (c !== nameBytes[base + k]!) break;
      }
      if (k === len) return sub;
    }
    return -1;
  }

  /**
   * The id of the command in `args[at]`, its subcommand in `args[at + 1]` included as Redis looks commands up: -1 when
   * the command or the subcommand is unknown; a container without a further argument is itself. Cold paths (COMMAND).
   */
  resolve(args: Args, at: number): number {
    const id = this.lookup(args.u8, args.off[at]!, args.len[at]!);
    if (id < 0 || (this.flags[id]! & FLAG_CONTAINER) === 0 || at + 1 >= args.argc) return id;
    return this.subAt(id, args.u8, args.off[at + 1]!, args.len[at + 1]!);
  }

  /** The id of `get` or `client|list` (any case); -1 when unknown. Cold paths only. */
  idOf(fullName: string): number {
    return this.byName.get(fullName.toLowerCase()) ?? -1;
  }

  /** Whether `argc` arguments (the name included; the subcommand too) satisfy the arity of `id`. */
  arityOk(id: number, argc: number): boolean {
    const arity = this.arity[id]!;
    return arity >= 0 ? argc === arity : argc >= -arity;
  }

  private describe(id: number): void {
    const def = this.defs[id]!;
    let bits = 0;
    for (const flag of def.flags) bits |= flagBit(flag);
    const range = legacyRange(def);
    if (range.movable) bits |= FLAG_MOVABLE_KEYS;
    if (this.subs[id]!.length > 0) bits |= FLAG_CONTAINER;
    if (def.async) bits |= FLAG_ASYNC;
    if (def.inline) bits |= FLAG_INLINE;
    if (isOfTransactions(def)) bits |= FLAG_TRANSACTION;
    this.flags[id] = bits;
    this.facts[id] = factBits(def);
    this.arity[id] = def.arity;
    this.route[id] = ROUTE_CODE[def.route];
    this.firstKey[id] = range.first;
    this.lastKey[id] = range.last;
    this.keyStep[id] = range.step;
    if (!def.keys?.some((k) => !k.flags.includes('not_key'))) {
      this.keyKind[id] = def.findKeys ? KEYS_COMPLEX : KEYS_NONE;
    } else if (range.movable || def.keys.some((k) => k.flags.includes('not_key'))) {
      this.keyKind[id] = KEYS_COMPLEX;
    } else {
      this.keyKind[id] = range.first === range.last ? KEYS_ONE : KEYS_RANGE;
    }
  }

  /** The seed, of the first few, under which looking up every command probes least. */
  private bestSeed(): number {
    let best = 0x9e3779b1 | 0;
    let bestProbes = Number.MAX_SAFE_INTEGER;
    for (let k = 0; k < 64; k++) {
      const seed = (0x9e3779b1 + k * 0x3c6ef362) | 1;
      const table = this.fill(seed);
      let probes = 0;
      for (let i = 0; i < table.length; i++) {
        const id = table[i]!;
        if (id < 0) continue;
        const home = nameHash(this.nameBytes, this.nameOff[id]!, this.nameLen[id]!, seed) & this.mask;
        probes += (i - home) & this.mask;
      }
      if (probes < bestProbes) {
        best = seed;
        bestProbes = probes;
      }
    }
    return best;
  }

  private fill(seed: number): Int16Array {
    const table = new Int16Array(this.mask + 1).fill(-1);
    for (const id of this.top) {
      let i = nameHash(this.nameBytes, this.nameOff[id]!, this.nameLen[id]!, seed) & this.mask;
      while (table[i]! >= 0) i = (i + 1) & this.mask;
      table[i] = id;
    }
    return table;
  }
}

/** Builds the registry; see the head of the file for the order of ids. Throws on a name defined twice. */
export function buildRegistry(defs: readonly CommandDef[]): Registry {
  return new Registry(defs);
}

/** The flags that COMMAND INFO shows for a command, as bits. */
export function shownFlags(registry: Registry, id: number): number {
  return registry.flags[id]! & ~HIDDEN_FLAGS & 0x3fffff;
}

/** Case-folding hash over a name's ends, middle and length; the full comparison follows anyway. */
function nameHash(u8: Uint8Array, off: number, len: number, seed: number): number {
  const ends = (u8[off]! << 8) | u8[off + len - 1]!;
  const middle = (u8[off + (len >> 1)]! << 8) | u8[off + ((len - 1) >> 1)]!;
  const h = Math.imul(((ends << 16) | middle | 0x20202020) ^ len, seed);
  return h ^ (h >>> 16);
}

interface Flat {
  defs: CommandDef[];
  subs: number[][];
  parent: number[];
  isSub: boolean[];
  top: number[];
}

/** Puts the definitions in id order and ties subcommands to their containers. */
function flatten(defs: readonly CommandDef[]): Flat {
  const flat: Flat = { defs: [], subs: [], parent: [], isSub: [], top: [] };
  const push = (def: CommandDef, isSub: boolean, parent: number): number => {
    const id = flat.defs.length;
    flat.defs.push(def);
    flat.subs.push([]);
    flat.isSub.push(isSub);
    flat.parent.push(parent);
    return id;
  };
  for (const def of defs) {
    const isSub = def.name.includes('|');
    const id = push(def, isSub, -1);
    if (!isSub) flat.top.push(id);
    for (const sub of def.subcommands ?? []) {
      assert(sub.name.startsWith(`${def.name}|`), `subcommand ${sub.name} of ${def.name}`);
      flat.subs[id]!.push(push(sub, true, id));
    }
  }
  for (let id = 0; id < flat.defs.length; id++) {
    if (!flat.isSub[id] || flat.parent[id]! >= 0) continue;
    const name = flat.defs[id]!.name;
    const container = flat.top.find((t) => flat.defs[t]!.name === name.slice(0, name.indexOf('|')));
    if (container === undefined) continue;
    flat.parent[id] = container;
    flat.subs[container]!.push(id);
  }
  return flat;
}
