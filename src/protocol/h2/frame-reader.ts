/**
 * Reads frames from the bytes of a connection, whatever their split: RFC 9113 §4 and §6. What a frame is made of is
 * checked here; what it means for a stream or a window is the handler's to decide.
 *
 * The content of DATA is handed on in the pieces in which it came, without a copy. All other frames are short: what
 * came of one is kept until it is whole. A field block is handed on as one, from where it lies if its frame came whole.
 *
 * Invariant: at most one frame's header, and one short frame or one field block, is kept.
 */
import {
  FAULT_BLOCK_TOO_LARGE,
  FAULT_CONTINUATION,
  FAULT_EMPTY_CONTINUATIONS,
  FAULT_FIRST_FRAME,
  FAULT_FRAME_SIZE,
  FAULT_FRAME_TOO_LARGE,
  FAULT_PADDING,
  FAULT_STREAM_FRAME_SIZE,
  FAULT_STREAM_ID,
  type Http2Fault,
} from './error-codes.ts';
import * as frame from './frames.ts';

const { readUint32 } = frame;
const HEADER_BYTES = frame.FRAME_HEADER_BYTES;
const DATA = frame.FRAME_DATA;
const HEADERS = frame.FRAME_HEADERS;
const PRIORITY = frame.FRAME_PRIORITY;
const RST_STREAM = frame.FRAME_RST_STREAM;
const SETTINGS = frame.FRAME_SETTINGS;
const PUSH_PROMISE = frame.FRAME_PUSH_PROMISE;
const PING = frame.FRAME_PING;
const GOAWAY = frame.FRAME_GOAWAY;
const WINDOW_UPDATE = frame.FRAME_WINDOW_UPDATE;
const CONTINUATION = frame.FRAME_CONTINUATION;
const PRIORITY_UPDATE = frame.FRAME_PRIORITY_UPDATE;

const PRIORITY_BYTES = 5;
const STREAM_ID_MASK = 0x7fffffff;
const NO_BYTES = new Uint8Array(0);
/** What is kept for the next frame at most; beyond, it is let go of when it has been read. */
const KEPT_BYTES_MAX = 4096;

/** No priority stood before the field block. */
const DEPENDS_ON_NOTHING = -1;

/**
 * Hears what has been read. A fault that is returned ends the connection, and nothing is read behind it; faults that
 * end one stream are the handler's own affair.
 */
export interface FrameHandler {
  /** A DATA frame begins, whose `length` counts for flow control with its padding. */
  onData(streamId: number, length: number): Http2Fault | undefined;
  /** A piece of its content, borrowed until return. */
  onDataPiece(streamId: number, bytes: Uint8Array, start: number, end: number): Http2Fault | undefined;
  /** The DATA frame has come whole. */
  onDataEnd(streamId: number, isLast: boolean): Http2Fault | undefined;
  /**
   * A field block, whole and borrowed until return.
   * @param dependsOn the stream of the deprecated priority, or DEPENDS_ON_NOTHING
   */
  onFieldBlock(
    streamId: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    dependsOn: number,
  ): Http2Fault | undefined;
  onPriority(streamId: number, dependsOn: number): Http2Fault | undefined;
  onReset(streamId: number, errorCode: number): Http2Fault | undefined;
  onSetting(identifier: number, value: number): Http2Fault | undefined;
  /** All settings of a frame have been told: it is to be acknowledged. */
  onSettingsEnd(): Http2Fault | undefined;
  onSettingsAck(): Http2Fault | undefined;
  /** A PING whose eight bytes stand at `start`. */
  onPing(bytes: Uint8Array, start: number): Http2Fault | undefined;
  onPingAck(bytes: Uint8Array, start: number): Http2Fault | undefined;
  onGoAway(lastStreamId: number, errorCode: number): Http2Fault | undefined;
  /** @param streamId 0 for the connection @param increment 0 is a fault, of the stream or of the connection */
  onWindowUpdate(streamId: number, increment: number): Http2Fault | undefined;
  onPushPromise(streamId: number): Http2Fault | undefined;
  /** The priority of `streamId` as a structured field. RFC 9218 §7.1 */
  onPriorityUpdate(streamId: number, bytes: Uint8Array, start: number, end: number): Http2Fault | undefined;
  /** A frame of a type that is not known, which is to be ignored. RFC 9113 §4.1 */
  onUnknown(type: number, length: number): Http2Fault | undefined;
  /** A frame breaks a rule that ends its stream alone. */
  onStreamFault(streamId: number, fault: Http2Fault): Http2Fault | undefined;
}

