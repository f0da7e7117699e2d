import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createMember,
  elementName,
  elementNumber,
  name,
  setElementNumber,
} from '../../../src/shard/structures/element.js';
import { createTableRoot, ROOT_TYPE_WORD } from '../../../src/shard/structures/element-table.js';
import { ScoreCursor } from '../../../src/shard/structures/score-cursor.js';
import { ScoreTree } from '../../../src/shard/structures/score-tree.js';
import { checkTree, freeTreeStep, treeCellBytes } from '../../../src/shard/structures/score-tree-cells.js';
import type { Arena } from '../../../src/shared/memory/arena.js';
import { NULL, type Ptr } from '../../../src/shared/memory/ptr.js';
import { SeededRandom } from '../../harness/random.js';
import { TestEngine } from '../engine-harness.js';

const W = ROOT_TYPE_WORD;

interface Entry {
  score: number;
  readonly text: string;
  readonly el: Ptr;
}

function byScoreAndName(a: Entry, b: Entry): number {
  if (a.score !== b.score) return a.score - b.score;
  return a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'latin1'));
}

function create(arena: Arena, text: string, score: number): Entry {
  const b = bytesOf(text);
  return { text, score, el: createMember(arena, b, new DataView(b.buffer), 0, b.length, true, score) };
}

function fill(arena: Arena, scores: readonly number[]): { root: Ptr; tree: ScoreTree } {
  const root = createTableRoot(arena);
  const tree = new ScoreTree().open(arena, root, W);
  scores.forEach((score, i) => {
    tree.insert(score, create(arena, `member:${i}`, score).el);
  });
  return { root, tree };
}

/** Part of the leaves' room that is in use. */
function density(arena: Arena, root: Ptr, count: number): number {
  return (count * 12) / treeCellBytes(arena, root, W);
}

