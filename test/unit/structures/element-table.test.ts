import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMember, elementName, freeElement, name } from '../../../src/shard/structures/element.js';
import {
  createTableRoot,
  ElementCursor,
  ElementTable,
  FOUND,
  tableCellBytes,
  visitTableValue,
} from '../../../src/shard/structures/element-table.js';
import { freeGarbageValues, freeTableRoot, visitGarbageValues } from '../../../src/shard/structures/garbage.js';
import { TYPES } from '../../../src/shard/types/table.js';
import type { Arena } from '../../../src/shared/memory/arena.js';
import type { Ptr } from '../../../src/shared/memory/ptr.js';
import { cellBytes } from '../../../src/shared/memory/slab.js';
import { TestEngine } from '../engine-harness.js';

function add(table: ElementTable, text: string): boolean {
  const b = Uint8Array.from(Buffer.from(text, 'latin1'));
  const dv = new DataView(b.buffer);
  if (table.find(b, dv, 0, b.length) !== 0) return false;
  table.insert(createMember(table.arena, b, dv, 0, b.length, false, 0));
  return true;
}

function remove(table: ElementTable, text: string): boolean {
  const b = Uint8Array.from(Buffer.from(text, 'latin1'));
  const el = table.find(b, new DataView(b.buffer), 0, b.length);
  if (el === 0) return false;
  table.remove();
  freeElement(table.arena, el);
  return true;
}

function textOf(arena: Arena, el: Ptr): string {
  elementName(arena, el);
  return Buffer.from(name.u8.slice(name.off, name.off + name.len)).toString('latin1');
}

function all(arena: Arena, root: Ptr): string[] {
  const out: string[] = [];
  const cursor = new ElementCursor().open(arena, root);
  for (let el = cursor.next(); el !== 0; el = cursor.next()) out.push(textOf(arena, el));
  return out.sort();
}

function reachedBytes(arena: Arena, root: Ptr): number {
  let bytes = 0;
  const seen = new Set<number>();
  visitTableValue(arena, root, (ptr) => {
    if (seen.has(ptr)) expect.fail(`cell ${ptr} is reached twice`);
    seen.add(ptr);
    bytes += cellBytes(arena, ptr);
  });
  return bytes;
}

describe('element table', () => {
  it('holds what a set holds while it grows, shrinks and is scanned', () => {
    const arena = new TestEngine().arenas[0]!;
    const start = arena.usedBytes;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4000 }), fc.integer({ min: 0, max: 4000 }), (most, least) => {
        const root = createTableRoot(arena);
        const table = new ElementTable().open(arena, root);
        const model = new Set<string>();
        for (let i = 0; i < most; i++) {
          const text = i % 97 === 0 ? `big${'x'.repeat(9000)}${i}` : `m${i}`;
          if (!add(table, text) || add(table, text)) expect.fail(`${text.slice(0, 20)} is added once`);
          model.add(text);
        }
        expect(reachedBytes(arena, root)).toBe(arena.usedBytes - start);
        for (const text of [...model]) {
          if (model.size <= least) break;
          if (!remove(table, text) || remove(table, text)) expect.fail(`${text.slice(0, 20)} is removed once`);
          model.delete(text);
        }
        expect(table.count).toBe(model.size);
        expect(all(arena, root)).toEqual([...model].sort());
        expect(tableCellBytes(arena, root)).toBe(arena.usedBytes - start);
        const scanned = new Set<string>();
        let cursor = 0;
        do {
          const n = table.scan(cursor);
          for (let i = 0; i < n; i++) scanned.add(textOf(arena, FOUND[i]! as Ptr));
          cursor = table.nextCursor;
        } while (cursor !== 0);
        expect([...scanned].sort()).toEqual([...model].sort());
        if (model.size > 0) for (let i = 0; i < 20; i++) expect(model.has(textOf(arena, table.random()))).toBe(true);
        freeTableRoot(arena, root);
        while (freeGarbageValues(arena, TYPES.garbage, 0)) visitGarbageValues(arena, TYPES.garbage, () => {});
        expect(arena.usedBytes).toBe(start);
      }),
      { numRuns: 30 },
    );
  });

  it('gives the memory of a big set back when it shrinks', () => {
    const arena = new TestEngine().arenas[0]!;
    const root = createTableRoot(arena);
    const table = new ElementTable().open(arena, root);
    for (let i = 0; i < 50_000; i++) add(table, `member:${i}`);
    for (let i = 200; i < 50_000; i++) remove(table, `member:${i}`);
    expect(tableCellBytes(arena, root)).toBeLessThan(64 * 1024);
  });
});
