/**
 * How much of which answer may be written: the windows that the peer keeps, the memory that waits to be sent, and whose
 * turn it is (RFC 9218 §10). A stream that may not write is told when it may; while several wait, each writes a frame and
 * stands behind, so that a large answer does not hold up the others.
 */
import { WINDOW_BYTES_MAX } from '../frames.ts';
import { SendOrder } from '../send-order.ts';
import type { AbuseBudget } from './abuse-budget.ts';
import { DATA_BYTES_MAX, type FrameWriter } from './frame-writer.ts';
import { type H2Stream, NEVER } from './h2-stream.ts';
import type { Clock, H2Events, H2Output } from './server-events.ts';
import type { H2Settings } from './server-settings.ts';

interface SendPlace {
  readonly output: H2Output;
  readonly events: H2Events;
  readonly settings: H2Settings;
  readonly clock: Clock;
  readonly writer: FrameWriter;
  readonly budget: AbuseBudget;
  /** A stream has got a deadline. */
  arm(atMs: number): void;
}

/** RFC 9113 §6.9.2 */
const FIRST_WINDOW_BYTES = 65_535;

/** A window that lets less than that go is no way to read, and what it let go earns nothing: h2 calls DATA small below 256 bytes. */
const CRUMB_BYTES = 256;

export class SendSide {
  /** The window of streams that are opened from now on. */
  initialWindow = FIRST_WINDOW_BYTES;
  readonly #place: SendPlace;
  readonly #output: H2Output;
  readonly #unsentMax: number;
  readonly #order = new SendOrder<H2Stream>();
  /** The connection's. */
  #window = FIRST_WINDOW_BYTES;
  /** The stream that has the turn. */
  #turn: H2Stream | undefined = undefined;
  #share = 0;
  #isPumping = false;

  constructor(place: SendPlace) {
    this.#place = place;
    this.#output = place.output;
    this.#unsentMax = place.settings.unsentBytesMax;
  }

  /** Neither window lets the stream write. */
  isShut(stream: H2Stream): boolean {
    return stream.sendWindow <= 0 || this.#window <= 0;
  }

  /** Whether `bytes` may be written at once, before anybody else. @hot */
  fits(stream: H2Stream, bytes: number): boolean {
    return (
      bytes <= stream.sendWindow &&
      bytes <= this.#window &&
      this.#order.count === 0 &&
      this.#output.unsentBytes < this.#unsentMax
    );
  }

  /** @returns bytes that may be written now; 0 means that `onWindow` comes when there are some @hot */
  room(stream: H2Stream): number {
    const left = this.#unsentMax - this.#output.unsentBytes;
    // Where one byte may go, a whole frame may: small frames just below the bound would cost more than keeping to it gains.
    let room = left <= 0 ? 0 : Math.min(stream.sendWindow, this.#window, Math.max(left, DATA_BYTES_MAX));
    if (stream === this.#turn) room = Math.min(room, this.#share);
    else if (this.#order.count > 0) room = 0;
    if (room > 0 && this.#output.takesBytes) return room;
    this.#wait(stream);
    return 0;
  }

  /** @param end at most `room` behind `start` @hot */
  write(stream: H2Stream, bytes: Uint8Array, start: number, end: number, isLast: boolean): void {
    const { writer, budget } = this.#place;
    let at = start;
    do {
      const to = Math.min(end, at + DATA_BYTES_MAX);
      writer.data(stream.id, bytes, at, to, isLast && to === end);
      if (to - at >= CRUMB_BYTES) budget.dataFrames++;
      at = to;
    } while (at < end);
    const size = end - start;
    this.took(stream, size);
    // Short because there is no more, or because a window has no more room?
    if (size < CRUMB_BYTES && !this.isShut(stream)) budget.dataFrames++;
  }

  /** So much content was written. @hot */
  took(stream: H2Stream, bytes: number): void {
    stream.sendWindow -= bytes;
    stream.sentBytes += bytes;
    this.#window -= bytes;
    if (stream === this.#turn) this.#share -= bytes;
  }

  /** Lets those write that wait, as far as windows and memory go. */
  pump(): void {
    if (this.#isPumping || this.#order.count === 0) return;
    const output = this.#output;
    this.#isPumping = true;
    while (this.#order.count > 0 && this.#window > 0 && output.takesBytes) {
      if (output.unsentBytes >= this.#unsentMax) break;
      const stream = this.#order.next()!; // the count says so
      this.forget(stream);
      this.#turn = stream;
      this.#share = this.#order.count > 0 ? DATA_BYTES_MAX : WINDOW_BYTES_MAX;
      this.#place.events.onWindow(stream);
      this.#turn = undefined;
    }
    this.#isPumping = false;
  }

  /** The stream does not wait any more. */
  forget(stream: H2Stream): void {
    stream.isWaiting = false;
    if (!stream.isQueued) return;
    this.#order.remove(stream);
    stream.isQueued = false;
  }

  reprioritize(stream: H2Stream, urgency: number, takesTurns: boolean): void {
    if (stream.isQueued) this.#order.remove(stream);
    stream.urgency = urgency;
    stream.takesTurns = takesTurns;
    if (stream.isQueued) this.#order.add(stream);
  }

  /** @returns false when the connection's window is beyond 2^31-1 then. RFC 9113 §6.9.1 */
  growConnection(bytes: number): boolean {
    this.#window += bytes;
    return this.#window <= WINDOW_BYTES_MAX;
  }

  /** @returns as `growConnection`, for the stream's */
  grow(stream: H2Stream, bytes: number): boolean {
    stream.sendWindow += bytes;
    if (stream.isWaiting) this.#queue(stream);
    return stream.sendWindow <= WINDOW_BYTES_MAX;
  }

  /** SETTINGS_INITIAL_WINDOW_SIZE. @returns as `growConnection`, for each of `streams` (§6.9.2) */
  setInitialWindow(bytes: number, streams: readonly H2Stream[]): boolean {
    const change = bytes - this.initialWindow;
    this.initialWindow = bytes;
    let isLegal = true;
    for (const stream of streams) if (!this.grow(stream, change)) isLegal = false;
    return isLegal;
  }

  #wait(stream: H2Stream): void {
    const { settings, clock } = this.#place;
    stream.isWaiting = true;
    this.#queue(stream);
    if (stream.deadlineMs !== NEVER || stream.sentBytes >= settings.stallBytes) return;
    stream.deadlineMs = clock.nowMs + settings.stallTimeoutMs;
    this.#place.arm(stream.deadlineMs);
  }

  /** Only streams that have a window stand in the order. */
  #queue(stream: H2Stream): void {
    const hasWindow = stream.sendWindow > 0;
    if (stream.isQueued === hasWindow) return;
    if (hasWindow) this.#order.add(stream);
    else this.#order.remove(stream);
    stream.isQueued = hasWindow;
  }
}
