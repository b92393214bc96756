/**
 * The open streams of a connection by id, and how those ended that were closed lately. Ids only grow, so the last few
 * hundred fall into slots of their own, and nothing is allocated per stream.
 */
import type { H2Stream } from './h2-stream.ts';

// How a stream ended.
/** It was not opened, or is forgotten. */
export const END_UNKNOWN = 0;
/** Both sides have sent their END_STREAM. */
export const END_WHOLE = 1;
/** We have reset it: what the peer had under way is ignored. */
export const END_BY_US = 2;
export const END_BY_PEER = 3;

export class StreamTable {
  count = 0;
  readonly #slots: (H2Stream | undefined)[];
  readonly #mask: number;
  readonly #closedIds: Uint32Array;
  readonly #closedHow: Uint8Array;
  /** The number of the `receive` in which it was closed. */
  readonly #closedIn: Uint32Array;

  /** @param streamCountMax of open ones */
  constructor(streamCountMax: number) {
    // Twice as many: a round trip's worth of streams that have ended is remembered beside those that are open.
    const size = 2 ** Math.ceil(Math.log2(Math.min(2 * streamCountMax, 65_536)));
    this.#slots = new Array<H2Stream | undefined>(size).fill(undefined);
    this.#mask = size - 1;
    this.#closedIds = new Uint32Array(size);
    this.#closedHow = new Uint8Array(size);
    this.#closedIn = new Uint32Array(size);
  }

  /** @hot */
  find(id: number): H2Stream | undefined {
    let stream = this.#slots[(id >>> 1) & this.#mask];
    while (stream !== undefined && stream.id !== id) stream = stream.nextInSlot;
    return stream;
  }

  /** @hot */
  add(stream: H2Stream): void {
    const slot = (stream.id >>> 1) & this.#mask;
    stream.nextInSlot = this.#slots[slot];
    this.#slots[slot] = stream;
    this.count++;
  }

  /** @param how it ended @hot */
  remove(stream: H2Stream, how: number, receiveNumber: number): void {
    const slot = (stream.id >>> 1) & this.#mask;
    let at = this.#slots[slot];
    if (at === stream) this.#slots[slot] = stream.nextInSlot;
    else {
      while (at !== undefined && at.nextInSlot !== stream) at = at.nextInSlot;
      if (at === undefined) return;
      at.nextInSlot = stream.nextInSlot;
    }
    stream.nextInSlot = undefined;
    this.count--;
    this.noteEnd(stream.id, how, receiveNumber);
  }

  /** A stream that never stood in the table is over. @hot */
  noteEnd(id: number, how: number, receiveNumber: number): void {
    const slot = (id >>> 1) & this.#mask;
    this.#closedIds[slot] = id;
    this.#closedHow[slot] = how;
    this.#closedIn[slot] = receiveNumber;
  }

  howEnded(id: number): number {
    const slot = (id >>> 1) & this.#mask;
    return this.#closedIds[slot] === id ? this.#closedHow[slot]! : END_UNKNOWN;
  }

  /** Whether it ended in the `receive` with this number. */
  hasEndedIn(id: number, receiveNumber: number): boolean {
    const slot = (id >>> 1) & this.#mask;
    return this.#closedIds[slot] === id && this.#closedIn[slot] === receiveNumber >>> 0;
  }

  /** Those that are open now: a list of its own, which streams may leave the table under. */
  all(): H2Stream[] {
    const streams: H2Stream[] = [];
    if (this.count === 0) return streams;
    for (let stream of this.#slots)
      for (; stream !== undefined; stream = stream.nextInSlot) streams.push(stream);
    return streams;
  }
}
