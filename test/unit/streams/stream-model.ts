/** Streams as plain arrays and maps, ids as big integers: what the commands of the property test ought to answer. */
import type { Value } from '../../harness/resp-client.js';
import type { Word } from '../engine-harness.js';

const TWO_64 = 2n ** 64n;
const LAST = TWO_64 * TWO_64 - 1n;

export const idText = (id: bigint): string => `${id / TWO_64}-${id % TWO_64}`;

/** "ms-seq", "ms", "-", "+", each perhaps after "(" . */
function parse(text: string, high: boolean): bigint {
  if (text === '-') return 0n;
  if (text === '+') return LAST;
  const [ms, seq] = text.split('-');
  return BigInt(ms!) * TWO_64 + (seq === undefined ? (high ? TWO_64 - 1n : 0n) : BigInt(seq));
}

function bound(text: string, high: boolean): bigint {
  if (!text.startsWith('(')) return parse(text, high);
  return parse(text.slice(1), high) + (high ? -1n : 1n);
}

interface Entry {
  readonly id: bigint;
  readonly words: readonly string[];
}

interface Pending {
  consumer: string;
  deliveries: number;
}

class Group {
  last: bigint;
  readonly pending = new Map<bigint, Pending>();
  readonly consumers = new Set<string>();
  constructor(last: bigint) {
    this.last = last;
  }

  /** Pending entries in order, those of one consumer only if it is given. */
  ids(consumer?: string): bigint[] {
    const all = [...this.pending].filter(([, nack]) => consumer === undefined || nack.consumer === consumer);
    return all.map(([id]) => id).sort((a, b) => (a < b ? -1 : 1));
  }
}

export class Stream {
  entries: Entry[] = [];
  last = 0n;
  readonly groups = new Map<string, Group>();
}

const shown = (entry: Entry): Value => [idText(entry.id), [...entry.words]];

export class Model {
  readonly keys = new Map<string, Stream>();

  private stream(key: string): Stream {
    let stream = this.keys.get(key);
    if (stream === undefined) this.keys.set(key, (stream = new Stream()));
    return stream;
  }

  /** What the entry of an id is shown as, undefined when there is none. */
  private find(key: string, id: bigint): Entry | undefined {
    return this.keys.get(key)?.entries.find((entry) => entry.id === id);
  }

  /** The reply to a command; `got` is what was answered where that is the server's choice (approximate trimming). */
  run(words: readonly Word[], got: Value): Value {
    const [command, key, ...rest] = words.map(String) as [string, string, ...string[]];
    switch (command) {
      case 'XADD':
        return this.add(key, rest);
      case 'XLEN':
        return this.keys.get(key)?.entries.length ?? 0;
      case 'XRANGE':
        return this.range(key, rest[0]!, rest[1]!, rest[3], false);
      case 'XREVRANGE':
        return this.range(key, rest[1]!, rest[0]!, rest[3], true);
      case 'XDEL':
        return this.delete(key, rest);
      case 'XTRIM':
        return this.trim(key, rest, got);
      case 'XGROUP':
        return this.group(key, rest);
      case 'XREADGROUP':
        return this.readGroup([key, ...rest]);
      case 'XREAD':
        return this.read([key, ...rest]);
      case 'XACK':
        return this.ack(key, rest);
      case 'XPENDING':
        return this.pendingSummary(key, rest[0]!);
      case 'XCLAIM':
        return this.claim(key, rest);
      case 'XAUTOCLAIM':
        return this.autoclaim(key, rest);
      case 'DEL':
        return this.keys.delete(key) ? 1 : 0;
      case 'COPY':
        return this.copy(key, rest[0]!);
      default:
        throw new Error(command);
    }
  }

