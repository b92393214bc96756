/**
 * Tells requests that the server begins to drain, by the signals behind `context.closing`. Each request has one of its
 * own, made when it is asked for and let go when nothing of the request goes on, so that listeners do not gather
 * on one object for as long as the server lives.
 */
import { AsyncScope } from './async-scope.ts';
import { ServerClosingError } from './errors.ts';

export class ClosingSignals {
  readonly #open = new Set<AbortController>();
  readonly #calls = new Set<() => void>();
  readonly #scope = new AsyncScope();
  #isClosing = false;

  /** A controller that is aborted when draining begins, or already is. */
  take(): AbortController {
    const controller = new AbortController();
    if (this.#isClosing) controller.abort(new ServerClosingError());
    else this.#open.add(controller);
    return controller;
  }

  drop(controller: AbortController): void {
    this.#open.delete(controller);
  }

  /** The same for many that live long: a function costs a tenth of a signal. @returns what stops it */
  listen(call: () => void): () => void {
    if (this.#isClosing) call();
    else this.#calls.add(call);
    return () => void this.#calls.delete(call);
  }

  /** Draining begins. */
  abortAll(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const open = [...this.#open];
    this.#open.clear();
    // Listeners are handlers' code: each request's in a context of its own.
    for (const controller of open) this.#scope.run(abortClosing, controller);
    const calls = [...this.#calls];
    this.#calls.clear();
    for (const call of calls) call();
  }
}

function abortClosing(this: AbortController): void {
  this.abort(new ServerClosingError());
}
