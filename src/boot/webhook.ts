/**
 * Tells a URL what happens to machines: one POST of JSON an event, one after the other. Nobody's boot waits for it; what the
 * receiver does not take is tried a few times and then dropped, and counted.
 */
import type { LoggerLike } from '../observe/logger-like.ts';
import type { BootEvent } from './machine-records.ts';

/** A receiver that is away for a while; 1 KiB each. */
const EVENTS_MAX = 1000;
const ATTEMPTS = 3;
const ATTEMPT_MS = 5000;
const PAUSE_MS = 1000;

export class Webhook {
  readonly #url: string;
  readonly #logger: LoggerLike;
  readonly #queue: BootEvent[] = [];
  #sending: Promise<void> | undefined;
  #isClosed = false;
  sent = 0;
  dropped = 0;

  constructor(url: string, logger: LoggerLike) {
    this.#url = url;
    this.#logger = logger;
  }

  tell(event: BootEvent): void {
    if (this.#queue.length === EVENTS_MAX) {
      this.#queue.shift();
      this.dropped++;
    }
    this.#queue.push(event);
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
  }

  async #send(): Promise<void> {
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) {
      const problem = await this.#post(event);
      if (problem === undefined) this.sent++;
      else {
        this.dropped++;
        this.#logger.warn(`webhook ${this.#url} did not take an event: ${problem}`);
      }
    }
  }

  /** @returns what went wrong the last time */
  async #post(event: BootEvent): Promise<string | undefined> {
    let problem: string | undefined;
    for (let attempt = 1; attempt <= ATTEMPTS && !this.#isClosed; attempt++) {
      if (attempt > 1) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt).unref());
      try {
        const response = await fetch(this.#url, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(event),
          signal: AbortSignal.timeout(ATTEMPT_MS),
        });
        await response.body?.cancel();
        if (response.ok) return undefined;
        problem = `status ${response.status}`;
        // It was understood and is not wanted: a second time changes nothing.
        if (response.status < 500 && response.status !== 429) return problem;
      } catch (error) {
        const { cause, message } = error as Error;
        problem = cause instanceof Error ? cause.message : message;
      }
    }
    return problem ?? 'the server has closed';
  }

  /** What is being sent has its time; nothing is tried again. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#sending;
  }
}
