/**
 * Frames, written straight into the memory that is sent from: one reservation for what belongs together. What may be
 * written, and when, is decided above (send-side.ts, server-core.ts).
 */
import * as frame from '../frames.ts';
import type { H2Output } from './server-events.ts';

const { frameHeaderInto } = frame;
const HEADER_BYTES = frame.FRAME_HEADER_BYTES;
const DATA = frame.FRAME_DATA;
const HEADERS = frame.FRAME_HEADERS;
const CONTINUATION = frame.FRAME_CONTINUATION;
const END_STREAM = frame.FLAG_END_STREAM;
const END_HEADERS = frame.FLAG_END_HEADERS;
/** Every peer takes it, and answers of others do not wait long behind it. RFC 9113 §4.2 */
export const DATA_BYTES_MAX = frame.DEFAULT_FRAME_BYTES_MAX;
/** Up to here a loop is quicker than making a view. */
const LOOP_BYTES_MAX = 96;
/** RFC 7541 §6.3: our encoder's table has no room, which is said once when the peer has made it smaller. */
const EMPTY_TABLE = 0x20;
const ASCII_MAX = 0x7f;

export class FrameWriter {
  readonly #output: H2Output;
  /** The next field block must say that our table is empty. RFC 7541 §4.2 */
  owesTableSize = false;

  constructor(output: H2Output) {
    this.#output = output;
  }

  /** @param settings identifier and value, one after the other @param windowIncrement of the connection, 0 for none */
  begin(settings: readonly number[], windowIncrement: number): void {
    const size = HEADER_BYTES + (settings.length / 2) * frame.SETTING_BYTES + frame.WINDOW_UPDATE_BYTES;
    const output = this.#output;
    const start = output.reserve(size);
    let at = frame.settingsInto(output.out, start, settings);
    if (windowIncrement > 0) at = frame.windowUpdateInto(output.out, at, 0, windowIncrement);
    output.commit(at - start);
  }

  settingsAck(): void {
    const output = this.#output;
    // `out` belongs to a reservation: there may be none before it.
    const at = output.reserve(HEADER_BYTES);
    frame.settingsAckInto(output.out, at);
    output.commit(HEADER_BYTES);
  }

  /** @param bytes eight stand at `start` */
  ping(isAck: boolean, bytes: Uint8Array, start: number): void {
    const output = this.#output;
    const at = output.reserve(frame.PING_FRAME_BYTES);
    frame.pingInto(output.out, at, isAck, bytes, start);
    output.commit(frame.PING_FRAME_BYTES);
  }

  /** @param streamId 0 for the connection's window */
  windowUpdate(streamId: number, increment: number): void {
    const output = this.#output;
    const at = output.reserve(frame.WINDOW_UPDATE_BYTES);
    frame.windowUpdateInto(output.out, at, streamId, increment);
    output.commit(frame.WINDOW_UPDATE_BYTES);
  }

  reset(streamId: number, errorCode: number): void {
    const output = this.#output;
    const at = output.reserve(frame.RST_STREAM_BYTES);
    frame.resetStreamInto(output.out, at, streamId, errorCode);
    output.commit(frame.RST_STREAM_BYTES);
  }

  goAway(lastStreamId: number, errorCode: number): void {
    const output = this.#output;
    const at = output.reserve(frame.GOAWAY_BYTES);
    frame.goAwayInto(output.out, at, lastStreamId, errorCode);
    output.commit(frame.GOAWAY_BYTES);
  }

  /** A field block in as many frames as it takes. @hot */
  headers(streamId: number, block: Uint8Array, start: number, end: number, isLast: boolean): void {
    if (this.owesTableSize) this.#tableSize(streamId, block, start, end, isLast);
    else if (end - start > DATA_BYTES_MAX) this.#longHeaders(streamId, block, start, end, isLast);
    else {
      const output = this.#output;
      const size = end - start;
      const at = output.reserve(HEADER_BYTES + size);
      const flags = isLast ? END_HEADERS | END_STREAM : END_HEADERS;
      const { out } = output;
      copyInto(out, frameHeaderInto(out, at, size, HEADERS, flags, streamId), block, start, end);
      output.commit(HEADER_BYTES + size);
    }
  }

