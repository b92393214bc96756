/**
 * A request that came through no socket: `server.fetch(request)`. The handler gets a context that works as
 * far as it can without a connection: what it gives to `waitUntil` is waited for when the server closes.
 */

import type { ClosingSignals } from '../http/closing-signals.ts';
import { NO_PROPS } from '../http/context.ts';
import type { ErrorHandler } from '../http/exchange-host.ts';
import type { PendingWork } from '../http/pending-work.ts';
import type { Hub } from '../pubsub/hub.ts';
import type { MessageData, PublishOptions } from '../pubsub/message.ts';
import type { FetchHandler, HandlerRequest, RequestContext } from '../web/context.ts';

interface DetachedHost {
  readonly fetch: FetchHandler;
  readonly errorHandler: ErrorHandler | undefined;
  readonly work: PendingWork;
  readonly closingSignals: ClosingSignals;
  readonly hub: Hub;
  /** Logs the rejection of a promise that was given to `waitUntil`. */
  workFailed(error: unknown, request: Request): void;
}

/** `options.error` answers, as it does over a socket, for a handler that throws; without it the error is the caller's. */
export async function fetchDetached(request: Request, host: DetachedHost): Promise<Response> {
  const { fetch, errorHandler } = host;
  const context = new DetachedContext(request, host);
  try {
    return await fetch(request, context, context);
  } catch (error) {
    if (errorHandler === undefined) throw error;
    return await errorHandler(error, request);
  } finally {
    context.complete();
  }
}

class DetachedContext implements RequestContext {
  #closing: AbortController | undefined = undefined;
  /** What is going on that could listen to `closing`: the handler, and jobs. */
  #jobs = 1;
  readonly request: Request;
  readonly remoteAddress = undefined;
  readonly ip = undefined;
  readonly encrypted = false;
  readonly tls = undefined;
  readonly proxyHeader = undefined;
  readonly responseBytes = 0;
  /** Resolves when the handler has answered or failed: nothing is sent that could be waited for. */
  readonly completed: Promise<void>;
  readonly props = NO_PROPS;
  #complete!: () => void;
  readonly #host: DetachedHost;

  constructor(request: Request, host: DetachedHost) {
    this.request = request;
    this.#host = host;
    this.completed = new Promise((resolve) => {
      this.#complete = resolve;
    });
  }

  get params(): Readonly<Record<string, string>> {
    return (this.request as HandlerRequest).params ?? {};
  }

  get signal(): AbortSignal {
    return this.request.signal;
  }

  get closing(): AbortSignal {
    this.#closing ??= this.#host.closingSignals.take();
    if (this.#jobs === 0) this.#host.closingSignals.drop(this.#closing);
    return this.#closing.signal;
  }

  waitUntil(work: Promise<unknown>): void {
    this.#jobs++;
    const { request } = this;
    this.#host.work.add(work, (error) => this.#host.workFailed(error, request)).then(() => this.#jobOver());
  }

  /** The handler has answered, or failed. */
  complete(): void {
    this.#complete();
    this.#jobOver();
  }

  #jobOver(): void {
    if (--this.#jobs === 0 && this.#closing !== undefined) this.#host.closingSignals.drop(this.#closing);
  }

  sendInformational(): void {}

  earlyHints(): void {}

  trailers(): void {}

  pace(): void {}

  /** A Request that was made by a program has none. */
  get requestTrailers(): Promise<Headers> {
    return Promise.resolve(new Headers());
  }

  publish(topic: string, data: MessageData, options?: PublishOptions): number {
    return this.#host.hub.publish(topic, data, options);
  }

  subscriberCount(topic: string): number {
    return this.#host.hub.subscriberCount(topic);
  }

  upgrade(): Response {
    throw new TypeError('this request came through no connection that could become a WebSocket');
  }

  passThroughOnException(): void {}
}
