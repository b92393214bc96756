/**
 * When the requests that are under way were meant to be sent, and when they first were: by slot and ticket, in
 * arrays, where a number costs no allocation. A request that is sent again keeps its first moments, since
 * whoever waits for its answer has waited since then.
 */
import type { Slot } from './slot.ts';

/** Of one request. */
export interface Moments {
  readonly intendedMs: number;
  readonly sentMs: number;
}

export class RequestsUnderWay {
  readonly #depth: number;
  readonly #intendedMs: Float64Array;
  readonly #sentMs: Float64Array;
  /** 1 where the request had been sent before, on a connection that the server closed. */
  readonly #isResent: Uint8Array;

  /** @param depth tickets of each slot */
  constructor(slotCount: number, depth: number) {
    this.#depth = depth;
    this.#intendedMs = new Float64Array(slotCount * depth);
    this.#sentMs = new Float64Array(slotCount * depth);
    this.#isResent = new Uint8Array(slotCount * depth);
  }

  /** @hot */
  put(slot: Slot, ticket: number, intendedMs: number, sentMs: number, isResent: boolean): void {
    const at = slot.index * this.#depth + ticket;
    this.#intendedMs[at] = intendedMs;
    this.#sentMs[at] = sentMs;
    this.#isResent[at] = isResent ? 1 : 0;
  }

  /** Whole microseconds from the moment that the request was meant for. @hot */
  latencyUs(slot: Slot, ticket: number, nowMs: number): number {
    return Math.round((nowMs - this.#intendedMs[slot.index * this.#depth + ticket]!) * 1000);
  }

  /** Whole microseconds from its sending. @hot */
  serviceUs(slot: Slot, ticket: number, nowMs: number): number {
    return Math.round((nowMs - this.#sentMs[slot.index * this.#depth + ticket]!) * 1000);
  }

  /**
   * The connection stands: what waited for it is sent now.
   * @param countsConnecting latency counts from before, which then stays
   */
  markSent(slot: Slot, nowMs: number, countsConnecting: boolean): void {
    const base = slot.index * this.#depth;
    slot.link.eachUnderWay((ticket) => {
      if (this.#isResent[base + ticket] === 1) return;
      this.#sentMs[base + ticket] = nowMs;
      if (!countsConnecting) this.#intendedMs[base + ticket] = nowMs;
    });
  }

  /** Of what is under way on a slot's connection, oldest first. */
  of(slot: Slot): Moments[] {
    const moments: Moments[] = [];
    if (slot.link.underWay === 0) return moments;
    slot.link.eachUnderWay((ticket) => {
      const at = slot.index * this.#depth + ticket;
      moments.push({ intendedMs: this.#intendedMs[at]!, sentMs: this.#sentMs[at]! });
    });
    return moments;
  }

  /** @returns Infinity where nothing is under way */
  oldestSentMs(slot: Slot): number {
    let sinceMs = Number.POSITIVE_INFINITY;
    slot.link.eachUnderWay((ticket) => {
      sinceMs = Math.min(sinceMs, this.#sentMs[slot.index * this.#depth + ticket]!);
    });
    return sinceMs;
  }
}