  private add(key: string, rest: readonly string[]): Value {
    const exists = this.keys.has(key);
    let at = 0;
    let maxlen = -1;
    if (rest[0] === 'MAXLEN') {
      maxlen = Number(rest[1]);
      at = 2;
    }
    const stream = exists ? this.stream(key) : new Stream();
    const text = rest[at]!;
    let id: bigint;
    if (text.endsWith('-*')) {
      const ms = BigInt(text.slice(0, -2));
      id = stream.last / TWO_64 === ms ? stream.last + 1n : ms * TWO_64;
    } else id = parse(text, false);
    if (id === 0n) return 'ERR The ID specified in XADD must be greater than 0-0';
    if (id <= stream.last) return 'ERR The ID specified in XADD is equal or smaller than the target stream top item';
    this.keys.set(key, stream);
    stream.entries.push({ id, words: rest.slice(at + 1) });
    stream.last = id;
    if (maxlen >= 0) stream.entries.splice(0, Math.max(0, stream.entries.length - maxlen));
    return idText(id);
  }

  private range(key: string, low: string, high: string, count: string | undefined, backwards: boolean): Value {
    const [from, to] = [bound(low, false), bound(high, true)];
    const found = (this.keys.get(key)?.entries ?? []).filter((entry) => entry.id >= from && entry.id <= to);
    if (backwards) found.reverse();
    return found.slice(0, count === undefined ? found.length : Number(count)).map(shown);
  }

  private delete(key: string, ids: readonly string[]): Value {
    const stream = this.keys.get(key);
    if (stream === undefined) return 0;
    const before = stream.entries.length;
    for (const text of ids) stream.entries = stream.entries.filter((entry) => entry.id !== parse(text, false));
    return before - stream.entries.length;
  }

  private trim(key: string, rest: readonly string[], got: Value): Value {
    const stream = this.keys.get(key);
    if (stream === undefined) return 0;
    const approximate = rest[1] === '~';
    const limit = rest.at(-1)!;
    const { entries } = stream;
    let most = entries.length - Number(limit);
    if (rest[0] === 'MINID') most = entries.findIndex((entry) => entry.id >= parse(limit, false));
    if (rest[0] === 'MINID' && most < 0) most = entries.length;
    most = Math.max(most, 0);
    const removed = approximate && Number(got) >= 0 && Number(got) <= most ? Number(got) : most;
    entries.splice(0, removed);
    return removed;
  }

  private copy(key: string, to: string): Value {
    const from = this.keys.get(key);
    if (from === undefined) return 0;
    const copy = new Stream();
    copy.entries = [...from.entries];
    copy.last = from.last;
    for (const [name, group] of from.groups) {
      const other = new Group(group.last);
      for (const consumer of group.consumers) other.consumers.add(consumer);
      for (const [id, nack] of group.pending) other.pending.set(id, { ...nack });
      copy.groups.set(name, other);
    }
    this.keys.set(to, copy);
    return 1;
  }

  // ---- groups

  private group(subcommand: string, rest: readonly string[]): Value {
    const [key, name, third] = rest as [string, string, string];
    if (subcommand === 'CREATE') {
      const stream = this.stream(key);
      if (stream.groups.has(name)) return 'BUSYGROUP Consumer Group name already exists';
      stream.groups.set(name, new Group(third === '$' ? stream.last : parse(third, false)));
      return 'OK';
    }
    const stream = this.keys.get(key);
    if (stream === undefined) {
      return (
        'ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM ' +
        'option to create an empty stream automatically.'
      );
    }
    if (subcommand === 'DESTROY') return stream.groups.delete(name) ? 1 : 0;
    const group = stream.groups.get(name);
    if (group === undefined) return `NOGROUP No such consumer group '${name}' for key name '${key}'`;
    if (subcommand === 'SETID') {
      group.last = third === '$' ? stream.last : parse(third, false);
      return 'OK';
    }
    if (subcommand === 'CREATECONSUMER') {
      const known = group.consumers.has(third);
      group.consumers.add(third);
      return known ? 0 : 1;
    }
    const ids = group.ids(third);
    for (const id of ids) group.pending.delete(id);
    group.consumers.delete(third);
    return ids.length;
  }

