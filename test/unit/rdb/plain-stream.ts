/** A stream in plain JavaScript objects, read from a dump and written to one: a model for the tests of the codec. */
import type { ForeignStreamNode, StreamIdParts } from '../../../src/shard/rdb/foreign-stream-node.js';
import { StreamIdParts as Id } from '../../../src/shard/rdb/foreign-stream-node.js';
import type { Text } from '../../../src/shard/rdb/rdb-reader.js';
import {
  type StreamBuilder,
  StreamConsumerFigures,
  StreamFigures,
  StreamGroupFigures,
  type StreamParts,
  StreamPending,
} from '../../../src/shard/types/stream/stream-codec.js';

const WORD = 0xffffffffn;

function wide(hi: number, lo: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

export function idText(id: StreamIdParts): string {
  return `${wide(id.msHi, id.msLo)}-${wide(id.seqHi, id.seqLo)}`;
}

export function setId(id: StreamIdParts, text: string): void {
  const [ms, seq] = text.split('-').map(BigInt) as [bigint, bigint];
  id.set(Number(ms >> 32n) | 0, Number(ms & WORD) | 0, Number(seq >> 32n) | 0, Number(seq & WORD) | 0);
}

function bytesOf(text: Text): Buffer {
  return Buffer.from(text.u8.slice(text.off, text.off + text.len));
}

interface Consumer {
  name: Buffer;
  seenAtMs: number;
  activeAtMs: number;
  pending: string[];
}

interface Group {
  name: Buffer;
  lastId: string;
  read: [number, number];
  pending: { id: string; atMs: number; deliveries: number; owner: Consumer | null }[];
  consumers: Consumer[];
}

export class PlainStream implements StreamBuilder, StreamParts {
  readonly list: { id: string; bytes: Buffer }[] = [];
  /** All live entries: id, then fields and values by turns. */
  readonly entries: [string, string[]][] = [];
  readonly groupList: Group[] = [];
  readonly figures = new StreamFigures();
  readonly nodeId = new Id();
  readonly node: Text = { u8: new Uint8Array(0), dv: new DataView(new ArrayBuffer(0)), off: 0, len: 0 };
  readonly group = new StreamGroupFigures();
  readonly pending = new StreamPending();
  readonly consumer = new StreamConsumerFigures();
  private atNode = 0;
  private atGroup = 0;
  private atPending = 0;
  private atConsumer = 0;
  private atOwned = 0;

  addNode(id: StreamIdParts, listpack: Text, node: ForeignStreamNode): void {
    this.list.push({ id: idText(id), bytes: bytesOf(listpack) });
    let live = 0;
    while (node.next()) {
      if (node.isDeleted) continue;
      const fields: string[] = [];
      const entryId = idText(node.id);
      while (node.nextField())
        fields.push(bytesOf(node.field).toString('latin1'), bytesOf(node.value).toString('latin1'));
      if (fields.length !== node.fields * 2) throw new Error('fields lost');
      this.entries.push([entryId, fields]);
      live++;
    }
    if (live !== node.live) throw new Error('entries lost');
  }

  setFigures(figures: StreamFigures): void {
    this.figures.length = figures.length;
    this.figures.lastId.copy(figures.lastId);
    this.figures.firstId.copy(figures.firstId);
    this.figures.maxDeletedId.copy(figures.maxDeletedId);
    this.figures.added.hi = figures.added.hi;
    this.figures.added.lo = figures.added.lo;
  }

  addGroup(group: StreamGroupFigures): boolean {
    const name = bytesOf(group.name);
    if (this.groupList.some((other) => other.name.equals(name))) return false;
    const { hi, lo } = group.read;
    this.groupList.push({ name, lastId: idText(group.lastId), read: [hi, lo], pending: [], consumers: [] });
    return true;
  }

  addPending(pending: StreamPending): boolean {
    const list = this.groupList.at(-1)!.pending;
    const id = idText(pending.id);
    if (list.some((other) => other.id === id)) return false;
    list.push({ id, atMs: pending.deliveredAtMs, deliveries: pending.deliveries, owner: null });
    return true;
  }

  addConsumer(consumer: StreamConsumerFigures): boolean {
    const list = this.groupList.at(-1)!.consumers;
    const name = bytesOf(consumer.name);
    if (list.some((other) => other.name.equals(name))) return false;
    list.push({ name, seenAtMs: consumer.seenAtMs, activeAtMs: consumer.activeAtMs, pending: [] });
    return true;
  }

  own(id: StreamIdParts): boolean {
    const group = this.groupList.at(-1)!;
    const found = group.pending.find((other) => other.id === idText(id));
    if (found === undefined || found.owner !== null) return false;
    found.owner = group.consumers.at(-1)!;
    found.owner.pending.push(found.id);
    return true;
  }

  allOwned(): boolean {
    return this.groupList.at(-1)!.pending.every(({ owner }) => owner !== null);
  }

  get nodes(): number {
    return this.list.length;
  }

  get groups(): number {
    return this.groupList.length;
  }

  nextNode(): boolean {
    const node = this.list[this.atNode++];
    if (node === undefined) return false;
    setId(this.nodeId, node.id);
    this.node.u8 = node.bytes;
    this.node.len = node.bytes.length;
    return true;
  }

  nextGroup(): boolean {
    const group = this.groupList[this.atGroup++];
    if (group === undefined) return false;
    this.group.name.u8 = group.name;
    this.group.name.len = group.name.length;
    setId(this.group.lastId, group.lastId);
    [this.group.read.hi, this.group.read.lo] = group.read;
    this.group.pending = group.pending.length;
    this.group.consumers = group.consumers.length;
    this.atPending = 0;
    this.atConsumer = 0;
    return true;
  }

  nextPending(): boolean {
    const pending = this.groupList[this.atGroup - 1]!.pending[this.atPending++];
    if (pending === undefined) return false;
    setId(this.pending.id, pending.id);
    this.pending.deliveredAtMs = pending.atMs;
    this.pending.deliveries = pending.deliveries;
    return true;
  }

  nextConsumer(): boolean {
    const consumer = this.groupList[this.atGroup - 1]!.consumers[this.atConsumer++];
    if (consumer === undefined) return false;
    this.consumer.name.u8 = consumer.name;
    this.consumer.name.len = consumer.name.length;
    this.consumer.seenAtMs = consumer.seenAtMs;
    this.consumer.activeAtMs = consumer.activeAtMs;
    this.consumer.pending = consumer.pending.length;
    this.atOwned = 0;
    return true;
  }

  nextOwned(): boolean {
    const id = this.groupList[this.atGroup - 1]!.consumers[this.atConsumer - 1]!.pending[this.atOwned++];
    if (id === undefined) return false;
    setId(this.pending.id, id);
    return true;
  }
}
