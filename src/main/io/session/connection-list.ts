/**
 * A list of connections that is processed and emptied once per turn of the event loop. It keeps its room: an array
 * whose `length` is set to 0 gives its elements back to the heap and grows anew in the next turn, step by step.
 *
 * Invariant: the places from `count` on hold null, so that no closed connection is kept alive.
 */
import { invariant } from '../../../shared/errors/invariant.js';
import type { Connection } from './connection.js';

/** Room of more places than this is not kept. */
const PLACES_KEPT = 4096;

export class ConnectionList {
  count = 0;
  private places: (Connection | null)[] = [];

  // hot
  add(conn: Connection): void {
    const { count, places } = this;
    if (count < places.length) places[count] = conn;
    else places.push(conn);
    this.count = count + 1;
  }

  /** hot: the one at place `i`. @requires i < count */
  at(i: number): Connection {
    invariant(i < this.count, 'i < count');
    return this.places[i]!;
  }

  // hot
  clear(): void {
    const { count, places } = this;
    this.count = 0;
    if (count > PLACES_KEPT) this.places = [];
    else for (let i = 0; i < count; i++) places[i] = null;
  }

  /** Takes out the first `count`. */
  dropFirst(count: number): void {
    this.places = this.places.slice(count, this.count);
    this.count -= count;
  }
}
