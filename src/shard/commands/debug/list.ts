/** What DEBUG says of lists and their nodes: LISTPACK, QUICKLIST, QUICKLIST-PACKED-THRESHOLD, the fields of OBJECT. */

import type { Arena } from '../../../shared/memory/arena.js';
import type { Ptr } from '../../../shared/memory/ptr.js';
import type { Args } from '../../../shared/resp/args.js';
import type { Reply } from '../../../shared/resp/reply.js';
import { CONTROL, CONTROL_F64 } from '../../../shared/sync/control-block.js';
import type { ExecContext } from '../../context/context.js';
import { entryType, TYPE_LIST } from '../../entry/entry.js';
import { LISTPACK_HEAD_BYTES } from '../../types/list/list-limits.js';
import { isPlainNode, nodeBytes, nodeNext, plainLength } from '../../types/list/list-node.js';
import { endNode, isPacked, listLength, listNodes } from '../../types/list/list-value.js';

/** Largest threshold, as in Redis: a little below 4 GB. */
const THRESHOLD_MAX = 2 ** 32 - 2 ** 20;
const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1000,
  kb: 1024,
  m: 1e6,
  mb: 2 ** 20,
  g: 1e9,
  gb: 2 ** 30,
};

/** DEBUG QUICKLIST-PACKED-THRESHOLD <bytes>: elements so long get a node of their own; 0 takes that back. */
export function packedThreshold(ctx: ExecContext, args: Args, reply: Reply): void {
  const parts = /^([0-9]{1,15})([a-z]*)$/.exec(args.latin1(2).toLowerCase());
  const bytes = parts === null ? Number.NaN : Number(parts[1]) * (UNITS[parts[2]!] ?? Number.NaN);
  if (!(bytes <= THRESHOLD_MAX)) {
    reply.errorText('ERR argument must be a memory value bigger than 1 and smaller than 4gb');
    return;
  }
  Atomics.store(ctx.control.i32, CONTROL.packedThreshold, bytes | 0);
  reply.ok();
}

/** What OBJECT ENCODING says of the value. */
function encodingName(ctx: ExecContext, e: Ptr): string {
  return ctx.keyspace.types.of(ctx.arena, e).encodingName(ctx.arena, e);
}

/** DEBUG LISTPACK <key>: Redis prints the structure on its own output; here only the type is looked at. */
export function debugListpack(ctx: ExecContext, e: Ptr, reply: Reply): void {
  if (encodingName(ctx, e).startsWith('listpack')) reply.simple('Listpack structure printed on stdout');
  else reply.errorText('ERR Not a listpack encoded object.');
}

/** DEBUG QUICKLIST <key> [<0|1>]: likewise. */
export function debugQuicklist(ctx: ExecContext, e: Ptr, reply: Reply): void {
  if (encodingName(ctx, e) === 'quicklist') reply.simple('Quicklist structure printed on stdout');
  else reply.errorText('ERR Not a quicklist encoded object.');
}

/** The fields that DEBUG OBJECT adds for a chain of nodes, with a space before each; nothing for other values. */
export function quicklistFields(ctx: ExecContext, arena: Arena, e: Ptr): string {
  if (entryType(arena, e) !== TYPE_LIST || isPacked(arena, e)) return '';
  let bytes = 0;
  for (let node = endNode(arena, e, true); node !== 0; node = nodeNext(arena, node)) {
    bytes += isPlainNode(arena, node) ? plainLength(arena, node) : nodeBytes(arena, node) + LISTPACK_HEAD_BYTES;
  }
  const { f64 } = ctx.control;
  const nodes = listNodes(arena, e);
  const compressed = f64[CONTROL_F64.listCompressDepth] === 0 ? 0 : 1;
  return (
    ` ql_nodes:${nodes} ql_avg_node:${(listLength(arena, e) / nodes).toFixed(2)}` +
    ` ql_listpack_max:${f64[CONTROL_F64.listMaxListpackSize]} ql_compressed:${compressed} ql_uncompressed_size:${bytes}`
  );
}
