/**
 * Bytes to messages: RFC 6455 §5. It judges each frame by its head before any of its payload is kept, unmasks what comes, checks
 * text while it comes, and puts fragments together. Sans-I/O; one object a connection, and small while nothing is under way.
 *
 * Memory for a message that comes in parts grows with what has come of it, not with what its head promises. Its end, a fault or
 * a close frame end the reading: what comes behind them is ignored.
 */
import { CLOSE_NO_STATUS, isCloseCode } from './close-codes.ts';
import {
  FAULT_CLOSE_CODE,
  FAULT_CONTROL,
  FAULT_FRAGMENT,
  FAULT_LENGTH,
  FAULT_OPCODE,
  FAULT_RESERVED_BIT,
  FAULT_TOO_BIG,
  FAULT_UNMASKED,
  FAULT_UTF8,
  type WebSocketFault,
} from './faults.ts';
import {
  CONTROL_BYTES_MAX,
  FIN,
  FRAME_HEAD_BYTES_MAX,
  MASKED,
  OPCODE_BINARY,
  OPCODE_CLOSE,
  OPCODE_CONTINUATION,
  OPCODE_PING,
  OPCODE_PONG,
  OPCODE_TEXT,
  RSV1,
} from './frames.ts';
import { GatheredMessage } from './gathered-message.ts';
import { turnedKey, UNMASKED_BYTES_MAX, type Unmasking } from './unmasking.ts';
import { checkUtf8, UTF8_BAD, UTF8_WHOLE } from './utf8.ts';

/** What a reader tells. Bytes are borrowed until return, but for those of a message that says otherwise. */
export interface FrameEvents {
  /**
   * @param isText and UTF-8 then, unless it is compressed
   * @param isAscii of a text, that it is known to be ASCII
   * @param isOwned the bytes are the receiver's from now on
   */
  onMessage(
    bytes: Uint8Array,
    start: number,
    end: number,
    isText: boolean,
    isAscii: boolean,
    isOwned: boolean,
  ): void;
  /** A whole message, compressed as RFC 7692 has it. Only where `takesCompressed`. */
  onCompressed(bytes: Uint8Array, start: number, end: number, isText: boolean): void;
  onPing(bytes: Uint8Array, start: number, end: number): void;
  onPong(bytes: Uint8Array, start: number, end: number): void;
  /** The peer closes; nothing more is read. @param code CLOSE_NO_STATUS where it gave none; the bytes are its reason, in UTF-8 */
  onClose(code: number, bytes: Uint8Array, start: number, end: number): void;
  /** The peer has broken a rule or a bound; nothing more is read. */
  onFault(fault: WebSocketFault): void;
}

export interface ReaderSettings {
  /** Bounds one message, its fragments together; where it is compressed, as it was sent. */
  readonly payloadBytesMax: number;
  /** What comes is a client's and has to be masked; false to read what a server sends. */
  readonly isMasked: boolean;
  /** RSV1 may be set. RFC 7692 §6 */
  readonly takesCompressed: boolean;
}

const NO_BYTES = new Uint8Array(0);
/** No byte: that of a fragment which ends nothing is 0. */
const NO_FRAME = -1;

export class FrameReader {
  /** Nothing more is read. */
  isStopped = false;
  readonly #events: FrameEvents;
  readonly #settings: ReaderSettings;
  readonly #unmasking: Unmasking;
  /** A head that has not come whole. */
  #head: Uint8Array | null = null;
  #headBytes = 0;
  // The frame whose payload is coming, in parts.
  #left = 0;
  #key = 0;
  /** NO_FRAME while none is open. */
  #first = NO_FRAME;
  // The message of which a frame has come; opcode 0 while there is none.
  #opcode = 0;
  #isCompressed = false;
  #utf8 = UTF8_WHOLE;
  #message: GatheredMessage | null = null;
  /** What has come of a control frame. */
  #control: GatheredMessage | null = null;

  /** @param unmasking shared by readers that never run at the same time */
  constructor(events: FrameEvents, settings: ReaderSettings, unmasking: Unmasking) {
    this.#events = events;
    this.#settings = settings;
    this.#unmasking = unmasking;
  }

  /** Whether a message, a frame or a head has begun and not ended. */
  get isAmidst(): boolean {
    return this.#opcode !== 0 || this.#headBytes > 0 || this.#first !== NO_FRAME;
  }

  /** Nothing more is to be read. */
  stop(): void {
    this.isStopped = true;
    this.#head = null;
    this.#message = null;
    this.#control = null;
  }