  /** A head and all of its content, at most DATA_BYTES_MAX each, in one piece of memory. @hot */
  answer(
    streamId: number,
    block: Uint8Array,
    blockStart: number,
    blockEnd: number,
    content: Uint8Array,
    start: number,
    end: number,
  ): void {
    const output = this.#output;
    const blockSize = blockEnd - blockStart;
    const size = end - start;
    const from = output.reserve(2 * HEADER_BYTES + blockSize + size);
    const { out } = output;
    let at = frameHeaderInto(out, from, blockSize, HEADERS, END_HEADERS, streamId);
    at = copyInto(out, at, block, blockStart, blockEnd);
    at = frameHeaderInto(out, at, size, DATA, END_STREAM, streamId);
    at = copyInto(out, at, content, start, end);
    output.commit(at - from);
  }

  /** The same for text. @returns false when it is not ASCII: nothing is sent then @hot */
  answerText(
    streamId: number,
    block: Uint8Array,
    blockStart: number,
    blockEnd: number,
    text: string,
  ): boolean {
    const output = this.#output;
    const blockSize = blockEnd - blockStart;
    const size = text.length;
    const from = output.reserve(2 * HEADER_BYTES + blockSize + size);
    const { out } = output;
    let at = frameHeaderInto(out, from, blockSize, HEADERS, END_HEADERS, streamId);
    at = copyInto(out, at, block, blockStart, blockEnd);
    at = frameHeaderInto(out, at, size, DATA, END_STREAM, streamId);
    for (let i = 0; i < size; i++) {
      const char = text.charCodeAt(i);
      if (char > ASCII_MAX) return false;
      out[at + i] = char;
    }
    output.commit(at + size - from);
    return true;
  }

  /** @param end at most DATA_BYTES_MAX behind `start` @hot */
  data(streamId: number, bytes: Uint8Array, start: number, end: number, isLast: boolean): void {
    const output = this.#output;
    const size = end - start;
    const at = output.reserve(HEADER_BYTES + size);
    const { out } = output;
    copyInto(out, frameHeaderInto(out, at, size, DATA, isLast ? END_STREAM : 0, streamId), bytes, start, end);
    output.commit(HEADER_BYTES + size);
  }

  #longHeaders(streamId: number, block: Uint8Array, start: number, end: number, isLast: boolean): void {
    const output = this.#output;
    for (let at = start; at < end; at += DATA_BYTES_MAX) {
      const to = Math.min(end, at + DATA_BYTES_MAX);
      const flags = (to === end ? END_HEADERS : 0) | (isLast && at === start ? END_STREAM : 0);
      const place = output.reserve(HEADER_BYTES + to - at);
      const { out } = output;
      const type = at === start ? HEADERS : CONTINUATION;
      copyInto(out, frameHeaderInto(out, place, to - at, type, flags, streamId), block, at, to);
      output.commit(HEADER_BYTES + to - at);
    }
  }

  #tableSize(streamId: number, block: Uint8Array, start: number, end: number, isLast: boolean): void {
    this.owesTableSize = false;
    const longer = new Uint8Array(1 + end - start);
    longer[0] = EMPTY_TABLE;
    longer.set(block.subarray(start, end), 1);
    this.headers(streamId, longer, 0, longer.length, isLast);
  }
}

/** @returns the index after @hot */
function copyInto(out: Uint8Array, at: number, bytes: Uint8Array, start: number, end: number): number {
  const size = end - start;
  if (size <= LOOP_BYTES_MAX) for (let i = 0; i < size; i++) out[at + i] = bytes[start + i]!;
  else out.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), at);
  return at + size;
}
