/**
 * The smallest value type that has everything: a tally, which is a number and a chain of as many cells, so that its
 * size is felt when it is copied and freed. What stands here is all that a type needs, beside its commands.
 *
 *     root cell, 16 words:  count | first link | ... | 5 garbage kind | ... | 14 next garbage
 *     link, 2 words:        next link | -
 */

import type { ExecContext } from '../../../src/shard/context/context.js';
import { createTyped, WRONG, writeTyped } from '../../../src/shard/context/typed-key.js';
import { mixDigest } from '../../../src/shard/entry/digest-mix.js';
import { moveRoot, rootOf } from '../../../src/shard/entry/root.js';
import { valueType } from '../../../src/shard/entry/type-table.js';
import type { ValueType } from '../../../src/shard/services/value-type.js';
import { type GarbageKind, garbageNumber, giveUp, type Visit } from '../../../src/shard/structures/garbage.js';
import { key, keyRW } from '../../../src/shared/command/shorthand.js';
import { type CommandDef, defineCommand } from '../../../src/shared/command/spec.js';
import type { Arena } from '../../../src/shared/memory/arena.js';
import { wordAt, wordIndex, wordsOf } from '../../../src/shared/memory/cell.js';
import { NULL, type Ptr } from '../../../src/shared/memory/ptr.js';
import { alloc, cellBytes, free } from '../../../src/shared/memory/slab.js';

/** Links that are freed at once. */
const LINKS_AT_ONCE = 16;
const ROOT_BYTES = 64;
const LINK_BYTES = 8;
/** A number that no Redis gave to a form. */
const RDB_TALLY = 200;

const get = (arena: Arena, p: Ptr, word: number): number => wordAt(arena, p, word);

function put(arena: Arena, p: Ptr, word: number, value: number): void {
  arena.touch(p, word * 4, 4);
  wordsOf(arena, p)[wordIndex(p) + word] = value;
}

function createTally(arena: Arena): Ptr {
  const root = alloc(arena, ROOT_BYTES);
  put(arena, root, 0, 0);
  put(arena, root, 1, NULL);
  return root;
}

function add(arena: Arena, root: Ptr, by: number): void {
  for (let i = 0; i < by; i++) {
    const link = alloc(arena, LINK_BYTES);
    put(arena, link, 0, get(arena, root, 1));
    put(arena, root, 1, link);
    put(arena, root, 0, get(arena, root, 0) + 1);
  }
}

function visitRoot(arena: Arena, root: Ptr, visit: Visit): void {
  visit(root, 'tally');
  for (let link = get(arena, root, 1) as Ptr; link !== NULL; link = get(arena, link, 0) as Ptr) visit(link, 'link');
}

/** The type, under a number of the caller's. */
export function tallyType(type: number): ValueType {
  const garbage: GarbageKind = {
    number: garbageNumber(type, 0),
    step: (arena, root) => {
      for (let n = 0; n < LINKS_AT_ONCE; n++) {
        const link = get(arena, root, 1) as Ptr;
        if (link === NULL) {
          free(arena, root);
          return true;
        }
        put(arena, root, 1, get(arena, link, 0));
        free(arena, link);
      }
      return false;
    },
    visit: visitRoot,
  };
  const count = (arena: Arena, e: Ptr): number => get(arena, rootOf(arena, e), 0);
  return valueType({
    type,
    name: 'Tally-TY',
    encodings: 1,
    digestNumber: 5,
    garbage: [garbage],
    free: (arena, e) => giveUp(arena, rootOf(arena, e), garbage, count(arena, e) < LINKS_AT_ONCE),
    copy: (from, e, to, copy) => {
      const root = createTally(to);
      try {
        add(to, root, count(from, e));
      } catch (error) {
        giveUp(to, root, garbage, true);
        throw error;
      }
      moveRoot(to, copy, root);
    },
    visit: (arena, e, visit) => visitRoot(arena, rootOf(arena, e), visit),
    check: (arena, e) => {
      let links = -1;
      visitRoot(arena, rootOf(arena, e), () => links++);
      return links === count(arena, e) ? [] : [`tally: ${links} links, ${count(arena, e)} counted`];
    },
    cellBytes: (arena, e) => {
      let bytes = 0;
      visitRoot(arena, rootOf(arena, e), (p) => {
        bytes += cellBytes(arena, p);
      });
      return bytes;
    },
    length: count,
    encodingName: () => 'tally',
    digest: (arena, e, digest) => mixDigest(digest, Buffer.from(String(count(arena, e)))),
    rdbForms: [RDB_TALLY],
    rdbForm: () => RDB_TALLY,
    write: (writer, arena, e) => writer.length(count(arena, e)),
    read: (ctx, e, _form, reader) => {
      moveRoot(ctx.arena, e, createTally(ctx.arena));
      add(ctx.arena, rootOf(ctx.arena, e), reader.length());
    },
  });
}

/** TALLY key n: adds n. */
export function tallyCommand(type: number): CommandDef<ExecContext> {
  return defineCommand<ExecContext>({
    name: 'tally',
    arity: 3,
    flags: ['write', 'denyoom'],
    acl: [],
    group: 'generic',
    since: '1.0.0',
    complexity: 'O(N)',
    summary: 'Adds to a tally.',
    keys: [keyRW(1, 'insert')],
    args: [key()],
    route: 'key',
    handler: (ctx, args, reply) => {
      let e = writeTyped(ctx, args, 1, type, reply);
      if (e === WRONG) return;
      if (e === NULL) e = createTyped(ctx, args, 1, type, 0, createTally(ctx.arena));
      add(ctx.arena, rootOf(ctx.arena, e), Number(args.latin1(2)));
      ctx.dirty++;
      reply.int(get(ctx.arena, rootOf(ctx.arena, e), 0));
    },
  });
}
