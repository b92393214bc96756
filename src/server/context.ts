/** The second argument of a handler: what concerns the connection and the answer rather than the request. */
import type { RemoteAddress } from '../engine/engine.ts';
import type { RequestContext } from '../web/context.ts';
import type { HttpConnection } from './connection.ts';
import type { Exchange } from './exchange.ts';

export class ServerContext implements RequestContext {
  readonly #connection: HttpConnection;
  readonly #exchange: Exchange;
  #completed: Promise<void> | undefined = undefined;
  #resolve: (() => void) | undefined = undefined;
  #reject: ((error: unknown) => void) | undefined = undefined;
  #isOver = false;
  #error: unknown = undefined;

  constructor(connection: HttpConnection, exchange: Exchange) {
    this.#connection = connection;
    this.#exchange = exchange;
  }

  get remoteAddress(): RemoteAddress | undefined {
    return this.#connection.engine.remoteAddress();
  }

  /** `close()` waits for `promise` (up to the drain deadline), and its rejection is logged, not lost. */
  waitUntil(promise: Promise<unknown>): void {
    this.#connection.thread.waitUntil(promise, this.#exchange);
  }

  /** Sends `103 Early Hints` now. RFC 8297 */
  earlyHints(headers: Record<string, string>): void {
    if (!this.#isOver && this.#exchange.status === 0 && this.#exchange.minor > 0) {
      this.#connection.thread.writer.earlyHints(this.#connection.engine, headers);
    }
  }

  /** Resolves when the last byte was handed over; rejects when the client went before. */
  get completed(): Promise<void> {
    if (this.#completed === undefined) {
      this.#completed = new Promise((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
      });
      // Nobody has to listen.
      this.#completed.catch(() => {});
      if (this.#isOver) this.settle(this.#error);
    }
    return this.#completed;
  }

  /** The exchange has ended, with `error` when the client went first. */
  settle(error?: unknown): void {
    this.#isOver = true;
    this.#error = error;
    if (error === undefined) this.#resolve?.();
    else this.#reject?.(error);
  }
}
