/**
 * What the parts of a server's connection share, and how its streams and the connection itself end. The core
 * (server-core.ts) acts for the session, peer-frames.ts for the client; both come here to end something.
 *
 * Invariant: a stream leaves the table once, by `close`; the connection ends once, by `end`.
 */
import * as fault from '../error-codes.ts';
import { FieldList } from '../field-list.ts';
import type { FrameReader } from '../frame-reader.ts';
import { LENGTH_UNKNOWN } from '../message-fields.ts';
import { AbuseBudget, DRAW_RESET } from './abuse-budget.ts';
import { FrameWriter } from './frame-writer.ts';
import { type H2Stream, NEVER, StreamPool } from './h2-stream.ts';
import type { RequestHead } from './head-cache.ts';
import { HeadReader } from './head-reader.ts';
import { ReceiveSide } from './receive-side.ts';
import { SendSide } from './send-side.ts';
import type { Clock, H2Events, H2Output } from './server-events.ts';
import type { H2Settings } from './server-settings.ts';
import { END_BY_US, END_WHOLE, StreamTable } from './stream-table.ts';

/** They stand in the line of HTTP/1, which does not count as a field. RFC 8441 has the fifth. */
const PSEUDO_FIELD_COUNT = 5;

/** A list so many times larger than is allowed is no mishap. h2 has 4 */
const BOMB_FACTOR = 4;

/** What all connections of a thread share. */
export class H2Thread {
  readonly settings: H2Settings;
  readonly clock: Clock;
  readonly pool = new StreamPool();
  /** For the time of one call. */
  readonly list: FieldList;

  constructor(settings: H2Settings, clock: Clock) {
    this.settings = settings;
    this.clock = clock;
    this.list = new FieldList({
      listBytesMax: settings.headBytesMax,
      fieldCountMax: settings.fieldCountMax + PSEUDO_FIELD_COUNT,
      bombBytes: BOMB_FACTOR * settings.headBytesMax,
    });
  }
}

export class ConnectionState {
  readonly output: H2Output;
  readonly events: H2Events;
  readonly settings: H2Settings;
  readonly clock: Clock;
  readonly writer: FrameWriter;
  readonly budget: AbuseBudget;
  readonly table: StreamTable;
  readonly heads: HeadReader;
  readonly sending: SendSide;
  readonly receiving: ReceiveSide;
  reader!: FrameReader; // made by the core right after, since it needs the frames' handler
  /** `receive` calls are counted: what happens in one happened at once. */
  receiveNumber = 0;
  /** The last stream that the client has opened. */
  lastId = 0;
  /** GOAWAY has told that `lastId` is the last: those that come behind are not answered. */
  isLeaving = false;
  /** What the heads of open requests take. */
  headsBytes = 0;
  /** The client has acknowledged our settings. */
  isAgreed = false;
  /** Nothing more is read or written. */
  isOver = false;
  stalledAnswers = 0;
  /** Requests that are over for the client, and go on in their handlers. */
  outlivedCount = 0;
  #deadlineMs = NEVER;
  readonly #pool: StreamPool;

  constructor(thread: H2Thread, output: H2Output, events: H2Events) {
    const { settings } = thread;
    this.output = output;
    this.events = events;
    this.settings = settings;
    this.clock = thread.clock;
    this.#pool = thread.pool;
    this.writer = new FrameWriter(output);
    this.budget = new AbuseBudget(settings.bounds);
    this.table = new StreamTable();
    this.heads = new HeadReader(settings, thread.list);
    this.receiving = new ReceiveSide(this.writer, settings);
    this.sending = new SendSide(this);
  }

  /** @returns the fault that ends the connection, when the client has used up what it may do of this kind */
  draw(kind: number, amount = 1): fault.Http2Fault | undefined {
    return this.budget.draw(kind, this.clock.nowMs, amount);
  }

  get deadlineMs(): number {
    return this.#deadlineMs;
  }

