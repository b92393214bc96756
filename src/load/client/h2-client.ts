/**
 * HTTP/2 as a client: many requests under way on one connection, answered in any order. Prior knowledge, in the clear
 * (RFC 9113 §3.3). Every field block is decoded in full, since the table of the connection asks for it; content is
 * counted, and kept only for scripts.
 */
import type { EngineConnection } from '../../engine/engine.ts';
import { HTTP2_PREFACE } from '../../protocol/detect.ts';
import {
  CANCEL,
  ERROR_CODE_NAMES,
  FAULT_FLOW_CONTROL,
  FAULT_MALFORMED,
  FAULT_PUSH,
  FAULT_SETTING,
  FAULT_STREAM_ID,
  FAULT_WINDOW_SETTING,
  type Http2Fault,
  NO_ERROR,
  PROTOCOL_ERROR,
} from '../../protocol/h2/error-codes.ts';
import { FieldList } from '../../protocol/h2/field-list.ts';
import { ReceiveWindow } from '../../protocol/h2/flow-window.ts';
import { type FrameHandler, FrameReader } from '../../protocol/h2/frame-reader.ts';
import * as frame from '../../protocol/h2/frames.ts';
import { HpackDecoder } from '../../protocol/h2/hpack-decoder.ts';
import { areTrailers, responseStatus } from '../../protocol/h2/message-fields.ts';
import type { AnswerHandler, Client, ClientLink, ClientOptions, EncodedRequest } from './client.ts';
import { FAILURE_NAMES, garbageName } from './failure-names.ts';
import { H2Answer } from './h2-answer.ts';
import { H2Sender } from './h2-sender.ts';

/** A load generator reads what it is sent, as quickly as it comes. */
const STREAM_WINDOW_BYTES = 16 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 256 * 1024 * 1024;
/** More streams wait until the server has said how many it allows: if it refused some before, that would be our own fault. */
const STREAMS_UNTIL_SETTINGS = 1;
const READER_LIMITS = {
  frameBytesMax: frame.DEFAULT_FRAME_BYTES_MAX,
  blockBytesMax: 256 * 1024,
  continuationCountMax: 64,
};
const LIST_LIMITS = { listBytesMax: 256 * 1024, fieldCountMax: 2000 };
const HTTP1_BEGINNING = 'HTTP/1.';

const latin1Slice = Buffer.prototype.latin1Slice as (this: Uint8Array, start: number, end: number) => string;
const textOf = (bytes: Uint8Array, start: number, end: number): string => latin1Slice.call(bytes, start, end);

export class H2Client implements Client {
  readonly handler: AnswerHandler;
  readonly options: ClientOptions;

  constructor(handler: AnswerHandler, options: ClientOptions) {
    this.handler = handler;
    this.options = options;
  }

  createLink(index: number): H2Link {
    return new H2Link(this, index);
  }
}

class H2Link implements ClientLink, FrameHandler {
  readonly index: number;
  underWay = 0;
  isSpent = false;
  readonly #client: H2Client;
  readonly #depth: number;
  readonly #answers: H2Answer[] = [];
  readonly #freeTickets: number[] = [];
  readonly #byStream = new Map<number, H2Answer>();
  readonly #list = new FieldList(LIST_LIMITS);
  readonly #sender = new H2Sender();
  /** Started, and not sent: the server allows no more at once. */
  #waiting: H2Answer[] = [];
  #reader: FrameReader | undefined = undefined;
  #decoder = new HpackDecoder(textOf);
  #window = new ReceiveWindow(CONNECTION_WINDOW_BYTES);
  #streamsMax = STREAMS_UNTIL_SETTINGS;
  /** The server has set it. */
  #streamsAllowed = Number.POSITIVE_INFINITY;
  #nextStream = 1;
  #order = 0;
  #hasReceived = false;
  /** The server answers no stream beyond; undefined while it has not said so. */
  #lastStream: number | undefined = undefined;

  constructor(client: H2Client, index: number) {
    this.#client = client;
    this.index = index;
    this.#depth = client.options.depth;
  }

  get mayStart(): boolean {
    return (
      this.underWay < this.#depth &&
      this.#reader !== undefined &&
      !this.isSpent &&
      this.#lastStream === undefined
    );
  }

