/**
 * When the requests of a constant rate should be sent: evenly spaced, whatever the server does. With a
 * ramp the rate grows evenly from nothing, then stays. Pure: moments are numbers.
 */

/** Moments are large numbers with a fraction. Whether a request is due at one must not depend on the last digit of the number. */
const ROUNDING = 1e-6;
/** The same for moments: what is due at one is due from then on. */
export const ROUNDING_MS = 1e-6;

export class Schedule {
  readonly #startMs: number;
  readonly #perMs: number;
  readonly #phase: number;
  readonly #rampMs: number;
  /** Requests that the ramp itself holds: half of what the full rate would send in its time. */
  readonly #inRamp: number;

  /**
   * @param phase which part of the first interval passes before the first request, 0 up to 1
   * @param rampMs 0 for none
   */
  constructor(startMs: number, ratePerSecond: number, phase: number, rampMs: number) {
    this.#startMs = startMs;
    this.#perMs = ratePerSecond / 1000;
    this.#phase = phase;
    this.#rampMs = rampMs;
    this.#inRamp = (this.#perMs * rampMs) / 2;
  }

  /** When request `index`, counted from 0, is due. @hot */
  momentMs(index: number): number {
    const place = index + this.#phase;
    if (place >= this.#inRamp) return this.#startMs + place / this.#perMs + this.#rampMs / 2;
    // During the ramp, rate * t^2 / (2 * ramp) requests are due after t.
    return this.#startMs + Math.sqrt((2 * this.#rampMs * place) / this.#perMs);
  }

  /** How many requests are due before `atMs`. */
  countBefore(atMs: number): number {
    const elapsedMs = atMs - this.#startMs;
    if (elapsedMs <= 0) return 0;
    const due =
      elapsedMs >= this.#rampMs
        ? this.#perMs * (elapsedMs - this.#rampMs / 2)
        : (this.#perMs * elapsedMs * elapsedMs) / (2 * this.#rampMs);
    return Math.max(0, Math.ceil(due - this.#phase - ROUNDING));
  }
}