describe('score tree', () => {
  it('keeps entries in the order of score and name under random changes', () => {
    const step = fc.tuple(fc.nat(99), fc.nat(1e6), fc.constantFrom(1, 2, 5, 1000));
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 1200 }), fc.boolean(), (steps, shrinking) => {
        const arena = new TestEngine().arenas[0]!;
        const root = createTableRoot(arena);
        const tree = new ScoreTree().open(arena, root, W);
        let model: Entry[] = [];
        const grow = (seed: number, n: number): void => {
          for (let i = 0; i < n; i++) {
            const entry = create(arena, `m${seed}.${i}`, (seed * 7919 + i * 31) % 500);
            model.push(entry);
            tree.insert(entry.score, entry.el);
          }
        };
        grow(1, shrinking ? 2500 : 0);
        for (const [kind, x, range] of steps) {
          if (kind < (shrinking ? 20 : 60) || model.length === 0) {
            const entry = create(arena, `n${model.length}.${x}`, x % range);
            if (model.some((other) => other.text === entry.text)) continue;
            model.push(entry);
            tree.insert(entry.score, entry.el);
          } else if (kind < 80) {
            const at = x % model.length;
            const [entry] = model.splice(at, 1);
            const once = tree.remove(entry!.score, entry!.el) && !tree.remove(entry!.score, entry!.el);
            if (!once) expect.fail(`${entry!.text} is removed once`);
          } else {
            const entry = model[x % model.length]!;
            const next = range === 1 ? entry.score + 1 : x % range;
            tree.move(entry.score, entry.el, next);
            setElementNumber(arena, entry.el, next);
            entry.score = next;
          }
        }
        expect(checkTree(arena, root, W)).toEqual([]);
        model = model.sort(byScoreAndName);
        expect(tree.count).toBe(model.length);
        model.forEach((entry, rank) => {
          if (tree.at(rank) !== entry.el) expect.fail(`another entry than ${entry.text} is at ${rank}`);
          if (tree.rankOf(entry.score, entry.el) !== rank) expect.fail(`${entry.text} is not at ${rank}`);
        });
        expect(tree.at(model.length)).toBe(NULL);
        expect(tree.at(-1)).toBe(NULL);
        for (const score of [-1, 0, 1, 2, 2.5, 250, 999, 1e9]) {
          expect(tree.rankOfScore(score, false)).toBe(model.filter((entry) => entry.score < score).length);
          expect(tree.rankOfScore(score, true)).toBe(model.filter((entry) => entry.score <= score).length);
        }
        const cursor = new ScoreCursor();
        const start = model.length >> 1;
        cursor.open(arena, root, W, start);
        for (let i = start; i < model.length; i++) expect(cursor.next()).toBe(model[i]!.el);
        expect(cursor.next()).toBe(NULL);
        cursor.open(arena, root, W, start);
        if (model.length > 0) for (let i = start; i >= 0; i--) expect(cursor.previous()).toBe(model[i]!.el);
        expect(cursor.previous()).toBe(NULL);
      }),
      { numRuns: 25 },
    );
  });

  it('empties to nothing and can be filled again', () => {
    const arena = new TestEngine().arenas[0]!;
    const random = new SeededRandom(7);
    const before = arena.usedBytes;
    const root = createTableRoot(arena);
    const tree = new ScoreTree().open(arena, root, W);
    const rootBytes = arena.usedBytes - before;
    const entries = Array.from({ length: 20_000 }, (_, i) => create(arena, `e${i}`, random.below(1000)));
    const elements = arena.usedBytes - rootBytes;
    for (let round = 0; round < 2; round++) {
      for (const entry of entries) tree.insert(entry.score, entry.el);
      expect(checkTree(arena, root, W)).toEqual([]);
      const rest = [...entries].sort(() => random.below(3) - 1);
      while (rest.length > 0) {
        const entry = rest.pop()!;
        if (!tree.remove(entry.score, entry.el)) expect.fail(`${entry.text} is lost`);
        if (rest.length % 2500 === 0) expect(checkTree(arena, root, W)).toEqual([]);
      }
      expect(tree.count).toBe(0);
      expect(arena.usedBytes).toBe(elements + rootBytes);
    }
  });

  it.each([
    ['ascending', (i: number) => i, 0.9],
    ['descending', (i: number) => -i, 0.9],
    ['random', (i: number) => (i * 48271) % 65537, 0.75],
    ['equal', () => 5, 0.7],
  ] as const)('stays dense when scores are %s', (_title, scoreOf, least) => {
    const arena = new TestEngine().arenas[0]!;
    const n = 30_000;
    const { root } = fill(
      arena,
      Array.from({ length: n }, (_, i) => scoreOf(i)),
    );
    expect(checkTree(arena, root, W)).toEqual([]);
    expect(density(arena, root, n)).toBeGreaterThan(least);
  });

  it('stays dense when entries go', () => {
    const arena = new TestEngine().arenas[0]!;
    const random = new SeededRandom(11);
    const n = 30_000;
    const { root, tree } = fill(
      arena,
      Array.from({ length: n }, () => random.below(1e9)),
    );
    while (tree.count > n / 10) {
      const el = tree.at(random.below(tree.count));
      tree.remove(elementNumber(arena, el), el);
    }
    expect(checkTree(arena, root, W)).toEqual([]);
    expect(density(arena, root, tree.count)).toBeGreaterThan(0.45);
  });

  it('finds names when all scores are equal', () => {
    const arena = new TestEngine().arenas[0]!;
    const { root, tree } = fill(arena, Array(3000).fill(0));
    const names: string[] = [];
    const cursor = new ScoreCursor().open(arena, root, W, 0);
    for (let el = cursor.next(); el !== 0; el = cursor.next()) {
      elementName(arena, el);
      names.push(Buffer.from(name.u8.slice(name.off, name.off + name.len)).toString());
    }
    expect(names).toEqual([...names].sort());
    for (const text of ['', 'a', 'member:', 'member:1', 'member:17', 'member:2999', 'member:999', 'z']) {
      const b = bytesOf(text);
      expect(tree.rankOfName(b, 0, b.length, false)).toBe(names.filter((other) => other < text).length);
      expect(tree.rankOfName(b, 0, b.length, true)).toBe(names.filter((other) => other <= text).length);
    }
  });

  it('is freed in bounded steps', () => {
    const arena = new TestEngine().arenas[0]!;
    const { root } = fill(
      arena,
      Array.from({ length: 5000 }, (_, i) => i),
    );
    const bytes = treeCellBytes(arena, root, W);
    const before = arena.usedBytes;
    let steps = 1;
    while (!freeTreeStep(arena, root, W, 4)) {
      steps++;
      expect(arena.usedBytes).toBe(before - bytes + treeCellBytes(arena, root, W));
    }
    expect(steps).toBeGreaterThan(10);
    expect(arena.usedBytes).toBe(before - bytes);
  });

  it('keeps the sign of zero', () => {
    const arena = new TestEngine().arenas[0]!;
    const { root, tree } = fill(arena, Array(200).fill(0));
    const el = tree.at(100);
    tree.move(0, el, -0);
    expect(tree.at(100)).toBe(el);
    expect(checkTree(arena, root, W)).toEqual([]);
    expect(Object.is(new ScoreCursor().open(arena, root, W, 100).next(), el)).toBe(true);
  });
});
