/**
 * Who is told that the server begins to drain: the signals behind `context.closing`. Each request has one of its
 * own, made when it is asked for and let go when nothing of the request goes on, so that listeners do not gather
 * on one object for as long as the server lives.
 */
import { ServerClosingError } from './errors.ts';

export class ClosingSignals {
  readonly #open = new Set<AbortController>();
  #reason: ServerClosingError | undefined;

  /** A controller that is aborted when draining begins, or already is. */
  take(): AbortController {
    const controller = new AbortController();
    if (this.#reason === undefined) this.#open.add(controller);
    else controller.abort(this.#reason);
    return controller;
  }

  drop(controller: AbortController): void {
    this.#open.delete(controller);
  }

  /** Draining begins. */
  abortAll(): void {
    if (this.#reason !== undefined) return;
    const reason = new ServerClosingError();
    this.#reason = reason;
    const open = [...this.#open];
    this.#open.clear();
    for (const controller of open) controller.abort(reason);
  }
}
