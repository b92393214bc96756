/**
 * What the server writes, held against the oracle's state frame by frame: RFC 9113 §6. Its windows are what the client has
 * given and the server has been handed; settings hold for it from its acknowledgement on.
 */
import { NO_ERROR } from '../../protocol/h2/error-codes.ts';
import { FieldList } from '../../protocol/h2/field-list.ts';
import * as frame from '../../protocol/h2/frames.ts';
import { HpackDecoder } from '../../protocol/h2/hpack-decoder.ts';
import { latin1Text } from '../../protocol/semantics/octets.ts';
import { count } from '../totals.ts';
import { FrameScanner, type ServerFrame, uint32 } from './frame-scanner.ts';
import { answerHeadComplaint, codeName, goAwayComplaint, resetComplaint } from './rules.ts';
import { pingPayload } from './sent-frames.ts';
import { type H2State, NEVER } from './state.ts';
import type { StreamModel } from './stream-model.ts';

const FIELDS_MAX = { listBytesMax: 64 * 1024, fieldCountMax: 100 };
const STREAM_ID_MASK = 0x7fffffff;
/** RFC 6585 §5 */
const HEAD_TOO_LARGE = 431;

export class ServerFrames {
  /** Those that the client has not read. */
  readonly unread: ServerFrame[] = [];
  readonly #state: H2State;
  readonly #scanner: FrameScanner;
  readonly #decoder = new HpackDecoder(latin1Text);
  readonly #list = new FieldList(FIELDS_MAX);
  #isFirst = true;
  /** A field block that goes on. */
  #block: { readonly streamId: number; readonly flags: number; bytes: Uint8Array } | undefined = undefined;

  constructor(state: H2State, position: number) {
    this.#state = state;
    this.#scanner = new FrameScanner(position, (each) => this.#frame(each));
  }

  feed(bytes: Uint8Array, start: number, end: number): void {
    this.#scanner.feed(bytes, start, end);
  }

  /** Nothing is half written. */
  get isBetween(): boolean {
    return !this.#scanner.isInFrame && this.#block === undefined;
  }

  #frame(it: ServerFrame): void {
    const state = this.#state;
    const { type, flags, streamId, payload } = it;
    // The memory is the engine's; of DATA the client looks at the length alone.
    this.unread.push(type === frame.FRAME_DATA ? it : { ...it, payload: payload.slice() });
    count(state.world.totals.h2Frames, type);
    if (this.#isFirst && (type !== frame.FRAME_SETTINGS || (flags & frame.FLAG_ACK) !== 0))
      state.find('the server does not begin with SETTINGS');
    this.#isFirst = false;
    if (payload.length > frame.DEFAULT_FRAME_BYTES_MAX) state.find(`a frame of ${payload.length} bytes`);
    if (this.#block !== undefined && (type !== frame.FRAME_CONTINUATION || streamId !== this.#block.streamId))
      state.find('a field block is interrupted');
    switch (type) {
      case frame.FRAME_DATA:
        this.#onStream(it, (stream) => this.#data(stream, payload, (flags & frame.FLAG_END_STREAM) !== 0));
        return;
      case frame.FRAME_HEADERS:
      case frame.FRAME_CONTINUATION:
        this.#fields(it);
        return;
      case frame.FRAME_RST_STREAM:
        this.#onStream(it, (stream) => this.#reset(stream, uint32(payload, 0)));
        return;
      case frame.FRAME_SETTINGS:
        this.#settings(flags);
        return;
      case frame.FRAME_PING:
        this.#ping(flags, payload);
        return;
      case frame.FRAME_GOAWAY:
        this.#goAway(uint32(payload, 0) & STREAM_ID_MASK, uint32(payload, 4));
        return;
      case frame.FRAME_WINDOW_UPDATE:
        this.#windowUpdate(streamId, uint32(payload, 0));
        return;
      default:
        state.find(`a frame of type ${type}`);
    }
  }

  /** A frame on a stream: one that nobody has opened, or that is over, gets none. */
  #onStream(it: ServerFrame, act: (stream: StreamModel) => void): void {
    const state = this.#state;
    const stream = state.streams.get(it.streamId);
    if (stream === undefined)
      state.find(`a frame of type ${it.type} on stream ${it.streamId}, which nobody asked for`);
    else if (this.#isLateReset(it, stream)) return;
    else if (!stream.isOpen)
      state.find(`a frame of type ${it.type} on ${stream.name}, which is over (${stream.end})`);
    else if (stream.isAnswered && it.type !== frame.FRAME_RST_STREAM)
      state.find(`a frame of type ${it.type} on ${stream.name} behind the end of its answer`);
    else act(stream);
  }

  /** The window was used up before the end of the request, which has come with the bytes that the server is reading. */
  #isLateReset({ type, payload }: ServerFrame, { id, end, closedIn, isAnswered }: StreamModel): boolean {
    const { isReceiving, receiveNumber, offences } = this.#state;
    if (type !== frame.FRAME_RST_STREAM || !isAnswered || end !== 'whole') return false;
    if (!isReceiving || closedIn !== receiveNumber) return false;
    const errorCode = uint32(payload, 0);
    return (
      errorCode === NO_ERROR || offences.some((each) => each.streamId === id && each.errorCode === errorCode)
    );
  }

