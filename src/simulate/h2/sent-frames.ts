/**
 * What one HTTP/2 client has sent, frame by frame with the places of each in its stream of bytes: so the oracle knows
 * what the server has been handed without reading it. A frame counts from the moment in which its last byte was handed over.
 */
import type { SeededRandom } from '../../base/random.ts';
import { HTTP2_PREFACE } from '../../protocol/detect.ts';
import * as frame from '../../protocol/h2/frames.ts';
import type { H2Request } from './request.ts';

const PAYLOAD_AT = frame.FRAME_HEADER_BYTES;
/** CONTINUATION frames of one block: the server reads 8. */
const BLOCK_PARTS_MAX = 6;

type SentKind =
  /** The request of `Upgrade: h2c`, in HTTP/1.1. */
  | 'upgrade'
  | 'preface'
  | 'settings'
  | 'settings-ack'
  | 'ping'
  | 'ping-ack'
  | 'window'
  | 'reset'
  /** The last frame of a request's head. */
  | 'head'
  | 'trailers'
  /** A frame of a field block that goes on in the next. */
  | 'part'
  | 'data'
  | 'priority'
  /** DATA that carries nothing and ends nothing. */
  | 'empty'
  /** Its type is not known. */
  | 'stray'
  /** Means nothing to any stream or window. */
  | 'other';

export interface SentFrame {
  readonly kind: SentKind;
  readonly start: number;
  readonly end: number;
  /** 0 for the connection. */
  readonly streamId: number;
  readonly isLast: boolean;
  /** An increment, an error code, or the number that a PING carries. */
  readonly value: number;
  /** Content, of DATA: first byte and bytes. Padding stands around it. */
  readonly contentStart: number;
  readonly contentBytes: number;
  /** Identifier and value, one after the other. */
  readonly settings: readonly number[];
  readonly request: H2Request | undefined;
}

/** Something that the server must answer with an error, from the byte on that shows it. */
export interface Offence {
  /** 0: the connection ends by it. */
  readonly streamId: number;
  readonly errorCode: number;
  /** It cannot be seen before so many bytes of the stream have come, and must be seen after so many. */
  readonly fromBytes: number;
  readonly atBytes: number;
}

/** Many frames of one kind, which is all that they are for. */
export interface Flood {
  readonly kind: SentKind;
  /** So many at once are allowed, and so many a second. */
  readonly burst: number;
  readonly perSecond: number;
}

type Facts = Partial<Omit<SentFrame, 'kind' | 'start' | 'end'>>;

export class SentFrames {
  readonly frames: SentFrame[] = [];
  readonly offences: Offence[] = [];
  length = 0;
  /** Nothing more is written: a frame has been begun that is not to be ended. */
  isMuted = false;
  flood: Flood | undefined = undefined;
  readonly #write: (bytes: Uint8Array) => void;

  /** @param write sends, and owns what it is given */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  /** A request in HTTP/1.1. */
  upgrade(bytes: Uint8Array, request: H2Request, settings: readonly number[]): void {
    this.#push('upgrade', bytes, { request, settings, streamId: 1, isLast: true });
  }

  preface(): void {
    this.#push('preface', HTTP2_PREFACE, {});
  }

  settings(settings: readonly number[]): void {
    const bytes = new Uint8Array(PAYLOAD_AT + (settings.length / 2) * frame.SETTING_BYTES);
    frame.settingsInto(bytes, 0, settings);
    this.#push('settings', bytes, { settings });
  }

  settingsAck(): void {
    this.raw('settings-ack', frame.FRAME_SETTINGS, frame.FLAG_ACK, 0, new Uint8Array(0));
  }

  ping(value: number): void {
    this.raw('ping', frame.FRAME_PING, 0, 0, pingPayload(value), { value });
  }

  pingAck(payload: Uint8Array): void {
    this.raw('ping-ack', frame.FRAME_PING, frame.FLAG_ACK, 0, payload);
  }

  window(streamId: number, value: number): void {
    const bytes = new Uint8Array(frame.WINDOW_UPDATE_BYTES);
    frame.windowUpdateInto(bytes, 0, streamId, value);
    this.#push('window', bytes, { streamId, value });
  }

