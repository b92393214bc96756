/** What events come from: an async iterable, which is pulled; a function, which sends; topics of the server. */
import { show } from '../base/errors.ts';
import type { Hub, Membership } from '../pubsub/hub.ts';
import type { Message } from '../pubsub/message.ts';
import type { Subscriber } from '../pubsub/topic.ts';
import type { EventSource, EventStream } from './event-stream.ts';
import { MESSAGE_AS_EVENT, type ServerEvent } from './event-text.ts';

/** What a function that sends events is given. */
export interface EventSender {
  /** What the client had last, before it came back; undefined for a new one. */
  readonly lastEventId: string | undefined;
  /** Aborts when the stream has ended: the client has gone, was too slow, or the server closes. */
  readonly signal: AbortSignal;
  /**
   * @param key under which it replaces an event that waits, where `slowClient` is 'coalesce'. @default the event's name
   * @returns false when it was dropped, or the stream has ended
   * @throws TypeError for what is no event, or would not arrive as it is
   */
  send(event: ServerEvent | string, key?: string): boolean;
  /** Ends the stream, behind what has been sent. */
  close(): void;
}

/**
 * Sends as long as it likes. The stream ends when the promise that it gives resolves, or by `close()`; a function that it gives, or
 * that promise resolves to, is called when the stream has ended.
 */
export type SendEvents = (sender: EventSender) => unknown;

/** Pulled only when the client has room: it is never ahead of it by more than one event. */
export class IteratedEvents implements EventSource {
  readonly #iterable: AsyncIterable<ServerEvent | string>;
  #iterator: AsyncIterator<ServerEvent | string> | undefined;
  #stream: EventStream | undefined;
  #isPulling = false;
  #isDone = false;

  constructor(iterable: AsyncIterable<ServerEvent | string>) {
    this.#iterable = iterable;
  }

  start(stream: EventStream): void {
    this.#stream = stream;
  }

  wanted(): void {
    if (this.#isPulling || this.#isDone) return;
    this.#isPulling = true;
    this.#next().then(this.#came, this.#failed);
  }

  async #next(): Promise<IteratorResult<ServerEvent | string>> {
    this.#iterator ??= this.#iterable[Symbol.asyncIterator]();
    return this.#iterator.next();
  }

  readonly #came = (result: IteratorResult<ServerEvent | string>): void => {
    this.#isPulling = false;
    if (result.done === true) {
      this.#isDone = true;
      this.#stream!.sourceEnded();
      return;
    }
    try {
      this.#stream!.give(result.value);
    } catch (error) {
      this.#stream!.sourceFailed(error);
    }
  };

  readonly #failed = (error: unknown): void => {
    this.#isDone = true;
    this.#stream!.sourceFailed(error);
  };

  end(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    // One that was never asked has nothing to release. What its end throws has nobody to go to.
    Promise.resolve()
      .then(() => this.#iterator?.return?.())
      .catch(() => {});
  }
}

export class SentEvents implements EventSource, EventSender {
  readonly #call: SendEvents;
  readonly lastEventId: string | undefined;
  #stream: EventStream | undefined;
  #controller: AbortController | undefined;
  #release: (() => void) | undefined;
  #hasEnded = false;

  constructor(call: SendEvents, lastEventId: string | undefined) {
    this.#call = call;
    this.lastEventId = lastEventId;
  }

  start(stream: EventStream): void {
    this.#stream = stream;
    let result: unknown;
    try {
      const call = this.#call;
      result = call(this);
    } catch (error) {
      stream.sourceFailed(error);
      return;
    }
    if (typeof result === 'function') this.#releaseBy(result as () => void);
    else if (typeof (result as PromiseLike<unknown> | undefined)?.then === 'function') {
      Promise.resolve(result as PromiseLike<unknown>).then(
        (value) => {
          // With something to release it goes on until somebody ends it.
          if (typeof value === 'function') this.#releaseBy(value as () => void);
          else stream.sourceEnded();
        },
        (error) => stream.sourceFailed(error),
      );
    }
  }

  #releaseBy(release: () => void): void {
    if (this.#hasEnded) release();
    else this.#release = release;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#hasEnded) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  readonly send = (event: ServerEvent | string, key?: string): boolean =>
    this.#stream!.send(event, key ?? (typeof event === 'string' ? '' : (event?.event ?? '')));

  readonly close = (): void => this.#stream!.sourceEnded();

  end(): void {
    this.#hasEnded = true;
    this.#controller?.abort();
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }
}

/** Topics of the server: messages are encoded once, for all readers. */
export class TopicEvents implements EventSource, Subscriber {
  readonly #hub: Hub;
  readonly #topics: ReadonlySet<string>;
  readonly #lastEventId: string | undefined;
  readonly #keyOf: ((message: Message) => string) | undefined;
  readonly #membership: Membership;
  #stream: EventStream | undefined;

  constructor(
    hub: Hub,
    topics: ReadonlySet<string>,
    lastEventId: string | undefined,
    keyOf: ((message: Message) => string) | undefined,
  ) {
    this.#hub = hub;
    this.#topics = topics;
    this.#lastEventId = lastEventId;
    this.#keyOf = keyOf;
    this.#membership = hub.join(this);
  }

  start(stream: EventStream): void {
    this.#stream = stream;
    try {
      for (const topic of this.#topics) this.#membership.subscribe(topic);
    } catch (error) {
      this.#membership.leave();
      stream.sourceFailed(error);
      return;
    }
    // In the same step: nothing is published between the two.
    if (this.#lastEventId !== undefined)
      stream.replay(this.#hub.messagesAfter(this.#lastEventId, this.#topics));
  }

  /** @hot */
  deliver(message: Message): void {
    const stream = this.#stream!;
    stream.sendBytes(message.as(MESSAGE_AS_EVENT), stream.coalesces ? this.#key(message) : undefined);
  }

  #key(message: Message): string {
    const keyOf = this.#keyOf;
    return keyOf === undefined ? `${message.topic}\n${message.event ?? ''}` : `${keyOf(message)}`;
  }

  end(): void {
    this.#membership.leave();
  }
}

/** @throws TypeError for what is no list of topics */
export function topicSet(topics: unknown): ReadonlySet<string> {
  const list = typeof topics === 'string' ? [topics] : topics;
  if (
    !Array.isArray(list) ||
    list.length === 0 ||
    !list.every((each) => typeof each === 'string' && each !== '')
  )
    throw new TypeError(`sse: topics: ${show(topics)} is not allowed; a topic or a list of topics`);
  return new Set(list as string[]);
}
