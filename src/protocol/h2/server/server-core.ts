/**
 * The server's side of an HTTP/2 connection (RFC 9113) without sockets, timers or promises: bytes go in by `receive`,
 * frames come out in the memory of `output`, and a session is told by `events` (server-events.ts) what happens to its
 * streams. Its parts: head-reader.ts (field blocks), send-side.ts and receive-side.ts (windows, turns), stream-table.ts
 * (what is open, and what was), abuse-budget.ts (what is legal and only costs), frame-writer.ts.
 *
 * The interface, for a session:
 *
 *     const thread = new H2Thread(settings, clock);            // connection-state.ts: one for all connections of a thread
 *     const core = new H2Server(thread, output, events);       // `output`: an EngineConnection will do
 *     core.begin();                                            // writes our SETTINGS
 *     core.receive(bytes, start, end);                         // from the first byte of the preface on
 *     core.drained(); core.expire(nowMs);                      // onDrained; the moment that onDeadline told
 *     core.drain(); core.abort();                              // graceful end; the connection is gone
 *
 * A request: `onRequest(stream, head, isWhole)`, then `onData` and `onRequestEnd` unless it is whole. `head.fields` has
 * method, scheme, authority, path and the other fields, validated; the same head object comes again when the client
 * repeats itself, and `head.cached` is the session's to keep its own form in. For content that was read: `consumed(stream, n)`.
 *
 * An answer: heads are made by answer-heads.ts, for all connections of a thread; response-block.ts has fixed ones.
 *
 * - `respond(stream, block, 0, n, content, 0, m)` writes head and whole content in one piece if they may go now, and
 *   returns whether it has; it is the quick way for small answers (`respondText` for ASCII). If not, nothing was written:
 * - `sendHead(stream, block, 0, n, isLast)`, then while there is content `room(stream)`, at most so much by
 *   `write(stream, bytes, start, end, isLast)`, and where room is 0, on in `onWindow(stream)`. The last write says so,
 *   or `end(stream)`, or `sendTrailers(stream, block)` ends it.
 * - `sendInterim(stream, block)` for 100 and 103, before the head. `reset(stream, code)` breaks off; no `onReset` follows.
 *
 * A stream is the session's until it has written the last frame, has reset it, or `onReset` tells that it is over:
 * afterwards the object serves another request, and must not be used. What a client still sends of a request
 * whose answer is whole, the core drops, and after a while or a window full it says RST_STREAM NO_ERROR (RFC 9113 §8.1).
 *
 * A reset does not stop a handler. Where one goes on behind it, `handlerOutlives()` and later `handlerEnds()` keep its place
 * taken: that, beside the budget for resets, is what bounds the work that rapid resets can begin.
 *
 * After `receive` the session looks at `mustPause`: answers have piled up that the client does not read (they cost it no
 * window when they are heads), so nothing more is to be read from the socket until `drained`.
 *
 * `Upgrade: h2c`: `upgrade(payload)` reads HTTP2-Settings and gives stream 1, or undefined when they are bad; the session
 * then sends 101, calls `begin` and answers on the stream.
 *
 * Invariant: a stream in the table is open; nothing is written for one that is not; after `onEnd` nothing is written.
 */
import { HTTP2_PREFACE } from '../../detect.ts';
import * as fault from '../error-codes.ts';
import { FrameReader } from '../frame-reader.ts';
import * as frame from '../frames.ts';
import { ConnectionState, type H2Thread } from './connection-state.ts';
import { DATA_BYTES_MAX } from './frame-writer.ts';
import { type H2Stream, NEVER } from './h2-stream.ts';
import { PeerFrames } from './peer-frames.ts';
import type { H2Events, H2Output } from './server-events.ts';
import type { H2Settings } from './server-settings.ts';
import { END_BY_US } from './stream-table.ts';

const PREFACE_BYTES = HTTP2_PREFACE.length;
/** A head as it is sent may be so many times larger than heads may be and is still answered, with 431. */
const BLOCK_FACTOR = 4;
/** So many times as much as content may wait to be sent, with heads of answers, before nothing more is read. */
const PAUSE_FACTOR = 2;
/** `receive` calls are counted as small integers. */
const RECEIVE_NUMBER_MASK = 0x3fffffff;
/** Eight bytes of our choice, which the client sends back. */
const DRAIN_PING = Uint8Array.of(0x64, 0x72, 0x61, 0x69, 0x6e, 0, 0, 0);

