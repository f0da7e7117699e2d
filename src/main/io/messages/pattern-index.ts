/**
 * PatternIndex: the patterns that this I/O thread's clients subscribe to, indexed by their prefix: the text before the
 * first special character. A message is compared only with patterns whose prefix begins the message's channel.
 *
 *     user:* , user:?:x      -> 'user:'  [two patterns]
 *     *:done , [ab]x         -> ''       [two patterns]
 *
 * Invariant: a pattern stands at `listIndex` of the list of its prefix; a list is not empty.
 */

import { invariant } from '../../../shared/errors/invariant.js';
import type { Channel } from './channel.js';
import { PrefixTree } from './prefix-tree.js';

/** Longer beginnings tell no more apart. */
const BEGINNING_MAX = 64;
const NONE: readonly (readonly Channel[])[] = [];

function beginningOf(name: string): string {
  const special = name.slice(0, BEGINNING_MAX).search(/[*?[\\]/);
  return name.slice(0, special < 0 ? BEGINNING_MAX : special);
}

export class PatternIndex {
  size = 0;
  private readonly lists: PrefixTree<Channel[]> = new PrefixTree();

  add(pattern: Channel): void {
    const beginning = beginningOf(pattern.name);
    let list = this.lists.get(beginning);
    if (list === undefined) {
      list = [];
      this.lists.set(beginning, list);
    }
    pattern.listIndex = list.length;
    list.push(pattern);
    this.size++;
  }

  /** @requires the pattern is there */
  remove(pattern: Channel): void {
    invariant(this.lists.get(beginningOf(pattern.name))?.[pattern.listIndex] === pattern, 'the pattern is there');
    const beginning = beginningOf(pattern.name);
    const list = this.lists.get(beginning)!;
    const last = list.pop()!;
    if (last !== pattern) {
      list[pattern.listIndex] = last;
      last.listIndex = pattern.listIndex;
    }
    if (list.length === 0) this.lists.delete(beginning);
    this.size--;
  }

  /** Lists of the patterns that may match a channel (one char a byte). They are the index's own. */
  candidates(channel: string): readonly (readonly Channel[])[] {
    return this.size === 0 ? NONE : this.lists.prefixesOf(channel);
  }
}
