/** The hub of one thread: made with its settings, and bound to the hubs of the threads beside it. */
import { BroadcastChannel } from 'node:worker_threads';
import type { LoggerLike } from '../observe/logger-like.ts';
import { Hub, type HubLimits, type Relay } from '../pubsub/hub.ts';
import { Message } from '../pubsub/message.ts';

export function createHub(limits: HubLimits, logger: LoggerLike): Hub {
  // Ids of a former process must not look like ours.
  return new Hub(limits, uniqueName(), (error) => logger.error('a subscriber failed', error));
}

/** Nobody has to be kept from guessing it, and no start has to load Node's cryptography for it. */
function uniqueName(): string {
  const microseconds = Math.round((performance.timeOrigin + performance.now()) * 1000);
  return microseconds.toString(36) + Math.random().toString(36).slice(2, 8);
}

/** The channel between the threads of one server. */
export function newChannelName(): string {
  return `holdfast-pubsub-${uniqueName()}`;
}

/** Topic, data, id, event: an array is cloned in half the time of an object. */
type Crossing = readonly [string, string | Uint8Array, string | undefined, string | undefined, number];

/**
 * Between the hubs of threads: what is published in one goes to all others. What one turn publishes crosses together, for a
 * crossing costs more than what is in it.
 */
export class ThreadRelay implements Relay {
  readonly #hub: Hub;
  readonly #channel: BroadcastChannel;
  #pending: Crossing[] = [];

  constructor(hub: Hub, channelName: string) {
    this.#hub = hub;
    this.#channel = new BroadcastChannel(channelName);
    // Typed as by browsers: an event with `data`.
    this.#channel.onmessage = (event: unknown) => this.#arrived((event as { data: Crossing[] }).data);
    // A server is kept alive by its connections, not by what they could be told.
    this.#channel.unref();
    hub.connect(this);
  }

  send({ topic, data, id, event, byteLength }: Message): void {
    if (this.#pending.length === 0) queueMicrotask(this.#flush);
    this.#pending.push([topic, data, id, event, byteLength]);
  }

  readonly #flush = (): void => {
    const pending = this.#pending;
    this.#pending = [];
    if (pending.length > 0) this.#channel.postMessage(pending);
  };

  #arrived(crossings: readonly Crossing[]): void {
    for (const [topic, data, id, event, byteLength] of crossings)
      this.#hub.receive(new Message(topic, data, id, event, byteLength), this);
  }

  close(): void {
    this.#hub.disconnect(this);
    this.#flush();
    this.#channel.close();
  }
}