  /** GROUP g c [COUNT n] [NOACK] STREAMS key id */
  private readGroup(words: readonly string[]): Value {
    const [name, consumer] = [words[1]!, words[2]!];
    const [key, id] = words.slice(-2) as [string, string];
    const count = words[3] === 'COUNT' ? Number(words[4]) : Number.MAX_SAFE_INTEGER;
    const group = this.keys.get(key)?.groups.get(name);
    if (group === undefined) {
      return `NOGROUP No such key '${key}' or consumer group '${name}' in XREADGROUP with GROUP option`;
    }
    group.consumers.add(consumer);
    if (id !== '>') {
      const ids = group.ids(consumer).filter((pending) => pending > parse(id, false));
      const list = ids.slice(0, count).map((pending) => {
        const entry = this.find(key, pending);
        if (entry === undefined) return [idText(pending), null];
        group.pending.get(pending)!.deliveries++;
        return shown(entry);
      });
      return [[key, list]];
    }
    const fresh = this.keys.get(key)!.entries.filter((entry) => entry.id > group.last);
    if (fresh.length === 0) return null;
    const taken = fresh.slice(0, count);
    for (const entry of taken) {
      group.last = entry.id;
      if (!words.includes('NOACK')) group.pending.set(entry.id, { consumer, deliveries: 1 });
    }
    return [[key, taken.map(shown)]];
  }

  /** COUNT n STREAMS key id */
  private read(words: readonly string[]): Value {
    const [key, id] = words.slice(-2) as [string, string];
    const fresh = (this.keys.get(key)?.entries ?? []).filter((entry) => entry.id > parse(id, false));
    return fresh.length === 0 ? null : [[key, fresh.slice(0, Number(words[1])).map(shown)]];
  }

  private ack(key: string, rest: readonly string[]): Value {
    const group = this.keys.get(key)?.groups.get(rest[0]!);
    if (group === undefined) return 0;
    return rest.slice(1).filter((id) => group.pending.delete(parse(id, false))).length;
  }

  private pendingSummary(key: string, name: string): Value {
    const group = this.keys.get(key)?.groups.get(name);
    if (group === undefined) return `NOGROUP No such key '${key}' or consumer group '${name}'`;
    const ids = group.ids();
    if (ids.length === 0) return [0, null, null, null];
    const owners = [...group.consumers].filter((consumer) => group.ids(consumer).length > 0).sort();
    const counts = owners.map((consumer) => [consumer, String(group.ids(consumer).length)]);
    return [ids.length, idText(ids[0]!), idText(ids.at(-1)!), counts];
  }

  /** key g c 0 id ... [FORCE] JUSTID */
  private claim(key: string, rest: readonly string[]): Value {
    const [name, consumer] = rest as [string, string];
    const group = this.keys.get(key)?.groups.get(name);
    if (group === undefined) return `NOGROUP No such key '${key}' or consumer group '${name}'`;
    const options = rest.filter((word) => /^[A-Z]+$/.test(word));
    const ids = rest.slice(3, rest.length - options.length);
    group.consumers.add(consumer);
    const claimed: Value[] = [];
    for (const text of ids) {
      const id = parse(text, false);
      const entry = this.find(key, id);
      if (entry === undefined) {
        group.pending.delete(id);
        continue;
      }
      const nack = group.pending.get(id);
      if (nack === undefined && !options.includes('FORCE')) continue;
      const justId = options.includes('JUSTID');
      group.pending.set(id, { consumer, deliveries: (nack?.deliveries ?? 1) + (justId ? 0 : 1) });
      claimed.push(justId ? idText(id) : shown(entry));
    }
    return claimed;
  }

  /** key g c 0 start COUNT n [JUSTID] */
  private autoclaim(key: string, rest: readonly string[]): Value {
    const [name, consumer, , start, , number] = rest as [string, string, string, string, string, string];
    const group = this.keys.get(key)?.groups.get(name);
    if (group === undefined) return `NOGROUP No such key '${key}' or consumer group '${name}'`;
    group.consumers.add(consumer);
    const claimed: Value[] = [];
    const gone: Value[] = [];
    const ids = group.ids().filter((id) => id >= parse(start, false));
    for (const id of ids.splice(0, Number(number))) {
      const entry = this.find(key, id);
      if (entry === undefined) {
        group.pending.delete(id);
        gone.push(idText(id));
        continue;
      }
      const nack = group.pending.get(id)!;
      nack.consumer = consumer;
      const justId = rest.at(-1) === 'JUSTID';
      if (!justId) nack.deliveries++;
      claimed.push(justId ? idText(id) : shown(entry));
    }
    return [ids.length === 0 ? '0-0' : idText(ids[0]!), claimed, gone];
  }
}
