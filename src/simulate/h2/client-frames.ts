/**
 * What the server has been handed of a client's frames, applied to the oracle's state: a frame counts when its last byte has
 * been handed over, content byte by byte. What the server owes for it at once is looked after when it has read.
 */
import { FRAME_HEADER_BYTES } from '../../protocol/h2/frames.ts';
import type { SentFrame } from './sent-frames.ts';
import { type H2State, NEVER } from './state.ts';
import type { StreamModel } from './stream-model.ts';

const PREFACE_BYTES = 24;

export class ClientFrames {
  readonly #state: H2State;
  #next = 0;
  /** Whole frames, a field block as one. */
  #count = 0;
  #countBefore = 0;
  #isInBlock = false;
  #upgradeEnd = 0;
  /** Behind an upgrade the preface is still to come. */
  #prefaceEnd = 0;
  /** Where the DATA frame begins whose bytes were counted last. */
  #countedData = -1;

  constructor(state: H2State) {
    this.#state = state;
  }

  /** `size` bytes are about to be read. */
  deliver(size: number): void {
    const state = this.#state;
    const from = state.deliveredBytes;
    const to = from + size;
    state.deliveredBytes = to;
    state.receiveNumber++;
    state.isReceiving = true;
    if (state.isOver) return;
    state.resets.begin(state.world.nowMs, state.answers);
    for (const stream of state.streams.values()) stream.contentBefore = stream.contentBytes;
    const { frames } = state.sent;
    for (let at = this.#next; at < frames.length && frames[at]!.start < to; at++) {
      const frame = frames[at]!;
      if (frame.kind === 'data') {
        this.#flow(frame, to);
        this.#content(frame, from, to);
      }
      if (frame.end > to) break;
      this.#next = at + 1;
      this.#apply(frame);
    }
  }

  /** The server has read: a frame that is begun has to come to its end. */
  watchFrame(): void {
    const state = this.#state;
    if (state.switchedMs === NEVER || state.isOver || state.deliveredBytes === this.#upgradeEnd) return;
    if (!this.#isInShortFrame) state.frameDueMs = NEVER;
    else if (state.frameDueMs === NEVER || this.#count !== this.#countBefore)
      state.frameDueMs = state.world.nowMs + state.bounds.frameTimeoutMs;
    this.#countBefore = this.#count;
  }

  /** The stream of a request in HTTP/1.1 that was upgraded, and the head of any protocol, have come whole. */
  get hasHead(): boolean {
    return this.#next > 0;
  }

  /** RFC 9113 has no deadline for DATA: its request has. */
  get #isInShortFrame(): boolean {
    const { deliveredBytes, sent } = this.#state;
    if (this.#isInBlock || this.#prefaceEnd > deliveredBytes) return true;
    const frame = sent.frames[this.#next];
    if (frame === undefined || frame.start >= deliveredBytes) return false;
    return frame.kind !== 'data' || deliveredBytes < frame.start + FRAME_HEADER_BYTES;
  }

  /** A frame counts for the windows as a whole from its head on. */
  #flow(frame: SentFrame, to: number): void {
    const state = this.#state;
    state.restOfData = Math.max(0, frame.end - to);
    if (to < frame.start + FRAME_HEADER_BYTES || frame.start === this.#countedData) return;
    this.#countedData = frame.start;
    state.credit -= frame.value;
    const stream = state.streams.get(frame.streamId);
    if (stream === undefined) return;
    stream.flowBytes += frame.value;
    stream.credit -= frame.value;
  }

  #content(frame: SentFrame, from: number, to: number): void {
    const start = Math.max(from, frame.contentStart);
    const end = Math.min(to, frame.contentStart + frame.contentBytes);
    const stream = this.#state.streams.get(frame.streamId);
    if (end <= start || stream === undefined) return;
    stream.contentBytes += end - start;
    this.#bodyArrives(stream);
  }

  #bodyArrives(stream: StreamModel): void {
    stream.record?.bodyArrived(this.#state.world.nowMs, stream.isWhole);
  }

  #apply(frame: SentFrame): void {
    const state = this.#state;
    const stream = state.streams.get(frame.streamId);
    this.#isInBlock = frame.kind === 'part';
    state.resets.frame();
    if (frame.kind !== 'part' && frame.kind !== 'preface' && frame.kind !== 'upgrade') this.#count++;
    if (frame.kind === state.flood?.kind) {
      state.floodCount++;
      if (state.floodSinceMs === NEVER) state.floodSinceMs = state.world.nowMs;
    }
    switch (frame.kind) {
      case 'upgrade':
        this.#upgradeEnd = frame.end;
        this.#prefaceEnd = frame.end + PREFACE_BYTES;
        this.#takeInitialWindow(frame.settings);
        state.open(1, frame.request!, true);
        return;
      case 'settings':
        state.unacknowledged.push(frame.settings);
        return;
      case 'settings-ack':
        state.isAgreed = true;
        return;
      case 'ping':
        state.unansweredPings.push(frame.value);
        return;
      case 'ping-ack':
        state.pongs++;
        return;
      case 'window':
        if (frame.streamId === 0) state.connectionWindow += frame.value;
        else if (stream !== undefined) stream.window += frame.value;
        return;
      case 'reset':
        if (stream !== undefined) state.resetComes(stream);
        state.resets.resetByClient(stream);
        return;
      case 'head':
        state.open(frame.streamId, frame.request!, frame.isLast);
        return;
      case 'data':
        if (frame.isLast) this.#requestEnds(stream);
        return;
      case 'trailers':
        this.#requestEnds(stream);
        return;
    }
  }

  /** SETTINGS_INITIAL_WINDOW_SIZE of `HTTP2-Settings`, before any stream is open. */
  #takeInitialWindow(settings: readonly number[]): void {
    for (let i = 0; i < settings.length; i += 2)
      if (settings[i] === 4) this.#state.initialWindow = settings[i + 1]!;
  }

  #requestEnds(stream: StreamModel | undefined): void {
    if (stream === undefined || !stream.isOpen || this.#state.hasOffended(stream.id)) return;
    stream.isWhole = true;
    this.#bodyArrives(stream);
    if (stream.isAnswered) this.#state.close(stream, 'whole');
  }
}