  reset(streamId: number, value: number): void {
    const bytes = new Uint8Array(frame.RST_STREAM_BYTES);
    frame.resetStreamInto(bytes, 0, streamId, value);
    this.#push('reset', bytes, { streamId, value });
  }

  /** A field block, in one frame or in some. */
  block(
    kind: 'head' | 'trailers',
    streamId: number,
    block: Uint8Array,
    isLast: boolean,
    parts: number,
    request: H2Request,
  ): void {
    const size = Math.max(1, Math.ceil(block.length / Math.min(parts, BLOCK_PARTS_MAX)));
    for (let at = 0; at < block.length; at += size) {
      const isEnd = at + size >= block.length;
      const type = at === 0 ? frame.FRAME_HEADERS : frame.FRAME_CONTINUATION;
      const flags = (isEnd ? frame.FLAG_END_HEADERS : 0) | (isLast && at === 0 ? frame.FLAG_END_STREAM : 0);
      this.raw(isEnd ? kind : 'part', type, flags, streamId, block.subarray(at, at + size), {
        isLast,
        request,
      });
    }
  }

  /** @param padding bytes behind the content, undefined for none and no length of it */
  data(
    streamId: number,
    content: Uint8Array,
    isLast: boolean,
    padding: number | undefined,
    request: H2Request,
  ): void {
    const before = padding === undefined ? 0 : 1;
    const payload = new Uint8Array(before + content.length + (padding ?? 0));
    if (padding !== undefined) payload[0] = padding;
    payload.set(content, before);
    const flags = (isLast ? frame.FLAG_END_STREAM : 0) | (padding === undefined ? 0 : frame.FLAG_PADDED);
    this.raw('data', frame.FRAME_DATA, flags, streamId, payload, {
      isLast,
      contentStart: this.length + PAYLOAD_AT + before,
      contentBytes: content.length,
      value: payload.length,
      request,
    });
  }

  raw(
    kind: SentKind,
    type: number,
    flags: number,
    streamId: number,
    payload: Uint8Array,
    facts: Facts = {},
  ): void {
    const bytes = new Uint8Array(PAYLOAD_AT + payload.length);
    frame.frameHeaderInto(bytes, 0, payload.length, type, flags, streamId);
    bytes.set(payload, PAYLOAD_AT);
    this.#push(kind, bytes, { streamId, ...facts });
  }

  /** The first `comes` bytes of what would be `bytes`: nothing but its rest may follow. */
  begin(kind: 'preface' | 'other', bytes: Uint8Array, comes: number): void {
    this.#note(kind, bytes.length, {});
    this.isMuted = true;
    this.length -= bytes.length - comes;
    this.#write(bytes.slice(0, comes));
  }

  /** One byte of that rest. */
  drip(byte: number): void {
    this.length++;
    this.#write(Uint8Array.of(byte));
  }

  /** What was written behind `from` breaks a rule. @param streamId 0: the connection ends by it */
  offends(errorCode: number, streamId: number, from: number): void {
    this.offences.push({ streamId, errorCode, fromBytes: from + 1, atBytes: this.length });
  }

  #push(kind: SentKind, bytes: Uint8Array, facts: Facts): void {
    if (this.isMuted) return;
    this.#note(kind, bytes.length, facts);
    this.#write(bytes);
  }

  #note(kind: SentKind, size: number, facts: Facts): void {
    this.frames.push({
      kind,
      start: this.length,
      end: this.length + size,
      streamId: facts.streamId ?? 0,
      isLast: facts.isLast ?? false,
      value: facts.value ?? 0,
      contentStart: facts.contentStart ?? 0,
      contentBytes: facts.contentBytes ?? 0,
      settings: facts.settings ?? [],
      request: facts.request,
    });
    this.length += size;
  }
}

/** Eight bytes that carry a number. */
export function pingPayload(value: number): Uint8Array {
  const payload = new Uint8Array(frame.PING_BYTES);
  for (let i = 0; i < 4; i++) payload[i] = value >>> (8 * i);
  return payload;
}

/** How many frames a block is spread over. */
export function drawParts(random: SeededRandom): number {
  return random.chance(0.85) ? 1 : random.between(2, BLOCK_PARTS_MAX);
}
