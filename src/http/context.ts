/** The second argument of a handler: what concerns the connection and the answer rather than the request. */
import { parsePace } from '../base/units.ts';
import type { RemoteAddress } from '../engine/engine.ts';
import type { ProxyExtensions } from '../protocol/proxy/proxy-extensions.ts';
import type { MessageData, PublishOptions } from '../pubsub/message.ts';
import type { ConnectionTls, InterimFields, ProxyHeaderFacts, RequestContext } from '../web/context.ts';
import { Headers as LightHeaders } from '../web/headers.ts';
import type { HoldfastRequest } from '../web/request.ts';
import type { UpgradeOptions } from '../web/websocket.ts';
import type { AnswerBody } from './answer-body.ts';
import type { AnswerSink } from './answer-sink.ts';
import type { ExchangeHost, ExchangeRecord } from './exchange-host.ts';
import type { ExchangeOwner } from './exchange-owner.ts';
import { proxyFactsOf } from './proxy-facts.ts';
import type { RequestBody } from './request-body.ts';
import { layDownTakeover, type Takeover } from './takeover.ts';
import { checkedTrailers, fieldPairs, type Trailers } from './trailers.ts';

/** Shared by all, so it may not be written to. */
export const NO_PROPS: Readonly<Record<string, never>> = Object.freeze({});

/** The promise of `completed`, made when it is first asked for. */
interface Completion {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

/** What few handlers ask for, and no request pays for unasked. */
interface Extras {
  completion: Completion | undefined;
  closing: AbortController | undefined;
  /** Promises given to `waitUntil` that have not settled. */
  jobs: number;
}

/** What the context asks of its exchange. */
interface ContextExchange extends ExchangeRecord {
  readonly host: ExchangeHost;
  readonly owner: ExchangeOwner;
  readonly sink: AnswerSink;
  readonly request: HoldfastRequest;
  readonly isFinished: boolean;
  /** What is being sent, where it was not sent at once. */
  readonly content: Pick<AnswerBody, 'committedBytes'> | null;
  readonly body: RequestBody | null;
  trailers: Trailers | undefined;
  paceBytesPerSecond: number | undefined;
  takeover: Takeover | undefined;
  /** Why the client did not get its answer whole. */
  readonly goneError: Error | undefined;
}

export class ServerContext implements RequestContext {
  readonly #exchange: ContextExchange;
  #extras: Extras | undefined = undefined;

  constructor(exchange: ContextExchange) {
    this.#exchange = exchange;
  }

  /** @throws TypeError for a context that is not this server's own, as that of `server.fetch()` */
  static exchangeOf(context: RequestContext): ContextExchange {
    if (!(context instanceof ServerContext))
      throw new TypeError('this request came through no connection whose protocol could change');
    return context.#exchange;
  }

  get request(): Request {
    return this.#exchange.request as unknown as Request;
  }

  get params(): Readonly<Record<string, string>> {
    return this.#exchange.request.params;
  }

  get remoteAddress(): RemoteAddress | undefined {
    return this.#exchange.owner.remoteAddress();
  }

  get ip(): string | undefined {
    return this.#exchange.request.ip;
  }

  get encrypted(): boolean {
    return this.#exchange.host.scheme === 'https';
  }

  get tls(): ConnectionTls | undefined {
    return this.#exchange.tls;
  }

  get proxyHeader(): ProxyHeaderFacts | undefined {
    const said = this.#exchange.owner.proxied?.said as ProxyExtensions | undefined;
    return said === undefined ? undefined : proxyFactsOf(said);
  }

  get signal(): AbortSignal {
    return this.#exchange.request.signal;
  }

  get responseBytes(): number {
    const { responseBytes, content, goneError, sink } = this.#exchange;
    // A file is the engine's from the start, whole: what has left is what it does not hold any more.
    return content === null || goneError !== undefined
      ? responseBytes
      : Math.max(responseBytes, content.committedBytes - sink.unsentBytes);
  }

  get props(): Readonly<Record<string, never>> {
    return NO_PROPS;
  }

