/**
 * What a client's frames mean: RFC 9113 §5 and §6, by the state of the stream that they stand on. Frames that are whole
 * and well formed come here (frame-reader.ts); what follows is told to the session or ends something.
 */
import * as fault from '../error-codes.ts';
import type { FrameHandler } from '../frame-reader.ts';
import { STREAM_ID_MAX } from '../frames.ts';
import { LENGTH_UNKNOWN } from '../message-fields.ts';
import { parsePriority } from '../priority.ts';
import {
  DRAW_EMPTY_DATA,
  DRAW_LATE_RESET,
  DRAW_PING,
  DRAW_PRIORITY,
  DRAW_RESET,
  DRAW_SETTINGS,
  DRAW_STRAY,
  DRAW_WINDOW_UPDATE,
} from './abuse-budget.ts';
import type { ConnectionState } from './connection-state.ts';
import type { H2Stream } from './h2-stream.ts';
import { PeerSettings } from './peer-settings.ts';
import { END_BY_PEER, END_BY_US, END_WHOLE } from './stream-table.ts';

type MaybeFault = fault.Http2Fault | undefined;

/** Wishes for requests that are still to come. h2o 16 */
const EARLY_PRIORITIES_MAX = 16;
/** `u=1, i` and what may come beside it. */
const PRIORITY_TEXT_MAX = 64;
const NOTHING: readonly string[] = Object.freeze([]);

export class PeerFrames implements FrameHandler {
  readonly settings: PeerSettings;
  readonly #state: ConnectionState;
  /** A PING of ours is answered. */
  readonly #onPong: () => void;
  #early: Map<number, string> | undefined = undefined;

  constructor(state: ConnectionState, onPong: () => void) {
    this.#state = state;
    this.#onPong = onPong;
    this.settings = new PeerSettings(state.settings.bounds.settingsInFrameMax);
  }

  // Requests.

  /** @hot */
  onFieldBlock(
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    dependsOn: number,
  ): MaybeFault {
    const state = this.#state;
    if (id <= state.lastId) return this.#laterBlock(id, bytes, start, end, isLast);
    if ((id & 1) === 0) return fault.FAULT_STREAM_ID;
    const { heads } = state;
    const broken = heads.readHead(bytes, start, end);
    if (broken !== undefined) return broken;
    // RFC 9113 §6.8: what comes behind our GOAWAY is asked again elsewhere.
    if (state.isLeaving) return state.draw(DRAW_STRAY);
    state.lastId = id;
    const { head } = heads;
    if (head === undefined && !heads.isTooLarge) return state.refuse(id, fault.FAULT_MALFORMED, DRAW_RESET);
    if (dependsOn === id) return state.refuse(id, fault.FAULT_SELF_DEPENDENCY, DRAW_RESET);
    const contentLength = head === undefined ? LENGTH_UNKNOWN : head.fields.contentLength;
    if (isLast && contentLength > 0) return state.refuse(id, fault.FAULT_MALFORMED, DRAW_RESET);
    const refusal = state.whyNoRoom(head);
    if (refusal !== undefined)
      // Whoever does not know our settings yet cannot keep to them, nor to handlers that go on behind a reset.
      return state.refuse(
        id,
        refusal,
        state.isAgreed && state.outlivedCount === 0 ? DRAW_RESET : DRAW_LATE_RESET,
      );
    const stream = state.open(id, head);
    stream.isWhole = isLast;
    stream.contentLeft = contentLength;
    if (this.#early !== undefined) this.#applyEarly(stream);
    if (head !== undefined) state.events.onRequest(stream, head, isLast);
    else state.events.onHeadTooLarge(stream, isLast, heads.isHead);
    // RFC 9113 §5.1.1: who has used all ids has to make another connection.
    if (id === STREAM_ID_MAX) state.leave();
    return head === undefined ? state.draw(DRAW_RESET) : undefined;
  }

  /** A block on a stream that is open, or was: trailers, or a fault. */
  #laterBlock(id: number, bytes: Uint8Array, start: number, end: number, isLast: boolean): MaybeFault {
    const state = this.#state;
    const { heads, table } = state;
    const broken = heads.readFields(bytes, start, end);
    if (broken !== undefined) return broken;
    const stream = table.find(id);
    if (stream === undefined) {
      switch (table.howEnded(id)) {
        case END_BY_US:
          return state.draw(DRAW_STRAY);
        case END_BY_PEER:
          return state.refuse(id, fault.FAULT_HALF_CLOSED, DRAW_RESET);
        case END_WHOLE:
          return fault.FAULT_CLOSED_STREAM;
        default:
          // How it ended is forgotten. A request opens no stream below the last; trailers may have been under way when we reset theirs.
          return heads.areTrailers ? state.draw(DRAW_STRAY) : fault.FAULT_STREAM_ID;
      }
    }
    if (stream.isWhole) return state.fail(stream, fault.FAULT_HALF_CLOSED);
    if (!isLast || !heads.areTrailers || stream.contentLeft > 0)
      return state.fail(stream, fault.FAULT_MALFORMED);
    this.#requestEnds(stream, heads.takeNames(), heads.takeValues());
    return undefined;
  }

