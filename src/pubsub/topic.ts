/**
 * The subscribers of one topic, in an array in which each knows its place: joining and leaving cost the same however many
 * there are. While messages are handed out nobody moves: who leaves makes a hole, who comes stands behind the last, and is
 * not among those that get this message.
 */
import type { Message } from './message.ts';

export interface Subscriber {
  /** Takes a message that is lent to it. What it throws is told, and costs the others nothing. */
  deliver(message: Message): void;
}

/** One subscriber's place in one topic. */
export class Subscription {
  readonly topic: Topic;
  readonly subscriber: Subscriber;
  /** -1 when it has left. */
  place: number;

  constructor(topic: Topic, subscriber: Subscriber, place: number) {
    this.topic = topic;
    this.subscriber = subscriber;
    this.place = place;
  }
}

export class Topic {
  readonly name: string;
  readonly #places: (Subscription | undefined)[] = [];
  #holes = 0;
  #isDelivering = false;

  constructor(name: string) {
    this.name = name;
  }

  get count(): number {
    return this.#places.length - this.#holes;
  }

  add(subscriber: Subscriber): Subscription {
    const subscription = new Subscription(this, subscriber, this.#places.length);
    this.#places.push(subscription);
    return subscription;
  }

  remove(subscription: Subscription): void {
    const { place } = subscription;
    subscription.place = -1;
    if (this.#isDelivering) {
      this.#places[place] = undefined;
      this.#holes++;
      return;
    }
    const last = this.#places.pop()!; // the one that leaves is among them
    if (last === subscription) return;
    this.#places[place] = last;
    last.place = place;
  }

  /**
   * @param except whoever published it
   * @returns how many it was handed to
   * @hot
   */
  deliver(message: Message, except: Subscriber | undefined, onError: (error: unknown) => void): number {
    const places = this.#places;
    const end = places.length;
    let count = 0;
    this.#isDelivering = true;
    for (let i = 0; i < end; i++) {
      const subscriber = places[i]?.subscriber;
      if (subscriber === undefined || subscriber === except) continue;
      try {
        subscriber.deliver(message);
        count++;
      } catch (error) {
        onError(error);
      }
    }
    this.#isDelivering = false;
    if (this.#holes > 0) this.#closeHoles();
    return count;
  }

  #closeHoles(): void {
    const places = this.#places;
    let to = 0;
    for (const subscription of places) {
      if (subscription === undefined) continue;
      subscription.place = to;
      places[to++] = subscription;
    }
    places.length = to;
    this.#holes = 0;
  }
}
