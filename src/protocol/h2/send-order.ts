/**
 * Decides whose DATA goes next: RFC 9218 §10. The most urgent streams first; of the same urgency, those that are to come as a
 * whole in the order of their ids, beside those that can be used in pieces, which take turns. A stream whose client
 * has said nothing takes turns too, since nobody has asked for one download to wait for another.
 *
 * It holds streams that have something to send and a window to send it in; others are taken out.
 */
import { URGENCY_LAST } from './priority.ts';

/** What is asked of a stream. Its urgency may change while it waits only through `move`. */
export interface Ordered {
  readonly id: number;
  readonly urgency: number;
  /** Takes turns with others of its urgency. */
  readonly takesTurns: boolean;
}

export class SendOrder<T extends Ordered> {
  /** By urgency; in each, who is next stands first. */
  readonly #queues: T[][] = Array.from({ length: URGENCY_LAST + 1 }, () => []);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** `stream` is not in it. */
  add(stream: T): void {
    const queue = this.#queues[stream.urgency]!;
    let at = queue.length;
    if (!stream.takesTurns) {
      // It stands before those that take turns, and behind older ones that come as a whole.
      at = queue.findIndex((other) => other.takesTurns || other.id > stream.id);
      if (at < 0) at = queue.length;
    }
    queue.splice(at, 0, stream);
    this.#count++;
  }

  remove(stream: T): void {
    const queue = this.#queues[stream.urgency]!;
    const at = queue.indexOf(stream);
    if (at < 0) return;
    queue.splice(at, 1);
    this.#count--;
  }

  /** @returns whose turn it is, undefined when nobody has anything to send */
  next(): T | undefined {
    if (this.#count === 0) return undefined;
    for (const queue of this.#queues) if (queue.length > 0) return queue[0];
    return undefined;
  }

  /** The first of its urgency has sent a frame and has more: who takes turns goes to the end. */
  rotate(stream: T): void {
    if (!stream.takesTurns) return;
    const queue = this.#queues[stream.urgency]!;
    if (queue.length === 1 || queue[0] !== stream) return;
    queue.shift();
    queue.push(stream);
  }
}