  get isMidAnswer(): boolean {
    for (const answer of this.#byStream.values()) if (answer.hasBegun) return true;
    return false;
  }

  attach(conn: EngineConnection): void {
    this.underWay = 0;
    this.isSpent = false;
    this.#answers.length = 0;
    this.#freeTickets.length = 0;
    for (let ticket = this.#depth - 1; ticket >= 0; ticket--) this.#freeTickets.push(ticket);
    this.#byStream.clear();
    this.#waiting = [];
    this.#reader = new FrameReader(this, READER_LIMITS);
    this.#decoder = new HpackDecoder(textOf);
    this.#window = new ReceiveWindow(CONNECTION_WINDOW_BYTES);
    this.#streamsMax = STREAMS_UNTIL_SETTINGS;
    this.#streamsAllowed = Number.POSITIVE_INFINITY;
    this.#nextStream = 1;
    this.#hasReceived = false;
    this.#lastStream = undefined;
    this.#sender.begin(conn);
    this.#sender.write(HTTP2_PREFACE);
    this.#sender.settings([
      frame.SETTINGS_ENABLE_PUSH,
      0,
      frame.SETTINGS_INITIAL_WINDOW_SIZE,
      STREAM_WINDOW_BYTES,
    ]);
    this.#sender.windowUpdate(0, CONNECTION_WINDOW_BYTES - frame.DEFAULT_WINDOW_BYTES);
  }

  detach(): void {
    this.#reader?.stop();
    this.#reader = undefined;
    this.#sender.end();
    this.#byStream.clear();
    this.#waiting = [];
    this.underWay = 0;
  }