  arm(atMs: number): void {
    if (atMs >= this.#deadlineMs) return;
    this.#deadlineMs = atMs;
    this.events.onDeadline(atMs);
  }

  /** The deadline has come, and those that are left are told by `arm` again. */
  disarm(): void {
    this.#deadlineMs = NEVER;
  }

  /** @returns why one more stream may not be open; undefined when it may @hot */
  whyNoRoom(head: RequestHead | undefined): fault.Http2Fault | undefined {
    const { count } = this.table;
    const { streamCountMax, headsBytesMax } = this.settings;
    if (count + this.outlivedCount >= streamCountMax) return fault.FAULT_REFUSED;
    // The only request may have a head as large as heads may be.
    const isTooMuch = count > 0 && head !== undefined && this.headsBytes + head.listBytes > headsBytesMax;
    return isTooMuch ? fault.FAULT_OPEN_HEADS : undefined;
  }

  /** A stream that is not in the table yet. @hot */
  open(id: number, head: RequestHead | undefined): H2Stream {
    const stream = this.#pool.take();
    stream.begin(id, head, this.sending.initialWindow, this.settings.streamWindowBytes);
    stream.headBytes = head === undefined ? 0 : head.listBytes;
    this.headsBytes += stream.headBytes;
    this.table.add(stream);
    if (this.table.count === 1) this.events.onActive(true);
    return stream;
  }

  /** The stream is over. It is not to be used afterwards. @hot */
  close(stream: H2Stream, how: number): void {
    // An event may have ended the connection, and all streams with it.
    if (stream.id === 0) return;
    this.receiving.close(stream);
    if (stream.isWaiting) this.sending.forget(stream);
    this.headsBytes -= stream.headBytes;
    this.table.remove(stream, how, this.receiveNumber);
    this.#pool.giveBack(stream);
    if (this.table.count > 0) return;
    this.events.onActive(false);
    this.#endIfDone();
  }

  /** The last frame of the answer was written: the stream is not the session's any more. @hot */
  answered(stream: H2Stream): void {
    this.budget.answers++;
    stream.isAnswered = true;
    if (stream.isWhole) {
      this.close(stream, END_WHOLE);
      return;
    }
    // What is under way may come, and be dropped; more than the window holds is not asked for. RFC 9113 §8.1
    this.receiving.release(stream);
    if (stream.isWaiting) this.sending.forget(stream);
    if (stream.contentLeft !== LENGTH_UNKNOWN && stream.contentLeft > stream.receiveWindow)
      this.resetAnswered(stream);
    else {
      stream.deadlineMs = this.clock.nowMs + this.settings.lingerTimeoutMs;
      this.arm(stream.deadlineMs);
    }
  }

  /** A stream whose answer is whole asks its client to send no more. */
  resetAnswered(stream: H2Stream): void {
    this.writer.reset(stream.id, fault.NO_ERROR);
    this.close(stream, END_BY_US);
  }

  /**
   * An open stream ends by a fault of the client's.
   * @returns the fault that ends the connection, when that happens too often: it is made to be reset
   */
  fail(stream: H2Stream, why: fault.Http2Fault): fault.Http2Fault | undefined {
    this.writer.reset(stream.id, why.errorCode);
    this.events.onFault(why);
    this.tellReset(stream, why.errorCode);
    this.close(stream, END_BY_US);
    return this.draw(DRAW_RESET);
  }

  /** Tells the session, if the stream is still its own. */
  tellReset(stream: H2Stream, errorCode: number): void {
    if (stream.isAnswered) return;
    stream.isAnswered = true;
    this.events.onReset(stream, errorCode);
  }

  /** The same for a stream that is not in the table. */
  refuse(id: number, why: fault.Http2Fault, drawn: number): fault.Http2Fault | undefined {
    this.writer.reset(id, why.errorCode);
    this.events.onFault(why);
    this.table.noteEnd(id, END_BY_US, this.receiveNumber);
    return this.draw(drawn);
  }

  /** GOAWAY that names the last stream, which is answered like those before it. */
  leave(): void {
    if (this.isOver || this.isLeaving) return;
    this.isLeaving = true;
    this.writer.goAway(this.lastId, fault.NO_ERROR);
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.isLeaving && !this.isOver && this.table.count === 0) this.end(undefined);
  }

  /** @param why undefined when the last stream has been answered, and GOAWAY has gone out */
  end(why: fault.Http2Fault | undefined): void {
    if (this.isOver) return;
    if (why !== undefined) {
      // A client that does not speak HTTP/2 would not know what it reads.
      if (why !== fault.FAULT_PREFACE) this.writer.goAway(this.lastId, why.errorCode);
      this.events.onFault(why);
    }
    this.drop(why === undefined ? fault.NO_ERROR : why.errorCode);
    this.events.onEnd(why);
  }

  /** All streams are over, and nothing more is read or written. */
  drop(errorCode: number): void {
    this.isOver = true;
    this.reader.stop();
    for (const stream of this.table.all()) {
      this.tellReset(stream, errorCode);
      this.close(stream, END_BY_US);
    }
  }
}
