/**
 * Latency events (LATENCY HISTORY and its kin): what took longer than `latency-monitor-threshold`, in memory that all
 * threads share. An event keeps the worst of each second, SAMPLES of them.
 *
 *     words per event   0: samples ever   1: the greatest, ms   from 2 on: SAMPLES pairs of seconds and ms
 *
 * Invariant: two threads that add at the same moment may lose one sample, never spoil others.
 */
import { LATENCY_EVENT_KINDS, LATENCY_EVENT_WORDS, LATENCY_SAMPLES } from '../limits.js';
import type { ControlBlock } from '../sync/control-block.js';

const COUNT = 0;
const MAX = 1;
const FIRST = 2;

/** The events that are watched, by index. */
export const LATENCY_EVENTS: readonly string[] = ['command', 'fast-command', 'expire-cycle'];
export const EVENT_COMMAND = 0;
export const EVENT_FAST_COMMAND = 1;
export const EVENT_EXPIRE_CYCLE = 2;
if (LATENCY_EVENTS.length !== LATENCY_EVENT_KINDS) throw new Error('latency events: one of them has no room');

/** When (seconds since 1970) something took how long. */
export type LatencySample = readonly [seconds: number, ms: number];

export class LatencyEvents {
  private readonly control: ControlBlock;
  private readonly words: Int32Array;

  constructor(control: ControlBlock) {
    this.control = control;
    this.words = control.latencyEvents();
  }

  /** Adds a sample of an event. */
  add(event: number, ms: number): void {
    const { words } = this;
    const at = event * LATENCY_EVENT_WORDS;
    const seconds = Math.floor(this.control.nowMs() / 1000);
    const whole = Math.floor(ms);
    if (whole > words[at + MAX]!) words[at + MAX] = whole;
    const count = Atomics.load(words, at + COUNT);
    const last = at + FIRST + 2 * ((count + LATENCY_SAMPLES - 1) % LATENCY_SAMPLES);
    if (count > 0 && words[last] === seconds) {
      if (whole > words[last + 1]!) words[last + 1] = whole;
      return;
    }
    const slot = at + FIRST + 2 * (count % LATENCY_SAMPLES);
    words[slot] = seconds;
    words[slot + 1] = whole;
    Atomics.store(words, at + COUNT, count + 1);
  }

  /** The samples of an event, the oldest first. */
  samples(event: number): LatencySample[] {
    const at = event * LATENCY_EVENT_WORDS;
    const count = Atomics.load(this.words, at + COUNT);
    const found: LatencySample[] = [];
    for (let i = Math.max(0, count - LATENCY_SAMPLES); i < count; i++) {
      const slot = at + FIRST + 2 * (i % LATENCY_SAMPLES);
      found.push([this.words[slot]!, this.words[slot + 1]!]);
    }
    return found;
  }

  /** The greatest ever, ms. */
  max(event: number): number {
    return this.words[event * LATENCY_EVENT_WORDS + MAX]!;
  }

  /** Forgets an event; whether there was something. */
  reset(event: number): boolean {
    const at = event * LATENCY_EVENT_WORDS;
    const any = Atomics.load(this.words, at + COUNT) !== 0;
    this.words.fill(0, at, at + LATENCY_EVENT_WORDS);
    return any;
  }
}