  /** @hot */
  start(request: EncodedRequest): number {
    const ticket = this.#freeTickets.pop()!; // `mayStart` has been asked
    const answer = (this.#answers[ticket] ??= new H2Answer(ticket, this.#client.options.keepsContent));
    answer.begin(request, this.#order++);
    this.underWay++;
    if (this.#byStream.size < this.#streamsMax) this.#open(answer);
    else this.#waiting.push(answer);
    return ticket;
  }

  #open(answer: H2Answer): void {
    answer.open(this.#nextStream, new ReceiveWindow(STREAM_WINDOW_BYTES));
    this.#nextStream += 2;
    this.#byStream.set(answer.streamId, answer);
    this.#sender.request(answer.streamId, answer.request.bytes);
  }

  abandon(ticket: number): boolean {
    const answer = this.#answers[ticket]!;
    if (answer.streamId === 0) this.#waiting.splice(this.#waiting.indexOf(answer), 1);
    else this.#sender.reset(answer.streamId, CANCEL);
    this.#end(answer);
    return true;
  }

  drained(): void {
    this.#sender.drained();
  }

  eachUnderWay(each: (ticket: number) => void): void {
    const all = [...this.#byStream.values(), ...this.#waiting];
    for (const { ticket } of all.sort((a, b) => a.order - b.order)) each(ticket);
  }

  /** @hot */
  receive(bytes: Uint8Array, start: number, end: number): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    if (!this.#hasReceived) {
      this.#hasReceived = true;
      if (textOf(bytes, start, Math.min(end, start + HTTP1_BEGINNING.length)) === HTTP1_BEGINNING) {
        this.#broken(FAILURE_NAMES.http1Answer);
        return;
      }
    }
    const fault = reader.read(bytes, start, end);
    // A handler may have begun another connection meanwhile, or none.
    if (fault !== undefined && reader === this.#reader) this.#broken(garbageName(fault), fault.errorCode);
  }

  /** Streams that are not answered stay so: the owner counts them. */
  peerEnded(): void {}

  // FrameHandler

  onFieldBlock(
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
  ): Http2Fault | undefined {
    const list = this.#list;
    list.clear();
    const fault = this.#decoder.decode(bytes, start, end, list);
    if (fault !== undefined) return fault;
    const answer = this.#byStream.get(id);
    if (answer === undefined) return this.#isOurs(id) ? undefined : FAULT_STREAM_ID;
    if (answer.hasBegun) {
      if (!isLast || !areTrailers(list)) this.#malformed(answer);
      else this.#whole(answer);
      return undefined;
    }
    const status = responseStatus(list);
    if (status === undefined || list.isTooLarge || (status < 200 && isLast)) this.#malformed(answer);
    else if (status >= 200) {
      answer.headCame(status, list);
      if (isLast) this.#whole(answer);
    }
    return undefined;
  }

  onData(id: number, length: number): Http2Fault | undefined {
    if (!this.#window.take(length)) return FAULT_FLOW_CONTROL;
    const increment = this.#window.spend(length);
    if (increment > 0) this.#sender.windowUpdate(0, increment);
    const answer = this.#byStream.get(id);
    if (answer === undefined) return this.#isOurs(id) ? undefined : FAULT_STREAM_ID;
    if (!answer.window.take(length)) return FAULT_FLOW_CONTROL;
    const streamIncrement = answer.window.spend(length);
    if (streamIncrement > 0) this.#sender.windowUpdate(id, streamIncrement);
    return undefined;
  }

  onDataPiece(id: number, bytes: Uint8Array, start: number, end: number): undefined {
    this.#byStream.get(id)?.contentCame(bytes, start, end);
  }

  onDataEnd(id: number, isLast: boolean): undefined {
    const answer = this.#byStream.get(id);
    if (answer === undefined) return;
    if (!answer.hasBegun) this.#malformed(answer);
    else if (isLast) this.#whole(answer);
  }

  onReset(id: number, errorCode: number): undefined {
    const answer = this.#byStream.get(id);
    if (answer === undefined) return;
    // RFC 9113 §8.1: an answer that is whole may be followed by NO_ERROR, for a request that is not.
    this.#failed(answer, `stream reset: ${ERROR_CODE_NAMES[errorCode] ?? errorCode}`);
  }

  onSetting(identifier: number, value: number): Http2Fault | undefined {
    switch (identifier) {
      case frame.SETTINGS_MAX_CONCURRENT_STREAMS:
        this.#streamsAllowed = value;
        return undefined;
      case frame.SETTINGS_INITIAL_WINDOW_SIZE:
        if (value > frame.WINDOW_BYTES_MAX) return FAULT_WINDOW_SETTING;
        return this.#sender.setInitialWindow(value) ? undefined : FAULT_FLOW_CONTROL;
      case frame.SETTINGS_MAX_FRAME_SIZE:
        return value < frame.DEFAULT_FRAME_BYTES_MAX || value > frame.FRAME_BYTES_LIMIT
          ? FAULT_SETTING
          : undefined;
      case frame.SETTINGS_ENABLE_PUSH:
        // RFC 9113 §6.5.2: a server that wants to be pushed to is mistaken.
        return value === 0 ? undefined : FAULT_SETTING;
      default:
        return undefined;
    }
  }

  onSettingsEnd(): undefined {
    this.#sender.settingsAck();
    this.#streamsMax = this.#streamsAllowed;
    this.#openWaiting();
  }

  onSettingsAck(): undefined {}

  onPing(bytes: Uint8Array, start: number): undefined {
    this.#sender.pingAck(bytes, start);
  }

  onPingAck(): undefined {}

  /** What the server has not begun is asked again elsewhere, once it has answered the rest. RFC 9113 §6.8 */
  onGoAway(lastStreamId: number, errorCode: number): undefined {
    if (errorCode !== NO_ERROR) {
      this.#broken(`connection ended: ${ERROR_CODE_NAMES[errorCode] ?? errorCode}`);
      return;
    }
    this.#lastStream = lastStreamId;
    if (!this.#hasAnswersToCome) this.#broken(FAILURE_NAMES.closedEarly);
  }

  onWindowUpdate(id: number, increment: number): Http2Fault | undefined {
    if (increment === 0 || !this.#sender.windowGrows(id, increment)) return FAULT_FLOW_CONTROL;
    return undefined;
  }

  onPushPromise(): Http2Fault {
    return FAULT_PUSH;
  }

  onPriority(): undefined {}

  onPriorityUpdate(): undefined {}

  onUnknown(): undefined {}

  onStreamFault(id: number): undefined {
    const answer = this.#byStream.get(id);
    if (answer !== undefined) this.#malformed(answer);
  }

  // Ends.

  /** A stream that we have opened once. */
  #isOurs(id: number): boolean {
    return id % 2 === 1 && id < this.#nextStream;
  }

  get #hasAnswersToCome(): boolean {
    for (const id of this.#byStream.keys()) if (id <= this.#lastStream!) return true;
    return false;
  }

  #whole(answer: H2Answer): void {
    if (!answer.hasItsLength) {
      this.#malformed(answer);
      return;
    }
    const { ticket, status } = answer;
    const content = answer.takeContent();
    // A server may answer before the content of the request is through: the rest is of no use any more.
    if (this.#sender.isSending(answer.streamId)) this.#sender.reset(answer.streamId, NO_ERROR);
    this.#end(answer);
    this.#client.handler.onAnswer(this, ticket, status, content);
  }

  #malformed(answer: H2Answer): void {
    this.#sender.reset(answer.streamId, PROTOCOL_ERROR);
    this.#failed(answer, garbageName(FAULT_MALFORMED));
  }

  #failed(answer: H2Answer, error: string): void {
    const { ticket } = answer;
    this.#end(answer);
    this.#client.handler.onFailed(this, ticket, error);
  }

  /** Its ticket is free again, and another may be opened in its place. */
  #end(answer: H2Answer): void {
    this.#sender.forget(answer.streamId);
    this.#byStream.delete(answer.streamId);
    this.#freeTickets.push(answer.ticket);
    this.underWay--;
    if (this.#lastStream === undefined) this.#openWaiting();
    else if (!this.#hasAnswersToCome) this.isSpent = true;
  }

  #openWaiting(): void {
    while (this.#waiting.length > 0 && this.#byStream.size < this.#streamsMax)
      this.#open(this.#waiting.shift()!);
  }

  #broken(error: string, errorCode?: number): void {
    this.#reader?.stop();
    this.#reader = undefined;
    this.isSpent = true;
    if (errorCode !== undefined) this.#sender.goAway(errorCode);
    this.#client.handler.onBroken(this, error);
  }
}
