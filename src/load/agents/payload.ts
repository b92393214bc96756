/**
 * Values as payloads: JSON, deflated where that is worth it, cut into frames that fit a message, and put
 * together again on the other side. Everything that comes in has a bound.
 */
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { BODY_BYTES_MIN, FRAME_HEAD_BYTES_MAX, type Frame, PAYLOAD_BYTES_MAX, WireError } from './frame.ts';

/** Below, deflating saves nothing worth its time, and people can read what passes. */
const PACKED_FROM_BYTES = 4096;
/** What a payload may become: histograms shrink to a quarter, a body of zeros to a thousandth. */
const UNPACKED_BYTES_MAX = 256 * 1024 * 1024;
/** Payloads under way at once, for each receiver; the oldest is forgotten. */
const OPEN_MAX = 8;

/**
 * @param messageBytesMax what one message may hold, head line and all
 * @throws WireError when it is too large for a payload
 */
export function toFrames(value: unknown, from: string, payload: string, messageBytesMax: number): Frame[] {
  const plain = Buffer.from(JSON.stringify(value));
  const isPacked = plain.length >= PACKED_FROM_BYTES;
  const bytes = isPacked ? deflateRawSync(plain, { level: constants.Z_BEST_SPEED }) : plain;
  if (bytes.length > PAYLOAD_BYTES_MAX || plain.length > UNPACKED_BYTES_MAX)
    throw new WireError('too-large', `a message of ${bytes.length} bytes; ${PAYLOAD_BYTES_MAX} are allowed`);
  const bodyBytes = Math.max(BODY_BYTES_MIN, messageBytesMax - FRAME_HEAD_BYTES_MAX);
  const parts = Math.max(1, Math.ceil(bytes.length / bodyBytes));
  return Array.from({ length: parts }, (_, part) => ({
    from,
    payload,
    part,
    parts,
    isPacked,
    body: bytes.subarray(part * bodyBytes, (part + 1) * bodyBytes),
  }));
}

/** @throws WireError */
export function fromBody(body: Uint8Array, isPacked: boolean): unknown {
  try {
    const plain = isPacked ? inflateRawSync(body, { maxOutputLength: UNPACKED_BYTES_MAX }) : body;
    return JSON.parse(Buffer.from(plain).toString('utf8'));
  } catch (error) {
    const isLarge = (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE';
    throw new WireError(
      isLarge ? 'too-large' : 'malformed',
      isLarge
        ? `a message of more than ${UNPACKED_BYTES_MAX} bytes unpacked`
        : 'a message whose body is no JSON',
    );
  }
}

interface OpenPayload {
  readonly parts: (Uint8Array | undefined)[];
  readonly isPacked: boolean;
  bytes: number;
  left: number;
}

/** Collects the frames of payloads. A frame that comes twice counts once. */
export class PayloadAssembler {
  readonly #open = new Map<string, OpenPayload>();

  /**
   * @returns the value, once its last frame is there; undefined while some are missing
   * @throws WireError; the payload is forgotten then
   */
  add(frame: Frame): { readonly value: unknown } | undefined {
    if (frame.parts === 1) return { value: fromBody(frame.body, frame.isPacked) };
    const open = this.#payload(frame);
    if (open.parts[frame.part] === undefined) {
      open.parts[frame.part] = Uint8Array.from(frame.body);
      open.bytes += frame.body.length;
      open.left--;
    }
    if (open.bytes > PAYLOAD_BYTES_MAX) {
      this.#open.delete(frame.payload);
      throw new WireError('too-large', `a message of more than ${PAYLOAD_BYTES_MAX} bytes`, frame.from);
    }
    if (open.left > 0) return undefined;
    this.#open.delete(frame.payload);
    // None is missing: `left` has counted each once.
    return { value: fromBody(Buffer.concat(open.parts as Uint8Array[]), open.isPacked) };
  }

  #payload(frame: Frame): OpenPayload {
    const known = this.#open.get(frame.payload);
    if (known !== undefined) {
      if (known.parts.length === frame.parts && known.isPacked === frame.isPacked) return known;
      this.#open.delete(frame.payload);
      throw new WireError('malformed', 'frames of one payload that contradict each other', frame.from);
    }
    if (this.#open.size >= OPEN_MAX) this.#open.delete(this.#open.keys().next().value!); // there are some
    const parts = new Array<Uint8Array | undefined>(frame.parts).fill(undefined);
    const open: OpenPayload = { parts, isPacked: frame.isPacked, bytes: 0, left: frame.parts };
    this.#open.set(frame.payload, open);
    return open;
  }
}
