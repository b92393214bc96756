/**
 * An exchange as its Request asks it, also when it is over: who asked for what, by which connection, and the signal that
 * tells of the client's going. What becomes of the answer is the exchange's own (exchange.ts).
 */
import { METHOD_HEAD } from '../protocol/semantics/methods.ts';
import type { ConnectionTls } from '../web/context.ts';
import {
  createRequest,
  type ExchangePort,
  type ForwardedClient,
  type HoldfastRequest,
  type IncomingBody,
  type RequestHead,
  sentMethod,
  sentTarget,
} from '../web/request.ts';
import { ClientGoneError } from './errors.ts';
import type { ExchangeHost, ExchangeRecord } from './exchange-host.ts';
import type { ExchangeOwner } from './exchange-owner.ts';
import type { RequestBody } from './request-body.ts';
import { plainAddress } from './trusted-proxies.ts';

export abstract class AskedExchange implements ExchangePort, ExchangeRecord {
  readonly host: ExchangeHost;
  readonly owner: ExchangeOwner;
  /** One of the METHOD_ numbers. */
  readonly method: number;
  /** When the first byte of the request came, as far as that is known. */
  readonly startedAtMs: number;
  readonly request: HoldfastRequest;
  body: RequestBody | null = null;
  isFinished = false;
  abstract readonly status: number;
  abstract readonly responseBytes: number;
  protected abortReason: Error | undefined = undefined;
  #controller: AbortController | null = null;

  /**
   * @param head read now, and not kept
   * @param url of the request, where it is known already
   * @hot
   */
  constructor(
    host: ExchangeHost,
    owner: ExchangeOwner,
    startedAtMs: number,
    head: RequestHead,
    text: string,
    url: string | undefined,
  ) {
    this.host = host;
    this.owner = owner;
    this.method = head.method;
    this.startedAtMs = startedAtMs;
    this.request = createRequest(this, head, text, url);
  }

  /** The method as it was sent: the properties of the Request are the handler's to redefine. */
  get methodName(): string {
    return sentMethod(this.request);
  }

  /** The request target as it was sent. */
  get target(): string {
    return sentTarget(this.request);
  }

  get isHead(): boolean {
    return this.method === METHOD_HEAD;
  }

  // ExchangePort: what the Request asks for, also when the exchange is over.

  get scheme(): 'http' | 'https' {
    return this.host.scheme;
  }

  get defaultAuthority(): string {
    return this.host.defaultAuthority;
  }

  get peerIp(): string | undefined {
    return plainAddress(this.owner.remoteAddress());
  }

  get tls(): ConnectionTls | undefined {
    return this.owner.secure;
  }

  forwarded(request: HoldfastRequest): ForwardedClient | undefined {
    return this.host.proxies?.clientOf(this.owner.remoteAddress(), request.headers);
  }

  abortSignal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      // A client that has finished sending had done so before the handler began, when requests were pipelined.
      if (this.owner.hasPeerEnded && !this.isFinished)
        this.abortReason ??= new ClientGoneError('client-closed');
      if (this.abortReason !== undefined) this.#controller.abort(this.abortReason);
    }
    return this.#controller.signal;
  }

  requestBody(): IncomingBody | undefined {
    return this.body ?? undefined;
  }

  /** The first reason stands. Listeners are the handler's, and run in a context of their own as it did. */
  protected abort(reason: Error): void {
    this.abortReason ??= reason;
    if (this.#controller !== null && !this.#controller.signal.aborted)
      this.host.scope.run(this.abortNow, this);
  }

  abortNow(): void {
    this.#controller?.abort(this.abortReason);
  }
}
