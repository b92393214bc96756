/**
 * Publish and subscribe within one thread: topics, their subscribers, and the relays by which messages go to other threads and
 * machines. It knows no protocol: a subscriber takes messages in the form of its kind. A publish costs its topic's
 * subscribers and nothing else, however many topics there are.
 *
 * All subscribers of a topic see its messages in the same order: what is published while another message is handed out
 * waits until that one has reached everybody.
 */
import { show } from '../base/errors.ts';
import { PubsubLimitError } from './errors.ts';
import { Message, type MessageData, type PublishOptions } from './message.ts';
import { ReplayBuffer } from './replay-buffer.ts';
import { type Subscriber, type Subscription, Topic } from './topic.ts';

export interface HubLimits {
  readonly topicsMax: number;
  readonly subscriptionsMax: number;
  readonly messageBytesMax: number;
  /** undefined: nothing is kept for replay. */
  readonly replay: { readonly countMax: number; readonly bytesMax: number } | undefined;
}

/** Takes messages to other hubs. It must not throw, and keeps what it keeps within bounds of its own. */
export interface Relay {
  send(message: Message): void;
}

/** Longer names are mistaken data: what is published goes into the second argument. */
const TOPIC_CHARS_MAX = 256;
/** Ids and event names are kept with each message. */
const FIELD_CHARS_MAX = 256;
/** Messages published from within the delivery of others; more is a circle of publishers that answer each other. */
const NESTED_MAX = 10_000;

export class Hub {
  readonly limits: HubLimits;
  /** Messages that relays could not take, by where they led. */
  readonly dropped = { thread: 0, machine: 0 };
  readonly #replay: ReplayBuffer | undefined;
  readonly #topics = new Map<string, Topic>();
  readonly #relays: Relay[] = [];
  readonly #idPrefix: string;
  readonly #onError: (error: unknown) => void;
  #lastId = 0;
  #isDelivering = false;
  readonly #waiting: { readonly message: Message; readonly except: Subscriber | undefined }[] = [];

  /**
   * @param idPrefix by which ids of this hub differ from those of all others, those of former processes too
   * @param onError told what a subscriber has thrown
   */
  constructor(limits: HubLimits, idPrefix: string, onError: (error: unknown) => void) {
    this.limits = limits;
    this.#idPrefix = idPrefix;
    this.#onError = onError;
    if (limits.replay !== undefined)
      this.#replay = new ReplayBuffer(limits.replay.countMax, limits.replay.bytesMax);
  }

  /** Messages that are published here go through `relay` from now on. */
  connect(relay: Relay): void {
    this.#relays.push(relay);
  }

  disconnect(relay: Relay): void {
    const at = this.#relays.indexOf(relay);
    if (at !== -1) this.#relays.splice(at, 1);
  }

  /** Makes `subscriber` able to subscribe. One membership a connection, which it leaves at its end. */
  join(subscriber: Subscriber): Membership {
    return new Membership(this, subscriber);
  }