  #data(stream: StreamModel, payload: Uint8Array, isLast: boolean): void {
    const state = this.#state;
    const complaint = stream.dataComplaint(payload, state.world.nowMs);
    if (complaint !== undefined) state.find(`${stream.name}: ${complaint}`);
    state.connectionWindow -= payload.length;
    state.dataMs = state.world.nowMs;
    // The socket may be full again, and nobody is told before it has been emptied.
    for (const each of state.streams.values()) each.movableMs = NEVER;
    state.dataFrames++;
    if (payload.length > 0 && stream.window < 0)
      state.find(`${stream.name}: ${-stream.window} bytes beyond its window`);
    if (payload.length > 0 && state.connectionWindow < 0)
      state.find(`${stream.name}: ${-state.connectionWindow} bytes beyond the connection's window`);
    if (isLast) this.#ends(stream, undefined);
  }

  #ends(stream: StreamModel, trailers: ReadonlyMap<string, string> | undefined): void {
    const state = this.#state;
    state.world.totals.responses++;
    state.answers++;
    const complaint = stream.endComplaint(trailers, state.world.nowMs);
    if (complaint !== undefined) state.find(`${stream.name}: ${complaint}`);
    if (stream.isWhole) state.close(stream, 'whole');
  }

  #fields(it: ServerFrame): void {
    const { bytes, flags, streamId } = (this.#block = {
      streamId: it.streamId,
      flags: this.#block?.flags ?? it.flags,
      bytes: this.#block === undefined ? it.payload : Buffer.concat([this.#block.bytes, it.payload]),
    });
    if ((it.flags & frame.FLAG_END_HEADERS) === 0) return;
    this.#block = undefined;
    this.#list.clear();
    const fault = this.#decoder.decode(bytes, 0, bytes.length, this.#list);
    if (fault !== undefined || this.#list.isMalformed || this.#list.isTooLarge)
      this.#state.find(`stream ${streamId} gets a field block that cannot be read`);
    else this.#onStream(it, (stream) => this.#head(stream, (flags & frame.FLAG_END_STREAM) !== 0));
  }

  #head(stream: StreamModel, isLast: boolean): void {
    const state = this.#state;
    const { names, values, count: fieldCount } = this.#list;
    const fields = new Map<string, string>();
    for (let i = 0; i < fieldCount; i++) fields.set(names[i]!, values[i]!);
    if (stream.status !== 0) {
      if (!isLast || fields.has(':status')) state.find(`${stream.name}: a second head`);
      else this.#ends(stream, fields);
      return;
    }
    const status = names[0] === ':status' && /^\d{3}$/.test(values[0]!) ? Number(values[0]) : 0;
    count(state.world.totals.statuses, status);
    let complaint: string | undefined;
    if (status < 200) complaint = isLast ? 'an interim head is its end' : stream.interimComplaint(status);
    else {
      complaint = answerHeadComplaint(state, stream, status, fields.get('x-id'));
      state.hasBegun = true;
      if (stream.record === undefined) state.requests++;
      if (status === HEAD_TOO_LARGE) state.resets.headRefused();
      const second = stream.headComplaint(status, fields, isLast, state.world.nowMs);
      complaint ??= second;
    }
    if (complaint !== undefined) state.find(`${stream.name}: a ${status}: ${complaint}`);
    if (isLast) this.#ends(stream, undefined);
  }

  #reset(stream: StreamModel, errorCode: number): void {
    const state = this.#state;
    state.countPlaces(stream);
    count(state.world.totals.h2Resets, codeName(errorCode));
    const complaint = resetComplaint(state, stream, errorCode);
    if (complaint !== undefined)
      state.find(`${stream.name} is reset with ${codeName(errorCode)}: ${complaint}`);
    if (complaint === undefined && codeName(errorCode) === 'ENHANCE_YOUR_CALM') state.stalledResets++;
    state.resets.resetByServer(errorCode);
    state.close(stream, 'reset-by-server');
  }

  #settings(flags: number): void {
    const state = this.#state;
    if ((flags & frame.FLAG_ACK) === 0) return;
    const settings = state.unacknowledged.shift();
    if (settings === undefined) {
      state.find('settings are acknowledged that nobody sent');
      return;
    }
    let window = state.initialWindow;
    for (let i = 0; i < settings.length; i += 2)
      if (settings[i] === frame.SETTINGS_INITIAL_WINDOW_SIZE) window = settings[i + 1]!;
    const change = window - state.initialWindow;
    state.initialWindow = window;
    for (const stream of state.streams.values()) stream.window += change;
  }

  #ping(flags: number, payload: Uint8Array): void {
    const state = this.#state;
    if ((flags & frame.FLAG_ACK) === 0) {
      if (state.drainStartedMs !== state.world.nowMs) state.find('a PING that nothing calls for');
      return;
    }
    const value = state.unansweredPings.shift();
    if (value === undefined || Buffer.compare(pingPayload(value), payload) !== 0)
      state.find('a PING is answered that nobody sent');
  }

  /** Twice to drain, the first time with the highest number; once with an error. RFC 9113 §6.8 */
  #goAway(lastStreamId: number, errorCode: number): void {
    const state = this.#state;
    const { nowMs } = state.world;
    count(state.world.totals.h2GoAways, codeName(errorCode));
    if (errorCode !== NO_ERROR) {
      const complaint = goAwayComplaint(state, errorCode);
      if (complaint !== undefined) state.find(`GOAWAY with ${codeName(errorCode)}: ${complaint}`);
      this.#ended(errorCode);
    } else if (lastStreamId === frame.STREAM_ID_MAX) {
      const complaint = this.#drainComplaint();
      if (complaint !== undefined) state.find(`the connection is drained: ${complaint}`);
      state.drainStartedMs = nowMs;
      state.drainDueMs = nowMs + Math.min(state.bounds.drainGraceMs, state.drainGraceMs);
      state.pongs = 0;
    } else {
      const isAtOnce = state.drainAskedMs === nowMs && state.drainGraceMs === 0;
      if ((state.drainStartedMs === NEVER && !isAtOnce) || state.lastStreamId !== NEVER)
        state.find('GOAWAY out of turn');
      if (isAtOnce) state.drainStartedMs = nowMs;
      const complaint = state.pongs > 0 || isAtOnce ? undefined : state.deadlineComplaint(state.drainDueMs);
      if (complaint !== undefined) state.find(`GOAWAY names the last stream: ${complaint}`);
      this.#leaves(lastStreamId);
    }
  }

  #drainComplaint(): string | undefined {
    const state = this.#state;
    const { isDraining, settings } = state.world;
    if (state.drainStartedMs !== NEVER) return 'a second time';
    if (isDraining || state.requests >= settings.limits.requestsPerConnectionMax) return undefined;
    state.wasIdle = true;
    if (state.openCount > 0) return 'it is not idle';
    return state.deadlineComplaint(state.idleSinceMs + settings.timeouts.idleMs);
  }

  /** Those up to the last are answered; nobody has heard of the others. */
  #leaves(lastStreamId: number): void {
    const state = this.#state;
    state.lastStreamId = lastStreamId;
    state.drainDueMs = NEVER;
    for (const stream of state.streams.values()) {
      if (stream.id <= lastStreamId) continue;
      if (stream.record !== undefined) state.find(`${stream.name} is behind the last that GOAWAY names`);
      state.close(stream, 'beyond');
    }
  }

  #ended(errorCode: number): void {
    const state = this.#state;
    state.endCode = errorCode;
    for (const stream of state.streams.values()) state.close(stream, 'gone');
  }

  #windowUpdate(streamId: number, increment: number): void {
    const state = this.#state;
    if (increment === 0) state.find('a WINDOW_UPDATE of nothing');
    if (streamId === 0) {
      state.credit += increment;
      if (state.credit > frame.WINDOW_BYTES_MAX) state.find('the window of the connection is too large');
      return;
    }
    const stream = state.streams.get(streamId);
    if (stream === undefined || !stream.isOpen)
      state.find(`a WINDOW_UPDATE for stream ${streamId}, which is ${stream?.end ?? 'not there'}`);
    else stream.credit += increment;
  }
}