export class H2Server {
  readonly #state: ConnectionState;
  readonly #frames: PeerFrames;
  readonly #settings: H2Settings;
  #prefaceBytes = 0;
  #settingsDeadlineMs = NEVER;
  /** For the frame that is being read, or for the preface. */
  #frameDeadlineMs = NEVER;
  #frameCount = 0;
  #drainDeadlineMs = NEVER;
  #isDraining = false;

  constructor(thread: H2Thread, output: H2Output, events: H2Events) {
    const { settings } = thread;
    this.#settings = settings;
    this.#state = new ConnectionState(thread, output, events);
    this.#frames = new PeerFrames(this.#state, () => {
      if (this.#isDraining) this.#state.leave();
    });
    this.#state.reader = new FrameReader(this.#frames, {
      frameBytesMax: frame.DEFAULT_FRAME_BYTES_MAX,
      blockBytesMax: BLOCK_FACTOR * settings.headBytesMax,
      continuationCountMax: settings.continuationCountMax,
    });
  }

  /** How many streams are open. Those whose answer is whole and whose request is not are counted too. */
  get streamCount(): number {
    return this.#state.table.count;
  }

  /** The same, in a list of the caller's own. */
  streams(): H2Stream[] {
    return this.#state.table.all();
  }

  /** After `onEnd` or `abort`. */
  get isOver(): boolean {
    return this.#state.isOver;
  }

  /** So much waits to be sent that nothing more should be read before `drained`. */
  get mustPause(): boolean {
    return this.#state.output.unsentBytes > PAUSE_FACTOR * this.#settings.unsentBytesMax;
  }

  /** When `expire` is to be called; Infinity for never. */
  get deadlineMs(): number {
    return this.#state.deadlineMs;
  }

  /** Writes our SETTINGS. To be called once, before anything else is written. */
  begin(): void {
    const settings = this.#settings;
    const list = [
      frame.SETTINGS_MAX_CONCURRENT_STREAMS,
      settings.streamCountMax,
      frame.SETTINGS_MAX_HEADER_LIST_SIZE,
      settings.headBytesMax,
      frame.SETTINGS_NO_RFC7540_PRIORITIES,
      1,
    ];
    if (settings.streamWindowBytes !== frame.DEFAULT_WINDOW_BYTES)
      list.push(frame.SETTINGS_INITIAL_WINDOW_SIZE, settings.streamWindowBytes);
    if (settings.extendedConnect) list.push(frame.SETTINGS_ENABLE_CONNECT_PROTOCOL, 1);
    const state = this.#state;
    state.writer.begin(list, state.receiving.firstIncrement);
    this.#settingsDeadlineMs = state.clock.nowMs + settings.settingsTimeoutMs;
    state.arm(this.#settingsDeadlineMs);
  }

  /**
   * The request of `Upgrade: h2c` becomes stream 1, whole already. RFC 7540 §3.2
   * @param payload of HTTP2-Settings, decoded
   * @returns undefined when it holds no settings, and nothing has changed then
   */
  upgrade(payload: Uint8Array): H2Stream | undefined {
    if (this.#frames.settings.setAll(payload) !== undefined || !this.#frames.applySettings())
      return undefined;
    const stream = this.#state.open(1, undefined);
    this.#state.lastId = 1;
    stream.isWhole = true;
    return stream;
  }

  /**
   * Bytes of the client, borrowed until return. Not to be called from within an event.
   * @returns the position behind what was read: `end`, unless `hold` was called @hot
   */
  receive(bytes: Uint8Array, start: number, end: number): number {
    const state = this.#state;
    if (state.isOver || start === end) return end;
    state.receiveNumber = (state.receiveNumber + 1) & RECEIVE_NUMBER_MASK;
    let at = start;
    if (this.#prefaceBytes < PREFACE_BYTES) {
      while (this.#prefaceBytes < PREFACE_BYTES && at < end)
        if (bytes[at++] !== HTTP2_PREFACE[this.#prefaceBytes++]) {
          state.end(fault.FAULT_PREFACE);
          return end;
        }
    }
    const why = state.reader.read(bytes, at, end);
    if (why !== undefined) state.end(why);
    if (state.isOver) return end;
    state.sending.pump();
    this.#watchFrame();
    return state.reader.readTo;
  }

  /** Within `onRequest`: what comes behind it waits until it is given to `receive` again, so that others have their turn. */
  hold(): void {
    this.#state.reader.hold();
  }

  /** A frame that has begun must become whole in time; each frame has a time of its own. @hot */
  #watchFrame(): void {
    const { reader, clock } = this.#state;
    if (!reader.isInShortFrame && this.#prefaceBytes === PREFACE_BYTES) this.#frameDeadlineMs = NEVER;
    else if (this.#frameDeadlineMs === NEVER || reader.frameCount !== this.#frameCount) {
      this.#frameDeadlineMs = clock.nowMs + this.#settings.frameTimeoutMs;
      this.#state.arm(this.#frameDeadlineMs);
    }
    this.#frameCount = reader.frameCount;
  }

  /** All that was committed has left: those that waited go on. @hot */
  drained(): void {
    if (!this.#state.isOver) this.#state.sending.pump();
  }

  /** To be called at the moment that `onDeadline` told. An earlier call does nothing; it has to be called again at `deadlineMs`. */
  expire(nowMs: number): void {
    const state = this.#state;
    if (state.isOver || nowMs < state.deadlineMs) return;
    state.disarm();
    if (state.isAgreed) this.#settingsDeadlineMs = NEVER;
    if (nowMs >= this.#settingsDeadlineMs) state.end(fault.FAULT_SETTINGS_TIMEOUT);
    else if (nowMs >= this.#frameDeadlineMs) state.end(fault.FAULT_BLOCK_TIMEOUT);
    else if (nowMs >= this.#drainDeadlineMs) state.leave();
    if (state.isOver) return;
    if (state.isLeaving) this.#drainDeadlineMs = NEVER;
    for (const stream of state.table.all()) {
      // The end of an earlier one in this list may have ended this one too.
      if (stream.id === 0) continue;
      if (nowMs >= stream.deadlineMs) this.#expireStream(stream, nowMs);
      if (state.isOver) return;
      if (stream.deadlineMs !== NEVER && stream.id !== 0) state.arm(stream.deadlineMs);
    }
    for (const at of [this.#settingsDeadlineMs, this.#frameDeadlineMs, this.#drainDeadlineMs]) state.arm(at);
  }

  #expireStream(stream: H2Stream, nowMs: number): void {
    const state = this.#state;
    const settings = this.#settings;
    stream.deadlineMs = NEVER;
    if (stream.isAnswered) {
      state.resetAnswered(stream);
      return;
    }
    if (!stream.isWaiting || stream.sentBytes >= settings.stallBytes) return;
    // No window is shut, so it waits for the socket or for its turn: readers may be as slow as they like.
    if (!state.sending.isShut(stream)) {
      stream.deadlineMs = nowMs + settings.stallTimeoutMs;
      return;
    }
    const why =
      ++state.stalledAnswers > settings.bounds.stalledAnswersMax
        ? fault.FAULT_STALL_FLOOD
        : state.fail(stream, fault.FAULT_STALLED);
    if (why !== undefined) state.end(why);
  }

  /**
   * Takes only the streams that are on their way. GOAWAY goes out twice, with a round trip between (RFC 9113 §6.8); `onEnd`
   * follows when all are answered.
   * @param idleGraceMs how long at most that round trip may take where no stream is open; at 0 it is not waited for
   */
  drain(idleGraceMs = NEVER): void {
    const state = this.#state;
    if (this.#isDraining || state.isOver || state.isLeaving) return;
    this.#isDraining = true;
    const isIdle = state.table.count === 0;
    if (isIdle && idleGraceMs === 0) {
      state.leave();
      return;
    }
    state.writer.goAway(frame.STREAM_ID_MAX, fault.NO_ERROR);
    state.writer.ping(false, DRAIN_PING, 0);
    const { drainGraceMs } = this.#settings;
    this.#drainDeadlineMs = state.clock.nowMs + (isIdle ? Math.min(drainGraceMs, idleGraceMs) : drainGraceMs);
    state.arm(this.#drainDeadlineMs);
  }

  /** Ends the connection for a reason of the session's own, by GOAWAY and `onEnd`. */
  fail(why: fault.Http2Fault): void {
    this.#state.end(why);
  }

  /** The connection is gone: all streams are reset, and nothing is written. */
  abort(): void {
    if (!this.#state.isOver) this.#state.drop(fault.CANCEL);
  }

  /** A stream was reset, and its handler goes on: it counts as one that is open, until `handlerEnds`. */
  handlerOutlives(): void {
    this.#state.outlivedCount++;
  }

  handlerEnds(): void {
    this.#state.outlivedCount--;
  }

  // For streams. Calls on one that is over, though the session may not make them, do nothing.

  /** Content that came by `onData` has been read, or is not wanted. @hot */
  consumed(stream: H2Stream, bytes: number): void {
    if (!stream.isAnswered && !this.#state.isOver) this.#state.receiving.consume(stream, bytes);
  }

  /** 100 (Continue) or 103, any number of times before the head. */
  sendInterim(stream: H2Stream, block: Uint8Array, end = block.length): void {
    if (stream.isAnswered || stream.hasSentHead) return;
    this.#state.writer.headers(stream.id, block, 0, end, false);
  }

  /** @param isLast there is no content @hot */
  sendHead(stream: H2Stream, block: Uint8Array, start: number, end: number, isLast: boolean): void {
    if (stream.isAnswered || stream.hasSentHead) return;
    stream.hasSentHead = true;
    this.#state.writer.headers(stream.id, block, start, end, isLast);
    if (isLast) this.#state.answered(stream);
  }

  /**
   * The whole answer, if all of it may go at once.
   * @returns false when it may not, and nothing was written @hot
   */
  respond(
    stream: H2Stream,
    block: Uint8Array,
    blockStart: number,
    blockEnd: number,
    content: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const size = end - start;
    const { sending, writer, budget } = this.#state;
    if (stream.isAnswered || stream.hasSentHead || size > DATA_BYTES_MAX || !sending.fits(stream, size))
      return false;
    if (writer.owesTableSize || blockEnd - blockStart > DATA_BYTES_MAX) return false;
    writer.answer(stream.id, block, blockStart, blockEnd, content, start, end);
    budget.dataFrames++;
    sending.took(stream, size);
    this.#state.answered(stream);
    return true;
  }

  /**
   * The same for content that is text.
   * @returns false also when it is not ASCII @hot
   */
  respondText(
    stream: H2Stream,
    block: Uint8Array,
    blockStart: number,
    blockEnd: number,
    text: string,
  ): boolean {
    const size = text.length;
    const { sending, writer, budget } = this.#state;
    if (stream.isAnswered || stream.hasSentHead || size > DATA_BYTES_MAX || !sending.fits(stream, size))
      return false;
    if (writer.owesTableSize || blockEnd - blockStart > DATA_BYTES_MAX) return false;
    if (!writer.answerText(stream.id, block, blockStart, blockEnd, text)) return false;
    budget.dataFrames++;
    sending.took(stream, size);
    this.#state.answered(stream);
    return true;
  }

  /** @returns bytes of content that may be written now; 0 promises `onWindow` @hot */
  room(stream: H2Stream): number {
    return stream.isAnswered ? 0 : this.#state.sending.room(stream);
  }

  /** @param end at most `room` behind `start` @param isLast no content follows, nor trailers @hot */
  write(stream: H2Stream, bytes: Uint8Array, start: number, end: number, isLast: boolean): void {
    if (stream.isAnswered) return;
    if (start < end || isLast) this.#state.sending.write(stream, bytes, start, end, isLast);
    if (isLast) this.#state.answered(stream);
  }

  /** No content follows. An empty frame needs no window. */
  end(stream: H2Stream): void {
    this.write(stream, DRAIN_PING, 0, 0, true);
  }

  sendTrailers(stream: H2Stream, block: Uint8Array, end = block.length): void {
    if (stream.isAnswered) return;
    this.#state.writer.headers(stream.id, block, 0, end, true);
    this.#state.answered(stream);
  }

  /** Breaks the answer off, or refuses the request. */
  reset(stream: H2Stream, errorCode: number): void {
    if (stream.isAnswered) return;
    stream.isAnswered = true;
    this.#state.writer.reset(stream.id, errorCode);
    this.#state.close(stream, END_BY_US);
  }
}
