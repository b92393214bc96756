/**
 * A first-in first-out queue with a bound, in a ring that is allocated once. Being full is an ordinary
 * answer, not an error: whoever puts something in decides what to do then. A place that is left is
 * cleared, so the queue keeps nothing alive that it no longer holds.
 */
import { assert } from './assert.ts';

export class BoundedQueue<T> {
  readonly capacity: number;
  readonly #places: (T | undefined)[];
  /** Ring length minus 1; the ring is a power of two, so that an index wraps by a mask. */
  readonly #mask: number;
  #head = 0;
  #length = 0;

  /** @param capacity items that fit, 1 to 2^24 */
  constructor(capacity: number) {
    assert(Number.isInteger(capacity) && capacity >= 1 && capacity <= 2 ** 24, 'a queue needs a bound');
    this.capacity = capacity;
    const size = 2 ** Math.ceil(Math.log2(capacity));
    this.#mask = size - 1;
    this.#places = [];
    // Pushed one by one: `new Array(size)` would be holey, and every read of it slower.
    for (let place = 0; place < size; place++) this.#places.push(undefined);
  }

  get length(): number {
    return this.#length;
  }

  get isFull(): boolean {
    return this.#length === this.capacity;
  }

  /** @returns false when the queue is full; the item is then not taken. @hot */
  tryPush(item: T): boolean {
    if (this.#length === this.capacity) return false;
    this.#places[(this.#head + this.#length) & this.#mask] = item;
    this.#length++;
    return true;
  }

  /** Takes the oldest item out; `undefined` when there is none. @hot */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#places[this.#head];
    this.#places[this.#head] = undefined;
    this.#head = (this.#head + 1) & this.#mask;
    this.#length--;
    return item;
  }

  /** The oldest item, left where it is; `undefined` when there is none. */
  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#places[this.#head];
  }

  clear(): void {
    while (this.#length > 0) this.shift();
  }
}
