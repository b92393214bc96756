/**
 * What clients may send: the windows that we keep. A stream's window is given back when its content was read, so that a
 * body that nobody reads stops at it. The connection's window is that of many streams: one that nobody reads takes its
 * share of it and no more. Both are given back by halves. A stream whose content is read as it comes gets a larger window,
 * as long as the connection has some to give.
 */
import { DEFAULT_WINDOW_BYTES } from '../frames.ts';
import type { FrameWriter } from './frame-writer.ts';
import type { H2Stream } from './h2-stream.ts';
import type { H2Settings } from './server-settings.ts';

/** Less than the shortest message of gRPC: nobody sends content in such pieces, and more than one at a time. */
const TINY_BYTES = 5;

export class ReceiveSide {
  readonly #writer: FrameWriter;
  readonly #settings: H2Settings;
  readonly #windowBytes: number;
  /** The connection's. */
  #window: number;
  #spent = 0;
  /** What streams may still be given beyond their first windows. */
  #growthLeft: number;
  #tinyUnread = 0;
  /** The stream whose DATA frame is being read, undefined when it is dropped. */
  #frameStream: H2Stream | undefined = undefined;
  /** The part of that frame that has neither been handed over nor dropped, its padding with it. */
  #frameLeft = 0;
  #frameContent = 0;

  constructor(writer: FrameWriter, settings: H2Settings) {
    this.#writer = writer;
    this.#settings = settings;
    this.#growthLeft = settings.growthBytes;
    this.#windowBytes = Math.max(settings.connectionWindowBytes, DEFAULT_WINDOW_BYTES) + this.#growthLeft;
    this.#window = this.#windowBytes;
  }

  /** What the connection's window is made larger by at the beginning. */
  get firstIncrement(): number {
    return this.#windowBytes - DEFAULT_WINDOW_BYTES;
  }

  /**
   * A DATA frame of `length` begins.
   * @param stream undefined when it is to be dropped
   * @returns false when the client sends more than the connection allows: FLOW_CONTROL_ERROR @hot
   */
  begin(stream: H2Stream | undefined, length: number): boolean {
    this.#window -= length;
    this.#frameStream = stream;
    this.#frameLeft = length;
    this.#frameContent = 0;
    if (stream === undefined) this.drop(length);
    return this.#window >= 0;
  }

  /** @returns false when the client sends more than the stream allows @hot */
  take(stream: H2Stream, bytes: number): boolean {
    stream.receiveWindow -= bytes;
    return stream.receiveWindow >= 0;
  }

  /** The stream whose frame it is, undefined when the stream is over or was before. */
  get frameStream(): H2Stream | undefined {
    return this.#frameStream;
  }

  /** So much content of the frame has come. @returns false when it was dropped at once @hot */
  piece(stream: H2Stream, bytes: number): boolean {
    this.#frameLeft -= bytes;
    this.#frameContent += bytes;
    if (stream.isAnswered) {
      this.drop(bytes);
      return false;
    }
    stream.unreadBytes += bytes;
    return true;
  }

  /** The frame is whole; what was not content was padding, which nobody has to read. @returns its content's bytes @hot */
  endFrame(): number {
    const stream = this.#frameStream;
    this.#frameStream = undefined;
    if (stream !== undefined && this.#frameLeft > 0) this.giveBack(stream, this.#frameLeft);
    return this.#frameContent;
  }

  /** Bytes that no stream keeps: read, dropped, or padding. @hot */
  drop(bytes: number): void {
    this.#spent += bytes;
    if (this.#spent * 2 < this.#windowBytes) return;
    this.#writer.windowUpdate(0, this.#spent);
    this.#window += this.#spent;
    this.#spent = 0;
  }

  /** Content of the stream has been read. @hot */
  consume(stream: H2Stream, bytes: number): void {
    stream.unreadBytes -= bytes;
    if (stream.unreadBytes === 0 && stream.tinyUnread > 0) this.#forgetTiny(stream);
    this.giveBack(stream, bytes);
  }

  /** What the stream does not keep is given back to its window and to the connection's. @hot */
  giveBack(stream: H2Stream, bytes: number): void {
    this.drop(bytes);
    stream.spentBytes += bytes;
    if (stream.isWhole || stream.isAnswered) return;
    if (stream.spentBytes * 2 < stream.windowBytes) return;
    const growth = stream.unreadBytes === 0 ? Math.min(stream.windowBytes, this.#growthLeft) : 0;
    this.#growthLeft -= growth;
    stream.windowBytes += growth;
    const increment = stream.spentBytes + growth;
    this.#writer.windowUpdate(stream.id, increment);
    stream.receiveWindow += increment;
    stream.spentBytes = 0;
  }

  /** The stream is over, perhaps in the middle of a frame. @hot */
  close(stream: H2Stream): void {
    this.release(stream);
    this.#growthLeft += stream.windowBytes - this.#settings.streamWindowBytes;
    if (stream !== this.#frameStream) return;
    this.#frameStream = undefined;
    this.drop(this.#frameLeft);
  }

  /** Nobody reads the stream any more. @hot */
  release(stream: H2Stream): void {
    if (stream.tinyUnread > 0) this.#forgetTiny(stream);
    if (stream.unreadBytes > 0) this.drop(stream.unreadBytes);
    stream.unreadBytes = 0;
  }

  /** A DATA frame of so much content is whole. @returns whether too many were tiny, and are not read @hot */
  isTinyFlood(stream: H2Stream, contentBytes: number): boolean {
    if (contentBytes >= TINY_BYTES || stream.unreadBytes <= contentBytes) return false;
    stream.tinyUnread++;
    this.#tinyUnread++;
    return this.#tinyUnread > this.#settings.bounds.tinyDataUnreadMax;
  }

  #forgetTiny(stream: H2Stream): void {
    this.#tinyUnread -= stream.tinyUnread;
    stream.tinyUnread = 0;
  }
}