interface FrameReaderLimits {
  /** Our SETTINGS_MAX_FRAME_SIZE. */
  readonly frameBytesMax: number;
  /** A field block as it is sent, without padding. */
  readonly blockBytesMax: number;
  /** Frames that go on with one field block. */
  readonly continuationCountMax: number;
}

export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #limits: FrameReaderLimits;
  readonly #header = new Uint8Array(HEADER_BYTES);
  /** So many bytes of the header have come; all of them while a frame is being read. */
  #headerFilled = 0;
  #length = 0;
  #type = 0;
  #flags = 0;
  #streamId = 0;
  /** Bytes of the frame that have not come yet. */
  #left = 0;
  /** Padding behind the content of DATA, once its length has come. */
  #padding = 0;
  #isPaddingRead = false;
  #kept: Uint8Array = NO_BYTES;
  #keptBytes = 0;
  /** The stream whose field block goes on, 0 for none. */
  #blockStream = 0;
  #blockBytes = 0;
  #blockIsLast = false;
  #blockDependsOn = DEPENDS_ON_NOTHING;
  #continuations = 0;
  #hasBegun = false;
  #isOver = false;
  /** Frames that have come whole, those of one field block as one. */
  frameCount = 0;
  /** Behind what was read last: before the end of the bytes where `hold` was called. */
  readTo = 0;
  #isHeld = false;

  constructor(handler: FrameHandler, limits: FrameReaderLimits) {
    this.#handler = handler;
    this.#limits = limits;
  }

  /** Nothing more is read. */
  stop(): void {
    this.#isOver = true;
    this.#kept = NO_BYTES;
  }

  /** Within a call of the handler: nothing behind this frame is read now. The caller has to give it again. */
  hold(): void {
    this.#isHeld = true;
  }

  /** A frame has begun and is not whole, or a field block is not. */
  get isInFrame(): boolean {
    return this.#headerFilled > 0 || this.#blockStream !== 0;
  }

  /** The same, but for DATA, which may come as slowly as its reader allows. */
  get isInShortFrame(): boolean {
    if (this.#blockStream !== 0) return true;
    return this.#headerFilled > 0 && (this.#headerFilled < HEADER_BYTES || this.#type !== DATA);
  }

  /**
   * Reads bytes[start..end), which follow those that came before.
   * @returns the fault that ends the connection, after which nothing more is read
   * @hot
   */
  read(bytes: Uint8Array, start: number, end: number): Http2Fault | undefined {
    let at = start;
    this.#isHeld = false;
    while (at < end && !this.#isOver && !this.#isHeld) {
      let fault: Http2Fault | undefined;
      if (this.#headerFilled < HEADER_BYTES) {
        if (this.#headerFilled === 0 && end - at >= HEADER_BYTES) {
          this.#headerFilled = HEADER_BYTES;
          fault = this.#begin(bytes, at);
          at += HEADER_BYTES;
        } else {
          this.#header[this.#headerFilled++] = bytes[at++]!;
          if (this.#headerFilled === HEADER_BYTES) fault = this.#begin(this.#header, 0);
        }
        // A frame without a payload is whole at once.
        if (fault === undefined && this.#headerFilled === HEADER_BYTES && this.#left === 0)
          fault = this.#endFrame(bytes, at, at);
      } else {
        const size = Math.min(this.#left, end - at);
        fault = this.#payload(bytes, at, at + size);
        at += size;
      }
      if (fault !== undefined) {
        this.stop();
        return fault;
      }
    }
    this.readTo = at;
    return undefined;
  }

  /** The header of a frame stands at `at`. @hot */
  #begin(bytes: Uint8Array, at: number): Http2Fault | undefined {
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    const type = bytes[at + 3]!;
    const flags = bytes[at + 4]!;
    const streamId = readUint32(bytes, at + 5) & STREAM_ID_MASK;
    this.#length = length;
    this.#left = length;
    this.#type = type;
    this.#flags = flags;
    this.#streamId = streamId;
    this.#padding = 0;
    this.#isPaddingRead = (flags & frame.FLAG_PADDED) === 0;
    if (!this.#hasBegun) {
      if (type !== SETTINGS || (flags & frame.FLAG_ACK) !== 0) return FAULT_FIRST_FRAME;
      this.#hasBegun = true;
    }
    if (length > this.#limits.frameBytesMax) return FAULT_FRAME_TOO_LARGE;
    // RFC 9113 §6.2: nothing may stand between the frames of a field block.
    if ((type === CONTINUATION) !== (this.#blockStream !== 0) || streamId !== (this.#blockStream || streamId))
      return FAULT_CONTINUATION;
    switch (type) {
      case DATA:
        if (streamId === 0) return FAULT_STREAM_ID;
        if (!this.#isPaddingRead && length === 0) return FAULT_FRAME_SIZE;
        return this.#handler.onData(streamId, length);
      case HEADERS:
        return streamId === 0 ? FAULT_STREAM_ID : undefined;
      case CONTINUATION:
        return ++this.#continuations > this.#limits.continuationCountMax
          ? FAULT_EMPTY_CONTINUATIONS
          : undefined;
      case PRIORITY:
      case PUSH_PROMISE:
        return streamId === 0 ? FAULT_STREAM_ID : undefined;
      case RST_STREAM:
        if (streamId === 0) return FAULT_STREAM_ID;
        return length === 4 ? undefined : FAULT_FRAME_SIZE;
      case SETTINGS:
        if (streamId !== 0) return FAULT_STREAM_ID;
        if ((flags & frame.FLAG_ACK) !== 0) return length === 0 ? undefined : FAULT_FRAME_SIZE;
        return length % frame.SETTING_BYTES === 0 ? undefined : FAULT_FRAME_SIZE;
      case PING:
        if (streamId !== 0) return FAULT_STREAM_ID;
        return length === frame.PING_BYTES ? undefined : FAULT_FRAME_SIZE;
      case GOAWAY:
        if (streamId !== 0) return FAULT_STREAM_ID;
        return length >= 8 ? undefined : FAULT_FRAME_SIZE;
      case WINDOW_UPDATE:
        return length === 4 ? undefined : FAULT_FRAME_SIZE;
      case PRIORITY_UPDATE:
        if (streamId !== 0) return FAULT_STREAM_ID;
        return length >= 4 ? undefined : FAULT_FRAME_SIZE;
      default:
        return this.#handler.onUnknown(type, length);
    }
  }

  /** Bytes of the frame that is being read: at most what is left of it. @hot */
  #payload(bytes: Uint8Array, start: number, end: number): Http2Fault | undefined {
    const isWhole = end - start === this.#length;
    this.#left -= end - start;
    if (this.#type === DATA) return this.#data(bytes, start, end);
    if (this.#type > CONTINUATION && this.#type !== PRIORITY_UPDATE)
      return this.#left === 0 ? this.#endFrame(bytes, end, end) : undefined;
    if (isWhole) return this.#endFrame(bytes, start, end);
    this.#keep(bytes, start, end);
    if (this.#left > 0) return undefined;
    return this.#endFrame(this.#kept, this.#keptBytes - this.#length, this.#keptBytes);
  }

  /** @hot */
  #data(bytes: Uint8Array, start: number, end: number): Http2Fault | undefined {
    let at = start;
    if (!this.#isPaddingRead) {
      this.#isPaddingRead = true;
      this.#padding = bytes[at++]!;
      if (this.#padding >= this.#length) return FAULT_PADDING;
    }
    const contentEnd = Math.min(end, end + this.#left - this.#padding);
    if (contentEnd > at) {
      const fault = this.#handler.onDataPiece(this.#streamId, bytes, at, contentEnd);
      if (fault !== undefined) return fault;
    }
    return this.#left === 0 ? this.#endFrame(bytes, end, end) : undefined;
  }

  /** The frame has come whole; bytes[start..end) are its payload, but for DATA and what is ignored. @hot */
  #endFrame(bytes: Uint8Array, start: number, end: number): Http2Fault | undefined {
    this.#headerFilled = 0;
    const fault = this.#dispatch(bytes, start, end);
    if (this.#blockStream !== 0) return fault;
    this.frameCount++;
    if (this.#keptBytes > 0) {
      this.#keptBytes = 0;
      if (this.#kept.length > KEPT_BYTES_MAX) this.#kept = NO_BYTES;
    }
    return fault;
  }

  #dispatch(bytes: Uint8Array, start: number, end: number): Http2Fault | undefined {
    const handler = this.#handler;
    const streamId = this.#streamId;
    switch (this.#type) {
      case DATA:
        return handler.onDataEnd(streamId, (this.#flags & frame.FLAG_END_STREAM) !== 0);
      case HEADERS:
        return this.#headers(bytes, start, end);
      case CONTINUATION:
        return this.#fragment(bytes, start, end);
      case PRIORITY:
        if (this.#length !== PRIORITY_BYTES) return handler.onStreamFault(streamId, FAULT_STREAM_FRAME_SIZE);
        return handler.onPriority(streamId, readUint32(bytes, start) & STREAM_ID_MASK);
      case RST_STREAM:
        return handler.onReset(streamId, readUint32(bytes, start));
      case SETTINGS:
        return this.#settings(bytes, start, end);
      case PUSH_PROMISE:
        return handler.onPushPromise(streamId);
      case PING:
        return (this.#flags & frame.FLAG_ACK) === 0
          ? handler.onPing(bytes, start)
          : handler.onPingAck(bytes, start);
      case GOAWAY:
        return handler.onGoAway(readUint32(bytes, start) & STREAM_ID_MASK, readUint32(bytes, start + 4));
      case WINDOW_UPDATE:
        return handler.onWindowUpdate(streamId, readUint32(bytes, start) & STREAM_ID_MASK);
      case PRIORITY_UPDATE:
        return handler.onPriorityUpdate(readUint32(bytes, start) & STREAM_ID_MASK, bytes, start + 4, end);
      default:
        return undefined;
    }
  }

  #settings(bytes: Uint8Array, start: number, end: number): Http2Fault | undefined {
    if ((this.#flags & frame.FLAG_ACK) !== 0) return this.#handler.onSettingsAck();
    for (let at = start; at < end; at += frame.SETTING_BYTES) {
      const identifier = (bytes[at]! << 8) | bytes[at + 1]!;
      const fault = this.#handler.onSetting(identifier, readUint32(bytes, at + 2));
      if (fault !== undefined) return fault;
    }
    return this.#handler.onSettingsEnd();
  }

  /** The first frame of a field block: padding and priority are taken off. */
  #headers(bytes: Uint8Array, start: number, end: number): Http2Fault | undefined {
    let from = start;
    let to = end;
    if ((this.#flags & frame.FLAG_PADDED) !== 0) {
      if (from === to) return FAULT_FRAME_SIZE;
      to -= bytes[from++]!;
    }
    this.#blockDependsOn = DEPENDS_ON_NOTHING;
    if ((this.#flags & frame.FLAG_PRIORITY) !== 0) {
      if (end - from < PRIORITY_BYTES) return FAULT_FRAME_SIZE;
      this.#blockDependsOn = readUint32(bytes, from) & STREAM_ID_MASK;
      from += PRIORITY_BYTES;
    }
    if (to < from) return FAULT_PADDING;
    this.#blockIsLast = (this.#flags & frame.FLAG_END_STREAM) !== 0;
    this.#continuations = 0;
    if ((this.#flags & frame.FLAG_END_HEADERS) !== 0) return this.#block(bytes, from, to);
    this.#blockStream = this.#streamId;
    this.#keptBytes = 0;
    this.#keep(bytes, from, to);
    this.#blockBytes = this.#keptBytes;
    return this.#blockBytes > this.#limits.blockBytesMax ? FAULT_BLOCK_TOO_LARGE : undefined;
  }

  /** The payload of a CONTINUATION, which may have been kept behind what came before. */
  #fragment(bytes: Uint8Array, start: number, end: number): Http2Fault | undefined {
    if (bytes !== this.#kept) this.#keep(bytes, start, end);
    this.#blockBytes = this.#keptBytes;
    if (this.#blockBytes > this.#limits.blockBytesMax) return FAULT_BLOCK_TOO_LARGE;
    if ((this.#flags & frame.FLAG_END_HEADERS) === 0) return undefined;
    this.#blockStream = 0;
    return this.#block(this.#kept, 0, this.#blockBytes);
  }

  #block(bytes: Uint8Array, start: number, end: number): Http2Fault | undefined {
    if (end - start > this.#limits.blockBytesMax) return FAULT_BLOCK_TOO_LARGE;
    return this.#handler.onFieldBlock(
      this.#streamId,
      bytes,
      start,
      end,
      this.#blockIsLast,
      this.#blockDependsOn,
    );
  }

  /** `bytes` may be what is kept already: then they move to its end. */
  #keep(bytes: Uint8Array, start: number, end: number): void {
    const size = end - start;
    const needed = this.#keptBytes + size;
    if (needed > this.#kept.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#kept.length, 256));
      larger.set(this.#kept.subarray(0, this.#keptBytes));
      larger.set(bytes.subarray(start, end), this.#keptBytes);
      this.#kept = larger;
    } else if (bytes === this.#kept) bytes.copyWithin(this.#keptBytes, start, end);
    else this.#kept.set(bytes.subarray(start, end), this.#keptBytes);
    this.#keptBytes = needed;
  }
}
