/**
 * The requests that are under way, when each was meant to be sent, and when it first was: by slot and ticket, in
 * arrays, where a number costs no allocation. A request that is sent again keeps its first moments, since
 * whoever waits for its answer has waited since then.
 */
import type { MadeRequest } from './request-source.ts';
import type { Slot } from './slot.ts';

export interface UnderWay {
  readonly request: MadeRequest;
  readonly intendedMs: number;
  readonly sentMs: number;
}

export class RequestsUnderWay {
  readonly #depth: number;
  readonly #intendedMs: Float64Array;
  readonly #sentMs: Float64Array;
  /** 1 where the request had been sent before, on a connection that the server closed. */
  readonly #isResent: Uint8Array;
  readonly #requests: (MadeRequest | undefined)[];

  /** @param depth tickets of each slot */
  constructor(slotCount: number, depth: number) {
    this.#depth = depth;
    this.#intendedMs = new Float64Array(slotCount * depth);
    this.#sentMs = new Float64Array(slotCount * depth);
    this.#isResent = new Uint8Array(slotCount * depth);
    this.#requests = new Array<MadeRequest | undefined>(slotCount * depth).fill(undefined);
  }

  /** @hot */
  put(
    slot: Slot,
    ticket: number,
    request: MadeRequest,
    intendedMs: number,
    sentMs: number,
    isResent: boolean,
  ): void {
    const at = slot.index * this.#depth + ticket;
    this.#intendedMs[at] = intendedMs;
    this.#sentMs[at] = sentMs;
    this.#isResent[at] = isResent ? 1 : 0;
    this.#requests[at] = request;
  }

  /** When it was meant to be sent. @hot */
  intendedMs(slot: Slot, ticket: number): number {
    return this.#intendedMs[slot.index * this.#depth + ticket]!;
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

  /** @hot */
  request(slot: Slot, ticket: number): MadeRequest {
    return this.#requests[slot.index * this.#depth + ticket]!; // put before it was sent
  }

  /** What is under way on a slot's connection, oldest first. */
  of(slot: Slot): UnderWay[] {
    const found: UnderWay[] = [];
    if (slot.link.underWay === 0) return found;
    slot.link.eachUnderWay((ticket) => void found.push(this.at(slot, ticket)));
    return found;
  }

  at(slot: Slot, ticket: number): UnderWay {
    const at = slot.index * this.#depth + ticket;
    return {
      request: this.#requests[at]!, // put before it was sent
      intendedMs: this.#intendedMs[at]!,
      sentMs: this.#sentMs[at]!,
    };
  }

  /** The tickets of what was sent at `sentMs` or before. */
  sentBy(slot: Slot, sentMs: number): number[] {
    const found: number[] = [];
    slot.link.eachUnderWay((ticket) => {
      if (this.#sentMs[slot.index * this.#depth + ticket]! <= sentMs) found.push(ticket);
    });
    return found;
  }

  /** Calls `record` with the moment of each request of a slot that was meant for a moment between these. */
  eachBetween(slot: Slot, fromMs: number, toMs: number, record: (intendedMs: number) => void): void {
    if (slot.link.underWay === 0) return;
    slot.link.eachUnderWay((ticket) => {
      const intendedMs = this.#intendedMs[slot.index * this.#depth + ticket]!;
      if (intendedMs >= fromMs && intendedMs < toMs) record(intendedMs);
    });
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