  /**
   * To all subscribers here, and by the relays to those elsewhere.
   * @param except whoever publishes, where that is a subscriber who wants no copy
   * @returns how many subscribers of this thread it was handed to
   * @throws TypeError for what is no message
   * @throws PubsubLimitError for one that is too long
   */
  publish(topic: string, data: MessageData, options: PublishOptions = {}, except?: Subscriber): number {
    const message = this.#message(topic, data, options);
    for (const relay of this.#relays) relay.send(message);
    return this.#deliver(message, except);
  }

  /** A message that the relay `from` has brought: for subscribers here, and for where the other relays lead. */
  receive(message: Message, from: Relay): void {
    for (const relay of this.#relays) if (relay !== from) relay.send(message);
    this.#deliver(message, undefined);
  }

  subscriberCount(topic: string): number {
    return this.#topics.get(topic)?.count ?? 0;
  }

  get topicCount(): number {
    return this.#topics.size;
  }

  /** What was published to `topics` after the message `id`, as far as it is kept. */
  messagesAfter(id: string, topics: ReadonlySet<string>): Message[] {
    return this.#replay?.after(id, topics) ?? [];
  }

  /** Called by memberships. */
  add(name: string, subscriber: Subscriber): Subscription {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      checkTopic(name);
      if (this.#topics.size >= this.limits.topicsMax)
        throw new PubsubLimitError(
          'pubsub.topics',
          `subscribe: there are ${this.#topics.size} topics, no more are allowed`,
        );
      topic = new Topic(name);
      this.#topics.set(name, topic);
    }
    return topic.add(subscriber);
  }

  /** Called by memberships. */
  remove(subscription: Subscription): void {
    const { topic } = subscription;
    topic.remove(subscription);
    if (topic.count === 0) this.#topics.delete(topic.name);
  }

  #message(topic: string, data: MessageData, { id, event }: PublishOptions): Message {
    checkTopic(topic);
    checkField('id', id);
    checkField('event', event);
    const { messageBytesMax, replay } = this.limits;
    const own = typeof data === 'string' ? data : copyOf(data);
    // A UTF-16 unit is one to three bytes in UTF-8.
    const least = typeof own === 'string' ? own.length : own.byteLength;
    const byteLength = typeof own === 'string' && least <= messageBytesMax ? Buffer.byteLength(own) : least;
    if (byteLength > messageBytesMax)
      throw new PubsubLimitError(
        'pubsub.messageBytes',
        `publish: the message for ${show(topic)} has ${byteLength} bytes or more, allowed are ${messageBytesMax}`,
      );
    const ownId = id ?? (replay === undefined ? undefined : `${this.#idPrefix}-${++this.#lastId}`);
    return new Message(topic, own, ownId, event, byteLength);
  }

  #deliver(message: Message, except: Subscriber | undefined): number {
    if (this.#isDelivering) {
      if (this.#waiting.length >= NESTED_MAX)
        throw new PubsubLimitError(
          undefined,
          `publish: ${NESTED_MAX} messages wait that were published while another was handed out, no more are allowed`,
        );
      this.#waiting.push({ message, except });
      return this.subscriberCount(message.topic);
    }
    this.#isDelivering = true;
    let count = 0;
    try {
      count = this.#handOut(message, except);
      // Grows while it is walked.
      for (let i = 0; i < this.#waiting.length; i++) {
        const next = this.#waiting[i]!;
        this.#handOut(next.message, next.except);
      }
    } finally {
      this.#waiting.length = 0;
      this.#isDelivering = false;
    }
    return count;
  }

  #handOut(message: Message, except: Subscriber | undefined): number {
    // Now and not before: who subscribes from here on finds it here, and is not given it again.
    this.#replay?.add(message);
    return this.#topics.get(message.topic)?.deliver(message, except, this.#onError) ?? 0;
  }
}

/** The topics of one subscriber. */
export class Membership {
  readonly #hub: Hub;
  readonly #subscriber: Subscriber;
  readonly #subscriptions = new Map<string, Subscription>();

  constructor(hub: Hub, subscriber: Subscriber) {
    this.#hub = hub;
    this.#subscriber = subscriber;
  }

  /**
   * @returns false where it was subscribed before
   * @throws TypeError for what is no topic
   * @throws PubsubLimitError
   */
  subscribe(topic: string): boolean {
    if (this.#subscriptions.has(topic)) return false;
    const { subscriptionsMax } = this.#hub.limits;
    if (this.#subscriptions.size >= subscriptionsMax)
      throw new PubsubLimitError(
        'pubsub.subscriptions',
        `subscribe: this connection has ${this.#subscriptions.size} topics, no more are allowed`,
      );
    this.#subscriptions.set(topic, this.#hub.add(topic, this.#subscriber));
    return true;
  }

  /** @returns false where it was not subscribed */
  unsubscribe(topic: string): boolean {
    const subscription = this.#subscriptions.get(topic);
    if (subscription === undefined) return false;
    this.#subscriptions.delete(topic);
    this.#hub.remove(subscription);
    return true;
  }

  /** Publishes to all others, as `Hub.publish` does. */
  publish(topic: string, data: MessageData, options?: PublishOptions): number {
    return this.#hub.publish(topic, data, options, this.#subscriber);
  }

  isSubscribed(topic: string): boolean {
    return this.#subscriptions.has(topic);
  }

  get topics(): string[] {
    return [...this.#subscriptions.keys()];
  }

  /** Leaves all topics: the connection is gone. */
  leave(): void {
    for (const subscription of this.#subscriptions.values()) this.#hub.remove(subscription);
    this.#subscriptions.clear();
  }
}

function checkTopic(topic: unknown): void {
  if (typeof topic !== 'string' || topic === '' || topic.length > TOPIC_CHARS_MAX)
    throw new TypeError(`topic: ${show(topic)} is not allowed; a text of 1 to ${TOPIC_CHARS_MAX} characters`);
}

function checkField(name: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value !== 'string' || value.length > FIELD_CHARS_MAX || /[\0\r\n]/.test(value))
    throw new TypeError(
      `${name}: ${show(value)} is not allowed; one line of at most ${FIELD_CHARS_MAX} characters`,
    );
}

function copyOf(data: unknown): Uint8Array {
  if (data instanceof ArrayBuffer) return new Uint8Array(data.slice(0));
  if (ArrayBuffer.isView(data)) {
    const { buffer, byteOffset, byteLength } = data;
    return new Uint8Array(buffer, byteOffset, byteLength).slice();
  }
  throw new TypeError(
    `publish: ${show(data)} is no message; text or bytes are (JSON.stringify makes a text of an object)`,
  );
}
