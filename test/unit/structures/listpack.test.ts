import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  edited,
  lpCount,
  lpCreate,
  lpDelete,
  lpFind,
  lpFirst,
  lpInsert,
  lpNext,
  lpPrev,
  lpReplace,
  lpReplaceInt,
  lpRoom,
  lpSeek,
  lpTotal,
} from '../../../src/shard/structures/listpack.js';
import { item, lpBytes, lpPrevOf, lpRead } from '../../../src/shard/structures/listpack-entry.js';
import type { Arena } from '../../../src/shared/memory/arena.js';
import { byteIndex, bytesOf, viewOf } from '../../../src/shared/memory/cell.js';
import type { Ptr } from '../../../src/shared/memory/ptr.js';
import { free } from '../../../src/shared/memory/slab.js';
import { TestEngine } from '../engine-harness.js';

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

function texts(arena: Arena, ptr: Ptr): string[] {
  const u8 = bytesOf(arena, ptr);
  const dv = viewOf(arena, ptr);
  const out: string[] = [];
  for (let p = lpFirst(arena, ptr); p !== 0; p = lpNext(u8, p)) {
    lpBytes(u8, dv, p);
    out.push(Buffer.from(item.u8.slice(item.off, item.off + item.len)).toString('latin1'));
  }
  return out;
}

/** The last entry, 0 when there is none. */
function lastOf(arena: Arena, ptr: Ptr): number {
  if (lpFirst(arena, ptr) === 0) return 0;
  return lpPrevOf(bytesOf(arena, ptr), byteIndex(ptr) + lpTotal(arena, ptr) - 1);
}

function backwards(arena: Arena, ptr: Ptr): number {
  let n = 0;
  for (let p = lastOf(arena, ptr); p !== 0; p = lpPrev(arena, ptr, p)) n++;
  return n;
}

const INTEGERS = [
  '0',
  '127',
  '128',
  '-1',
  '4095',
  '-4096',
  '4096',
  '-4097',
  '32767',
  '-32768',
  '32768',
  '8388607',
  '-8388608',
  '8388608',
  '2147483647',
  '-2147483648',
  '2147483648',
  '9223372036854775807',
  '-9223372036854775808',
];
const word = fc.oneof(
  fc.constantFrom(...INTEGERS, '', '-0', '01', '+1', '9223372036854775808', 'a'),
  fc.string({ maxLength: 80, unit: 'binary-ascii' }),
  fc.constantFrom(63, 64, 126, 127, 128, 4095, 4096).map((n) => 'x'.repeat(n)),
);

describe('listpack', () => {
  it('behaves as a plain list of strings under any edits', () => {
    const arena = new TestEngine().arenas[0]!;
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(3), word), { maxLength: 60 }), (steps) => {
        const before = arena.usedBytes;
        let ptr = lpCreate(arena, 16);
        const model: string[] = [];
        for (const [where, action, text] of steps) {
          const b = bytes(text);
          if (!lpRoom(arena, ptr, b.length + 11)) break;
          const i = where % (model.length + 1);
          if (action <= 1 || model.length === 0) {
            ptr = lpInsert(arena, ptr, i === model.length ? 0 : lpSeek(arena, ptr, i), b, 0, b.length);
            model.splice(i, 0, text);
          } else {
            const j = where % model.length;
            const p = lpSeek(arena, ptr, j);
            if (action === 2) {
              ptr = lpReplace(arena, ptr, p, b, 0, b.length);
              model[j] = text;
            } else {
              const n = Math.min(model.length - j, (where % 3) + 1);
              ptr = lpDelete(arena, ptr, p, n);
              model.splice(j, n);
              if (j === model.length) expect(edited.p).toBe(0);
              else expect(edited.p).toBe(lpSeek(arena, ptr, j));
            }
          }
          expect(lpCount(arena, ptr)).toBe(model.length);
        }
        expect(texts(arena, ptr)).toEqual(model);
        expect(backwards(arena, ptr)).toBe(model.length);
        const u8 = bytesOf(arena, ptr);
        expect(u8[byteIndex(ptr) + lpTotal(arena, ptr) - 1]).toBe(255);
        for (const text of [...model, 'absent', '77']) {
          const b = bytes(text);
          const p = lpFind(arena, ptr, lpFirst(arena, ptr), b, 0, b.length, 0);
          expect(p === 0 ? -1 : p).toBe(model.includes(text) ? lpSeek(arena, ptr, model.indexOf(text)) : -1);
        }
        free(arena, ptr);
        expect(arena.usedBytes).toBe(before);
      }),
      { numRuns: 300 },
    );
  });

  it('has Redis’s bytes', () => {
    const arena = new TestEngine().arenas[0]!;
    let ptr = lpCreate(arena, 16);
    for (const text of ['a', '1', '-1', '300000']) {
      const b = bytes(text);
      ptr = lpInsert(arena, ptr, 0, b, 0, 1 * b.length);
    }
    const at = byteIndex(ptr);
    const out = bytesOf(arena, ptr).slice(at, at + lpTotal(arena, ptr));
    expect(Buffer.from(out).toString('hex')).toBe('140000000400816102010' + '1dfff02f2e0930404ff');
    ptr = lpInsert(arena, ptr, 0, bytes('x'), 0, 1);
    ptr = lpReplaceInt(arena, ptr, lastOf(arena, ptr), -1, -5);
    lpRead(bytesOf(arena, ptr), lastOf(arena, ptr));
    expect(item.isInt && item.num).toBe(-5);
  });
});
