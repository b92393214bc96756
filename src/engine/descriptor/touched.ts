/**
 * The connections that have wishes, in the order in which they were touched. Those that have little to send go before those
 * that have much, of which a share alone is sent before the kernel is asked for news again: an answer of a few bytes does
 * not wait until all who download have been served.
 */
import { moveWithin } from '../../base/move-within.ts';
import { type DescriptorConnection, TOUCHED } from './connection.ts';
import { SMALL_BLOCK_BYTES } from './send-pool.ts';
import type { TurnTime } from './turn-time.ts';

/** A connection that has more to send waits for those that have less. */
const LITTLE_BYTES = SMALL_BLOCK_BYTES;
/** What is sent of much before the kernel is asked for news: some 0.1 ms. */
const MUCH_PER_LOOK_BYTES = 128 * 1024;
/** What one connection sends at once counts for no more than a block. */
const COUNTED_BYTES_MAX = 64 * 1024;
/** A list that once was longer is given to the garbage collector when it is empty. */
const KEPT_MAX = 4096;

/** What looking at them needs of the engine. */
export interface Advancing<C extends DescriptorConnection> {
  /** Does what `conn` wishes. */
  readonly advance: (conn: C) => void;
  /** Whether one can be advanced. */
  readonly hasRoom: () => boolean;
  readonly time: TurnTime;
}

export class Touched<C extends DescriptorConnection> {
  #list: C[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @hot */
  add(conn: C): void {
    conn.flags |= TOUCHED;
    this.#list[this.#count++] = conn;
  }

  /**
   * Looks at each connection once, as far as there is room and the turn has time; the rest keep waiting. What is touched
   * meanwhile is for the next time.
   * @hot
   */
  flush(engine: Advancing<C>): void {
    const end = this.#count;
    if (end === 0) return;
    const list = this.#list;
    // list[doneLarge..kept) have much to send and wait; those from `at` on have not been looked at.
    let at = 0;
    let kept = 0;
    let doneLarge = 0;
    let begun: C | undefined;
    try {
      while (at < end) {
        const conn = list[at]!;
        if (conn.unsentBytes > LITTLE_BYTES) {
          list[kept++] = conn;
          at++;
          continue;
        }
        if (!engine.hasRoom()) break;
        at++;
        begun = conn;
        conn.flags &= ~TOUCHED;
        engine.advance(conn);
        begun = undefined;
        if (engine.time.isWhollySpent()) break;
      }
      // At least one has its share in each turn, even where those with little have taken all of its time.
      for (let left = MUCH_PER_LOOK_BYTES; left > 0 && doneLarge < kept && engine.hasRoom(); ) {
        begun = list[doneLarge++]!;
        left -= Math.min(begun.unsentBytes, COUNTED_BYTES_MAX);
        begun.flags &= ~TOUCHED;
        engine.advance(begun);
        begun = undefined;
        if (engine.time.isWhollySpent()) break;
      }
    } finally {
      if (kept > doneLarge) moveWithin(list, 0, doneLarge, kept);
      kept -= doneLarge;
      if (at < this.#count) moveWithin(list, kept, at, this.#count);
      this.#count -= at - kept;
      if (this.#count === 0 && list.length > KEPT_MAX) this.#list = [];
      // A callback threw, and not all that the connection wishes has been done.
      if (begun !== undefined && (begun.flags & TOUCHED) === 0) this.add(begun);
    }
  }
}
