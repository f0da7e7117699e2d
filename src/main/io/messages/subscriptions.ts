/** What one connection subscribes to: channels, patterns and shard channels, each with its place in the list there. */
import type { Channel } from './channel.js';
import { KIND_CHANNEL, KIND_PATTERN } from './kinds.js';

export class Subscriptions {
  readonly channels: Map<Channel, number> = new Map();
  readonly patterns: Map<Channel, number> = new Map();
  readonly shardChannels: Map<Channel, number> = new Map();

  of(kind: number): Map<Channel, number> {
    if (kind === KIND_CHANNEL) return this.channels;
    return kind === KIND_PATTERN ? this.patterns : this.shardChannels;
  }

  /** What confirmations of channels and patterns count. */
  get count(): number {
    return this.channels.size + this.patterns.size;
  }

  get isEmpty(): boolean {
    return this.count + this.shardChannels.size === 0;
  }
}