  /** @hot */
  receive(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end && !this.isStopped) {
      if (this.#first !== NO_FRAME) at = this.#readPart(bytes, at, end);
      else if (this.#headBytes > 0) at = this.#goOnWithHead(bytes, at, end);
      else at = this.#readFrame(bytes, at, end);
    }
  }

  /** A frame begins at `at`. @returns the position behind what was read @hot */
  #readFrame(bytes: Uint8Array, at: number, end: number): number {
    if (end - at < 2) return this.#keepHead(bytes, at, end);
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    const size = headBytesOf(second);
    if (end - at < size) return this.#keepHead(bytes, at, end);
    const length = lengthOf(bytes, at, second & 0x7f);
    const fault = this.#judge(first, second, length);
    if (fault !== undefined) return this.#fail(fault, end);
    const from = at + size;
    const key = (second & MASKED) === 0 ? 0 : keyAt(bytes, from - 4);
    if (length > end - from || length > UNMASKED_BYTES_MAX) {
      this.#begin(first, key, length);
      return from;
    }
    this.#unmasking.take(bytes, from, from + length, key);
    this.#takeWhole(first, length);
    return from + length;
  }

  #keepHead(bytes: Uint8Array, at: number, end: number): number {
    this.#head ??= new Uint8Array(FRAME_HEAD_BYTES_MAX);
    for (let i = at; i < end; i++) this.#head[this.#headBytes++] = bytes[i]!;
    return end;
  }

  #goOnWithHead(bytes: Uint8Array, start: number, end: number): number {
    const head = this.#head!;
    let at = start;
    while (at < end) {
      head[this.#headBytes++] = bytes[at++]!;
      const size = this.#headBytes < 2 ? FRAME_HEAD_BYTES_MAX : headBytesOf(head[1]!);
      if (this.#headBytes < size) continue;
      this.#headBytes = 0;
      this.#head = null;
      const length = lengthOf(head, 0, head[1]! & 0x7f);
      const fault = this.#judge(head[0]!, head[1]!, length);
      if (fault !== undefined) return this.#fail(fault, end);
      this.#begin(head[0]!, (head[1]! & MASKED) === 0 ? 0 : keyAt(head, size - 4), length);
      break;
    }
    return at;
  }

  /** @returns what is wrong with a frame that begins so, before any of its payload is read */
  #judge(first: number, second: number, length: number): WebSocketFault | undefined {
    const opcode = first & 0xf;
    const isFirst = opcode === OPCODE_TEXT || opcode === OPCODE_BINARY;
    const reserved = first & 0x70;
    if (reserved !== 0 && !(reserved === RSV1 && isFirst && this.#settings.takesCompressed))
      return FAULT_RESERVED_BIT;
    if (((second & MASKED) !== 0) !== this.#settings.isMasked) return FAULT_UNMASKED;
    if (opcode >= OPCODE_CLOSE) {
      if (opcode > OPCODE_PONG) return FAULT_OPCODE;
      return (first & FIN) === 0 || (second & 0x7f) > CONTROL_BYTES_MAX ? FAULT_CONTROL : undefined;
    }
    if (opcode > OPCODE_BINARY) return FAULT_OPCODE;
    if (isFirst !== (this.#opcode === 0)) return FAULT_FRAGMENT;
    if (length < 0) return FAULT_LENGTH;
    const before = this.#message === null ? 0 : this.#message.length;
    return before + length > this.#settings.payloadBytesMax ? FAULT_TOO_BIG : undefined;
  }

  /** Its payload comes in parts, or is none. */
  #begin(first: number, key: number, length: number): void {
    this.#first = first;
    this.#key = key;
    this.#left = length;
    const opcode = first & 0xf;
    if (opcode >= OPCODE_CLOSE) this.#control = new GatheredMessage();
    else this.#beginMessage(first);
    if (length === 0) this.#endFrame();
  }

  #beginMessage(first: number): void {
    const opcode = first & 0xf;
    if (opcode === OPCODE_CONTINUATION) return;
    this.#opcode = opcode;
    this.#isCompressed = (first & RSV1) !== 0;
    this.#utf8 = UTF8_WHOLE;
  }

  /** Some of a payload has come. */
  #readPart(bytes: Uint8Array, at: number, end: number): number {
    const size = Math.min(this.#left, end - at, UNMASKED_BYTES_MAX);
    this.#unmasking.take(bytes, at, at + size, this.#key);
    this.#key = turnedKey(this.#key, size);
    this.#left -= size;
    if ((this.#first & 0xf) >= OPCODE_CLOSE)
      this.#control!.add(this.#unmasking.bytes, size, CONTROL_BYTES_MAX);
    else if (!this.#addToMessage(size)) return end;
    if (this.#left === 0) this.#endFrame();
    return at + size;
  }

  /** @returns false where that was none of a text */
  #addToMessage(size: number): boolean {
    const { bytes } = this.#unmasking;
    if (!this.#isSoundText(size)) {
      this.#fail(FAULT_UTF8, 0);
      return false;
    }
    this.#message ??= new GatheredMessage();
    this.#message.add(bytes, size, this.#settings.payloadBytesMax);
    return true;
  }

  /** Checks what was unmasked last as more of the text that is coming. @hot */
  #isSoundText(size: number): boolean {
    if (this.#opcode !== OPCODE_TEXT || this.#isCompressed) return true;
    if (this.#utf8 === UTF8_WHOLE && this.#unmasking.isAscii) return true;
    this.#utf8 = checkUtf8(this.#utf8, this.#unmasking.bytes, 0, size);
    return this.#utf8 !== UTF8_BAD;
  }

  /** The payload of the frame that came in parts has come. */
  #endFrame(): void {
    const first = this.#first;
    this.#first = NO_FRAME;
    if ((first & 0xf) >= OPCODE_CLOSE) {
      const control = this.#control!;
      this.#control = null;
      this.#takeControl(first & 0xf, control.bytes, control.length);
    } else if ((first & FIN) !== 0) this.#endMessage();
  }

  /** A frame whose payload is what was unmasked last. @hot */
  #takeWhole(first: number, length: number): void {
    const opcode = first & 0xf;
    const { bytes, isAscii } = this.#unmasking;
    if (opcode >= OPCODE_CLOSE) {
      this.#takeControl(opcode, bytes, length);
      return;
    }
    if (opcode === OPCODE_CONTINUATION || (first & (FIN | RSV1)) !== FIN) {
      this.#beginMessage(first);
      if (length > 0 && !this.#addToMessage(length)) return;
      if ((first & FIN) !== 0) this.#endMessage();
      return;
    }
    // Most messages are one frame that has come at once.
    const isText = opcode === OPCODE_TEXT;
    if (isText && !isAscii && checkUtf8(UTF8_WHOLE, bytes, 0, length) !== UTF8_WHOLE)
      this.#fail(FAULT_UTF8, 0);
    else this.#events.onMessage(bytes, 0, length, isText, isAscii, false);
  }

  #endMessage(): void {
    const message = this.#message;
    const isText = this.#opcode === OPCODE_TEXT;
    this.#message = null;
    this.#opcode = 0;
    const bytes = message === null ? NO_BYTES : message.bytes;
    const length = message === null ? 0 : message.length;
    if (this.#isCompressed) this.#events.onCompressed(bytes, 0, length, isText);
    else if (isText && this.#utf8 !== UTF8_WHOLE) this.#fail(FAULT_UTF8, 0);
    else this.#events.onMessage(bytes, 0, length, isText, false, true);
  }

  #takeControl(opcode: number, bytes: Uint8Array, length: number): void {
    if (opcode === OPCODE_PING) this.#events.onPing(bytes, 0, length);
    else if (opcode === OPCODE_PONG) this.#events.onPong(bytes, 0, length);
    else this.#takeClose(bytes, length);
  }

  #takeClose(bytes: Uint8Array, length: number): void {
    const code = length === 0 ? CLOSE_NO_STATUS : length === 1 ? 0 : (bytes[0]! << 8) | bytes[1]!;
    if (length > 0 && !isCloseCode(code)) this.#fail(FAULT_CLOSE_CODE, 0);
    else if (length > 2 && checkUtf8(UTF8_WHOLE, bytes, 2, length) !== UTF8_WHOLE) this.#fail(FAULT_UTF8, 0);
    else {
      this.stop();
      this.#events.onClose(code, bytes, Math.min(2, length), length);
    }
  }

  #fail(fault: WebSocketFault, end: number): number {
    this.stop();
    this.#events.onFault(fault);
    return end;
  }
}

/** @hot */
function headBytesOf(second: number): number {
  const short = second & 0x7f;
  return 2 + (short < 126 ? 0 : short === 126 ? 2 : 8) + ((second & MASKED) === 0 ? 0 : 4);
}

/** @returns the length that the head at `at` tells; -1 when it is not in its shortest form, or has the 64th bit @hot */
function lengthOf(bytes: Uint8Array, at: number, short: number): number {
  if (short < 126) return short;
  if (short === 126) {
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    return length < 126 ? -1 : length;
  }
  const high = wordAt(bytes, at + 2);
  const low = wordAt(bytes, at + 6);
  if (high >= 0x8000_0000) return -1;
  const length = high * 0x1_0000_0000 + low;
  return length < 0x1_00_00 ? -1 : length;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** The key with its first byte lowest. @hot */
function keyAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
