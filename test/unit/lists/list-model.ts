/** Lists as plain arrays: what every list command should answer and leave behind. */
import type { Value } from '../../harness/resp-client.js';
import type { Word } from '../engine-harness.js';

/** The contents of all lists by key. */
export class Model {
  readonly lists = new Map<string, string[]>();

  run(words: readonly Word[]): Value {
    const [name, ...args] = words.map(String) as [string, ...string[]];
    switch (name) {
      case 'LPUSH':
      case 'RPUSH':
        return this.push(args, name === 'LPUSH');
      case 'LPUSHX':
      case 'RPUSHX':
        return this.lists.has(args[0]!) ? this.push(args, name === 'LPUSHX') : 0;
      case 'LPOP':
      case 'RPOP':
        return this.pop(args, name === 'LPOP');
      case 'LLEN':
        return this.at(args[0]!).length;
      case 'LRANGE':
        return this.range(args);
      case 'LINDEX':
        return this.at(args[0]!).at(Number(args[1])) ?? null;
      case 'LSET':
        return this.set(args);
      case 'LINSERT':
        return this.insert(args);
      case 'LREM':
        return this.remove(args);
      case 'LTRIM':
        this.store(args[0]!, this.range(args) as string[]);
        return 'OK';
      case 'LPOS':
        return this.positions(args);
      case 'LMOVE':
        return this.move(args);
      case 'LMPOP':
        return this.popFirst(args);
      case 'COPY':
        if (!this.lists.has(args[0]!) || args[0] === args[1]) return args[0] === args[1] ? 'same' : 0;
        this.store(args[1]!, [...this.at(args[0]!)]);
        return 1;
      case 'DEL':
        return this.lists.delete(args[0]!) ? 1 : 0;
      default:
        throw new Error(name);
    }
  }

  at(key: string): string[] {
    return this.lists.get(key) ?? [];
  }

  private store(key: string, list: string[]): void {
    if (list.length === 0) this.lists.delete(key);
    else this.lists.set(key, list);
  }

  private push([key, ...values]: string[], head: boolean): number {
    const list = this.at(key!);
    const next = head ? [...values.reverse(), ...list] : [...list, ...values];
    this.store(key!, next);
    return next.length;
  }

  private pop([key, count]: string[], head: boolean): Value {
    const list = this.at(key!);
    if (list.length === 0) return null;
    const n = Math.min(count === undefined ? 1 : Number(count), list.length);
    const out = head ? list.splice(0, n) : list.splice(list.length - n, n).reverse();
    this.store(key!, list);
    return count === undefined ? out[0]! : out;
  }

  private range([key, first, last]: string[]): Value {
    const list = this.at(key!);
    const start = Math.max(Number(first) < 0 ? Number(first) + list.length : Number(first), 0);
    const end = Number(last) < 0 ? Number(last) + list.length : Number(last);
    return list.slice(start, Math.max(end + 1, 0));
  }

  private set([key, index, value]: string[]): Value {
    const list = this.at(key!);
    if (list.length === 0) return 'ERR no such key';
    if (list.at(Number(index)) === undefined) return 'ERR index out of range';
    list[Number(index) < 0 ? Number(index) + list.length : Number(index)] = value!;
    return 'OK';
  }

  private insert([key, where, pivot, value]: string[]): number {
    const list = this.at(key!);
    if (list.length === 0) return 0;
    const at = list.indexOf(pivot!);
    if (at < 0) return -1;
    list.splice(where === 'AFTER' ? at + 1 : at, 0, value!);
    return list.length;
  }

  private remove([key, count, value]: string[]): number {
    const limit = Number(count) === 0 ? Number.POSITIVE_INFINITY : Math.abs(Number(count));
    let list = this.at(key!);
    if (Number(count) < 0) list.reverse();
    let n = 0;
    list = list.filter((element) => element !== value || n++ >= limit);
    if (Number(count) < 0) list.reverse();
    this.store(key!, list);
    return Math.min(n, limit);
  }

  private positions([key, value, ...options]: string[]): Value {
    const option = (word: string): number => (options.includes(word) ? Number(options[options.indexOf(word) + 1]) : 0);
    const list = this.at(key!);
    const rank = options.includes('RANK') ? option('RANK') : 1;
    const indexes = list.map((_, i) => i);
    if (rank < 0) indexes.reverse();
    const looked = option('MAXLEN') === 0 ? indexes : indexes.slice(0, option('MAXLEN'));
    const found = looked.filter((i) => list[i] === value).slice(Math.abs(rank) - 1);
    if (!options.includes('COUNT')) return found[0] ?? null;
    return option('COUNT') === 0 ? found : found.slice(0, option('COUNT'));
  }

  private move([src, dst, from, to]: string[]): Value {
    const value = this.pop([src!], from === 'LEFT');
    if (value !== null) this.push([dst!, value as string], to === 'LEFT');
    return value;
  }

  private popFirst([, a, b, side, , count]: string[]): Value {
    const key = [a!, b!].find((name) => this.lists.has(name));
    return key === undefined ? null : [key, this.pop([key, count!], side === 'LEFT')];
  }
}