  /** @hot */
  #requestEnds(stream: H2Stream, names: readonly string[], values: readonly string[]): void {
    stream.isWhole = true;
    if (stream.isAnswered) this.#state.close(stream, END_WHOLE);
    else this.#state.events.onRequestEnd(stream, names, values);
  }

  // Content.

  /** @hot */
  onData(id: number, length: number): MaybeFault {
    const state = this.#state;
    const { receiving } = state;
    const stream = state.table.find(id);
    if (!receiving.begin(stream, length)) return fault.FAULT_FLOW_CONTROL;
    if (stream === undefined) return this.#dataBehindEnd(id);
    if (stream.isWhole) return state.fail(stream, fault.FAULT_HALF_CLOSED);
    if (!receiving.take(stream, length)) return state.fail(stream, fault.FAULT_STREAM_WINDOW);
    return undefined;
  }

  #dataBehindEnd(id: number): MaybeFault {
    const state = this.#state;
    if (id > state.lastId) return this.#isBeyond(id) ? state.draw(DRAW_STRAY) : fault.FAULT_IDLE_STREAM;
    switch (state.table.howEnded(id)) {
      case END_WHOLE:
        return fault.FAULT_CLOSED_STREAM;
      case END_BY_PEER:
        return state.refuse(id, fault.FAULT_HALF_CLOSED, DRAW_RESET);
      default:
        return state.draw(DRAW_STRAY);
    }
  }

  /** @hot */
  onDataPiece(_id: number, bytes: Uint8Array, start: number, end: number): MaybeFault {
    const state = this.#state;
    const stream = state.receiving.frameStream;
    if (stream === undefined) return undefined;
    const size = end - start;
    if (stream.contentLeft !== LENGTH_UNKNOWN) {
      if (size > stream.contentLeft) return state.fail(stream, fault.FAULT_MALFORMED);
      stream.contentLeft -= size;
    }
    if (state.receiving.piece(stream, size)) state.events.onData(stream, bytes, start, end);
    return undefined;
  }

  /** @hot */
  onDataEnd(_id: number, isLast: boolean): MaybeFault {
    const state = this.#state;
    const { receiving } = state;
    const stream = receiving.frameStream;
    if (stream === undefined) return undefined;
    const content = receiving.endFrame();
    if (isLast) {
      if (stream.contentLeft > 0) return state.fail(stream, fault.FAULT_MALFORMED);
      this.#requestEnds(stream, NOTHING, NOTHING);
      return undefined;
    }
    if (stream.isAnswered && stream.receiveWindow === 0) state.resetAnswered(stream);
    if (content === 0) return state.draw(DRAW_EMPTY_DATA);
    return receiving.isTinyFlood(stream, content) ? fault.FAULT_TINY_DATA_FLOOD : undefined;
  }

  // Ends.

  onReset(id: number, errorCode: number): MaybeFault {
    const state = this.#state;
    if (id > state.lastId) return this.#isBeyond(id) ? state.draw(DRAW_STRAY) : fault.FAULT_IDLE_STREAM;
    const { table } = state;
    const stream = table.find(id);
    if (stream === undefined) {
      // Answered and reset at once: the answer has earned what it was not meant to. An older one was read by somebody.
      const isWaste = table.howEnded(id) === END_WHOLE && table.hasEndedIn(id, state.receiveNumber);
      return isWaste ? state.draw(DRAW_RESET, 2) : state.draw(DRAW_LATE_RESET);
    }
    const wasAnswered = stream.isAnswered;
    state.tellReset(stream, errorCode);
    state.close(stream, END_BY_PEER);
    return wasAnswered ? state.draw(DRAW_LATE_RESET) : state.draw(DRAW_RESET);
  }

  onStreamFault(id: number, why: fault.Http2Fault): MaybeFault {
    const state = this.#state;
    if (id > state.lastId) return why;
    const stream = state.table.find(id);
    if (stream !== undefined) return state.fail(stream, why);
    return state.refuse(id, why, DRAW_RESET);
  }

  onGoAway(): MaybeFault {
    return this.#state.draw(DRAW_STRAY);
  }

  // Windows and settings.

  onWindowUpdate(id: number, increment: number): MaybeFault {
    const state = this.#state;
    const { sending } = state;
    const drawn = state.draw(DRAW_WINDOW_UPDATE);
    if (drawn !== undefined) return drawn;
    if (id === 0) {
      if (increment === 0) return fault.FAULT_EMPTY_UPDATE;
      return sending.growConnection(increment) ? undefined : fault.FAULT_FLOW_CONTROL;
    }
    if (id > state.lastId) return this.#isBeyond(id) ? undefined : fault.FAULT_IDLE_STREAM;
    const stream = state.table.find(id);
    // It was under way when we reset its stream, or was to make us reset it.
    if (stream === undefined)
      return state.draw(state.table.howEnded(id) === END_BY_US ? DRAW_LATE_RESET : DRAW_STRAY);
    if (increment === 0) return state.fail(stream, fault.FAULT_EMPTY_STREAM_UPDATE);
    return sending.grow(stream, increment) ? undefined : state.fail(stream, fault.FAULT_STREAM_WINDOW);
  }

  onSetting(identifier: number, value: number): MaybeFault {
    return this.settings.set(identifier, value);
  }

  onSettingsEnd(): MaybeFault {
    const state = this.#state;
    if (!this.applySettings()) return fault.FAULT_FLOW_CONTROL;
    state.writer.settingsAck();
    return state.draw(DRAW_SETTINGS);
  }

  /** @returns false when a window is beyond 2^31-1 then. RFC 9113 §6.9.2 */
  applySettings(): boolean {
    const { sending, table, writer } = this.#state;
    if (this.settings.takeShrunkTable()) writer.owesTableSize = true;
    const window = this.settings.takeInitialWindow(sending.initialWindow);
    return window === sending.initialWindow || sending.setInitialWindow(window, table.all());
  }

  onSettingsAck(): MaybeFault {
    const state = this.#state;
    if (state.isAgreed) return state.draw(DRAW_STRAY);
    state.isAgreed = true;
    return undefined;
  }

  onPing(bytes: Uint8Array, start: number): MaybeFault {
    this.#state.writer.ping(true, bytes, start);
    return this.#state.draw(DRAW_PING);
  }

  onPingAck(): MaybeFault {
    this.#onPong();
    return this.#state.draw(DRAW_STRAY);
  }

  // Priorities.

  onPriority(id: number, dependsOn: number): MaybeFault {
    return dependsOn === id
      ? this.onStreamFault(id, fault.FAULT_SELF_DEPENDENCY)
      : this.#state.draw(DRAW_PRIORITY);
  }

  onPriorityUpdate(id: number, bytes: Uint8Array, start: number, end: number): MaybeFault {
    const state = this.#state;
    if ((id & 1) === 0) return fault.FAULT_PRIORITY_UPDATE;
    if (end - start <= PRIORITY_TEXT_MAX) {
      const stream = state.table.find(id);
      if (stream !== undefined) this.#prioritize(stream, state.settings.textOf(bytes, start, end));
      else if (id > state.lastId) {
        this.#early ??= new Map();
        if (this.#early.size < EARLY_PRIORITIES_MAX || this.#early.has(id))
          this.#early.set(id, state.settings.textOf(bytes, start, end));
      }
    }
    return state.draw(DRAW_PRIORITY);
  }

  #prioritize(stream: H2Stream, text: string): void {
    const { urgency, isIncremental } = parsePriority(text);
    this.#state.sending.reprioritize(stream, urgency, isIncremental);
  }

  /** What was said of streams before this one is not needed any more. */
  #applyEarly(stream: H2Stream): void {
    for (const [id, text] of this.#early!) {
      if (id === stream.id) this.#prioritize(stream, text);
      if (id <= stream.id) this.#early!.delete(id);
    }
    if (this.#early!.size === 0) this.#early = undefined;
  }

  // Others.

  onPushPromise(): MaybeFault {
    return fault.FAULT_PUSH;
  }

  onUnknown(): MaybeFault {
    return this.#state.draw(DRAW_STRAY);
  }

  /** A request's stream that came behind our GOAWAY, and that nobody answers. */
  #isBeyond(id: number): boolean {
    return (id & 1) === 1 && this.#state.isLeaving;
  }
}
