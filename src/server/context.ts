/** The second argument of a handler: what concerns the connection and the answer rather than the request. */
import type { RemoteAddress } from '../engine/engine.ts';
import type { RequestContext } from '../web/context.ts';
import type { Exchange } from './exchange.ts';

/** The promise of `completed`, made when it is first asked for. */
interface Completion {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

export class ServerContext implements RequestContext {
  readonly #exchange: Exchange;
  #completion: Completion | undefined = undefined;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get remoteAddress(): RemoteAddress | undefined {
    return this.#exchange.connection.engine.remoteAddress();
  }

  /** `close()` waits for `promise` (up to the drain deadline), and its rejection is logged, not lost. */
  waitUntil(promise: Promise<unknown>): void {
    this.#exchange.connection.thread.waitUntil(promise, this.#exchange);
  }

  /** Sends `103 Early Hints` now. RFC 8297 */
  earlyHints(headers: Record<string, string>): void {
    const { connection, isFinished, status, minor } = this.#exchange;
    if (!isFinished && status === 0 && minor > 0)
      connection.thread.writer.earlyHints(connection.engine, headers);
  }

  /** Resolves when the last byte was handed over; rejects when the client went before. */
  get completed(): Promise<void> {
    if (this.#completion === undefined) {
      this.#completion = completion();
      if (this.#exchange.isFinished) this.settle(this.#exchange.goneError);
    }
    return this.#completion.promise;
  }

  /** The exchange has ended, with `error` when the client went first. */
  settle(error: Error | undefined): void {
    if (error === undefined) this.#completion?.resolve();
    else this.#completion?.reject(error);
  }
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