  /** `close()` waits for `promise` (up to the drain deadline), and its rejection is logged, not lost. */
  waitUntil(promise: Promise<unknown>): void {
    const extras = this.#wanted();
    extras.jobs++;
    this.#exchange.host.waitUntil(promise, this.#exchange).then(() => {
      extras.jobs--;
      this.#letGo(extras);
    });
  }

  /** Aborts when the server begins to drain. Work given to `waitUntil` hears it too, after the answer. */
  get closing(): AbortSignal {
    const extras = this.#wanted();
    if (extras.closing === undefined) {
      extras.closing = this.#exchange.host.closingSignals.take();
      this.#letGo(extras);
    }
    return extras.closing.signal;
  }

  sendInformational(status: number, headers: InterimFields = []): void {
    if (!Number.isInteger(status) || status < 100 || status > 199 || status === 101)
      throw new RangeError(
        `sendInformational: ${status} is no interim status; allowed are 100 to 199, but 101`,
      );
    const { sink, isFinished, status: answered } = this.#exchange;
    if (!isFinished && answered === 0) sink.interim(status, fieldPairs(headers));
  }

  /** Sends `103 Early Hints` now. RFC 8297 */
  earlyHints(headers: InterimFields): void {
    this.sendInformational(103, headers);
  }

  trailers(fields: InterimFields): void {
    const exchange = this.#exchange;
    const trailers = checkedTrailers(fields);
    if (!exchange.isFinished) exchange.trailers = trailers;
  }

  pace(bytesPerSecond: number | string): void {
    const exchange = this.#exchange;
    const pace = parsePace('context.pace', bytesPerSecond);
    exchange.paceBytesPerSecond = pace;
    // Else the answer has not begun, or is over.
    if (exchange.content !== null && !exchange.isFinished) exchange.sink.pace?.(pace);
  }

  get requestTrailers(): Promise<Headers> {
    const { body } = this.#exchange;
    return (body === null
      ? Promise.resolve(new LightHeaders())
      : body.trailers()) as Promise<unknown> as Promise<Headers>;
  }

  publish(topic: string, data: MessageData, options?: PublishOptions): number {
    return this.#exchange.host.hub.publish(topic, data, options);
  }

  subscriberCount(topic: string): number {
    return this.#exchange.host.hub.subscriberCount(topic);
  }

  upgrade(options: UpgradeOptions = {}): Response {
    const exchange = this.#exchange;
    return exchange.host.upgrade(exchange, options);
  }

  passThroughOnException(): void {}

  /** Resolves when the last byte was handed over; rejects when the client went before. */
  get completed(): Promise<void> {
    const extras = this.#wanted();
    if (extras.completion === undefined) {
      extras.completion = completion();
      if (this.#exchange.isFinished) this.settle(this.#exchange.goneError);
    }
    return extras.completion.promise;
  }

  /** The exchange has ended, with `error` when the client went first. */
  settle(error: Error | undefined): void {
    const extras = this.#extras;
    if (extras === undefined) return;
    if (error === undefined) extras.completion?.resolve();
    else extras.completion?.reject(error);
    this.#letGo(extras);
  }

  #wanted(): Extras {
    return (this.#extras ??= { completion: undefined, closing: undefined, jobs: 0 });
  }

  /** Once nothing of this request goes on that could listen, it is no longer told of the end. */
  #letGo({ closing, jobs }: Extras): void {
    const { isFinished, host } = this.#exchange;
    if (closing !== undefined && isFinished && jobs === 0) host.closingSignals.drop(closing);
  }
}

/**
 * Another session is to take over the connection that this request came on. The request is answered by 101 when the handler
 * returns the Response that it gets here, and by what else it returns as ever.
 * @param make called at once with the exchange, for what the session needs of it
 * @param fields of the 101, in lower case: `upgrade`, and what the protocol adds
 * @throws TypeError where the connection cannot change: HTTP/1.0, HTTP/2, a request with content, or one that was answered
 */
export function offerTakeover(
  context: RequestContext,
  make: (exchange: ContextExchange) => Takeover,
  fields: Readonly<Record<string, string>>,
): Response {
  const exchange = ServerContext.exchangeOf(context);
  return layDownTakeover(exchange, make(exchange), Object.entries(fields)) as unknown as Response;
}

function completion(): Completion {
  let resolve: () => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Nobody has to listen.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
