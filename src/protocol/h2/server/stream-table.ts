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

/** Most connections never have more open at once than half of that. */
const FIRST_SIZE = 16;

export class StreamTable {
  count = 0;
  // Plain arrays of small integers: an idle connection should cost little, and a typed array costs 200 bytes beside its own.
  #slots: (H2Stream | undefined)[];
  #mask: number;
  #closedIds: number[];
  #closedHow: number[];
  /** The number of the `receive` in which it was closed. */
  #closedIn: number[];

  constructor() {
    this.#slots = new Array<H2Stream | undefined>(FIRST_SIZE).fill(undefined);
    this.#mask = FIRST_SIZE - 1;
    this.#closedIds = new Array<number>(FIRST_SIZE).fill(0);
    this.#closedHow = new Array<number>(FIRST_SIZE).fill(END_UNKNOWN);
    this.#closedIn = new Array<number>(FIRST_SIZE).fill(0);
  }

  /** @hot */
  find(id: number): H2Stream | undefined {
    let stream = this.#slots[(id >>> 1) & this.#mask];
    while (stream !== undefined && stream.id !== id) stream = stream.nextInSlot;
    return stream;
  }

  /** @hot */
  add(stream: H2Stream): void {
    // Twice as many slots as streams: a round trip's worth of those that have ended is remembered beside them.
    if (2 * this.count >= this.#slots.length) this.#grow();
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
    return this.#closedIds[slot] === id && this.#closedIn[slot] === receiveNumber;
  }

  /** Those that are open now. It is a copy: streams may leave the table while somebody goes through it. */
  all(): H2Stream[] {
    const streams: H2Stream[] = [];
    if (this.count === 0) return streams;
    for (let stream of this.#slots)
      for (; stream !== undefined; stream = stream.nextInSlot) streams.push(stream);
    return streams;
  }

  #grow(): void {
    const streams = this.all();
    const ids = this.#closedIds;
    const how = this.#closedHow;
    const closedIn = this.#closedIn;
    const size = 2 * this.#slots.length;
    this.#slots = new Array<H2Stream | undefined>(size).fill(undefined);
    this.#mask = size - 1;
    this.#closedIds = new Array<number>(size).fill(0);
    this.#closedHow = new Array<number>(size).fill(END_UNKNOWN);
    this.#closedIn = new Array<number>(size).fill(0);
    for (let at = 0; at < ids.length; at++) this.noteEnd(ids[at]!, how[at]!, closedIn[at]!);
    this.count = 0;
    for (const stream of streams) this.add(stream);
  }
}
