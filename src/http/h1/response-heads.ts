/**
 * Writes heads of HTTP/1 answers into the engine's memory. One object a thread: the encoder with what it remembers, and
 * the Date field, are shared by all connections.
 */
import { type EngineConnection, SEND_RESERVE_BYTES_MAX } from '../../engine/engine.ts';
import type { Fault } from '../../protocol/error.ts';
import {
  continueBytes,
  FAULT_RESPONSE_BYTES_MAX,
  MODE_CLOSE,
  MODE_KEEP_ALIVE,
  ResponseHeadEncoder,
  SIMPLE_HEAD_BYTES_MAX,
} from '../../protocol/h1/response-head.ts';
import type { StandingAnswer } from '../../web/standing-answers.ts';
import { type AnswerPlan, isFramingField } from '../answer-plan.ts';

/** What a head takes beside the fields that a handler gave: status line, Date, framing, Connection. */
const HEAD_OWN_BYTES_MAX = 512;

/** Whoever answers a client's faults in other words than ours. */
export interface Refusals {
  /** @returns the whole answer, of latin1; undefined for ours */
  refusal(fault: Fault): string | undefined;
}

export class ResponseHeads {
  readonly #encoder: ResponseHeadEncoder;
  readonly #refusals: Refusals | undefined;
  /** On the engine's clock: when the Date field is stale. */
  #nextDateMs = Number.NEGATIVE_INFINITY;

  constructor(idleMs: number, refusals?: Refusals) {
    this.#refusals = refusals;
    const seconds = Math.floor(idleMs / 1000);
    this.#encoder = new ResponseHeadEncoder({
      keepAliveText: Number.isFinite(idleMs) && seconds > 0 ? `timeout=${seconds}` : undefined,
    });
  }

  /**
   * Head and content of a short ASCII text.
   * @param mode one of the MODE_ numbers
   * @returns the bytes committed; 0 when it is not ASCII, or the type cannot be sent or is too long @hot
   */
  shortText(
    engine: EngineConnection,
    nowMs: number,
    status: number,
    contentType: string | undefined,
    text: string,
    mode: number,
  ): number {
    this.#refreshDate(nowMs);
    const length = text.length;
    const size = HEAD_OWN_BYTES_MAX + (contentType === undefined ? 0 : contentType.length) + length;
    if (size > SEND_RESERVE_BYTES_MAX) return 0;
    const start = engine.reserve(size);
    const out = engine.out;
    let at = this.#encoder.encodeSimpleInto(out, start, status, contentType, length, mode);
    if (at < 0) return 0;
    for (let i = 0; i < length; i++) {
      const char = text.charCodeAt(i);
      if (char > 0x7f) return 0;
      out[at++] = char;
    }
    engine.commit(at - start);
    return at - start;
  }

  /**
   * The head of `plan`, with `bytes` behind it if they are given.
   * @param length the Content-Length, or one of the LENGTH_ numbers
   * @param bytes as long as to fit with the head: see `sizeOf`
   * @returns the bytes committed
   * @throws TypeError when a field cannot be sent; nothing is committed then
   */
  begin(
    engine: EngineConnection,
    nowMs: number,
    plan: AnswerPlan,
    size: number,
    length: number,
    mode: number,
    bytes: Uint8Array | null,
  ): number {
    this.#refreshDate(nowMs);
    const encoder = this.#encoder;
    const { status, statusText, contentType, names } = plan;
    const start = engine.reserve(bytes === null ? size : size + bytes.length);
    const out = engine.out;
    let at: number;
    if (names.length === 0 && statusText === '') {
      at = checked(encoder.encodeSimpleInto(out, start, status, contentType, length, mode), 'content-type');
    } else {
      at =
        statusText === ''
          ? encoder.beginInto(out, start, status, mode)
          : checked(encoder.beginWithReasonInto(out, start, status, statusText, mode), 'statusText');
      at = this.#fieldsInto(out, at, plan);
      at = encoder.endInto(out, at, length);
    }
    if (bytes !== null) {
      out.set(bytes, at);
      at += bytes.length;
    }
    engine.commit(at - start);
    return at - start;
  }

  /**
   * The head of an answer that stands, with `bytes` behind it if they are given.
   * @returns the bytes committed; 0 where its fields have not been written before, or are long @hot
   */
  standing(
    engine: EngineConnection,
    nowMs: number,
    answer: StandingAnswer,
    bytes: Uint8Array | null,
  ): number {
    const { fields, contentLength } = answer;
    const { encoded, status } = fields;
    if (encoded === undefined) return 0;
    const size = HEAD_OWN_BYTES_MAX + encoded.length + (bytes === null ? 0 : bytes.length);
    if (size > SEND_RESERVE_BYTES_MAX) return 0;
    this.#refreshDate(nowMs);
    const start = engine.reserve(size);
    const { out } = engine;
    let at = this.#encoder.beginInto(out, start, status, MODE_KEEP_ALIVE);
    out.set(encoded, at);
    at = this.#encoder.endInto(out, at + encoded.length, contentLength);
    if (bytes !== null) {
      out.set(bytes, at);
      at += bytes.length;
    }
    engine.commit(at - start);
    return at - start;
  }

  /** @throws TypeError when a field cannot be sent @hot */
  #fieldsInto(out: Uint8Array, start: number, plan: AnswerPlan): number {
    const { contentType, names, values, ready } = plan;
    const encoded = ready?.encoded;
    if (encoded !== undefined) {
      out.set(encoded, start);
      return start + encoded.length;
    }
    const encoder = this.#encoder;
    let at = start;
    if (contentType !== undefined)
      at = checked(encoder.fieldInto(out, at, 'Content-Type', contentType), 'content-type');
    for (let i = 0; i < names.length; i++) {
      if (!isFramingField(names[i]!))
        at = checked(encoder.fieldInto(out, at, names[i]!, values[i]!), names[i]!);
    }
    if (ready !== undefined) ready.encoded = out.slice(start, at);
    return at;
  }

  /** A short answer of our own, after which the connection ends. @returns its bytes */
  fault(engine: EngineConnection, nowMs: number, fault: Fault, withContent: boolean): number {
    const other = this.#refusals?.refusal(fault);
    if (other !== undefined) {
      const bytes = Buffer.from(other, 'latin1');
      const start = engine.reserve(bytes.length);
      engine.out.set(bytes, start);
      engine.commit(bytes.length);
      return bytes.length;
    }
    this.#refreshDate(nowMs);
    const start = engine.reserve(FAULT_RESPONSE_BYTES_MAX);
    const at = this.#encoder.encodeFaultInto(engine.out, start, fault, withContent);
    engine.commit(at - start);
    return at - start;
  }

  /** The last answer on a connection of whose request nothing is known: it has no content. @returns its bytes */
  faultHead(engine: EngineConnection, nowMs: number, fault: Fault): number {
    this.#refreshDate(nowMs);
    const start = engine.reserve(SIMPLE_HEAD_BYTES_MAX);
    const at = this.#encoder.encodeSimpleInto(engine.out, start, fault.status, undefined, 0, MODE_CLOSE);
    engine.commit(at - start);
    return at - start;
  }

  /** @returns its bytes */
  continue(engine: EngineConnection): number {
    const start = engine.reserve(continueBytes.length);
    engine.out.set(continueBytes, start);
    engine.commit(continueBytes.length);
    return continueBytes.length;
  }

  /**
   * An interim answer. @returns its bytes
   * @throws TypeError, RangeError when a field cannot be sent
   */
  interim(engine: EngineConnection, status: number, fields: readonly (readonly [string, string])[]): number {
    let size = HEAD_OWN_BYTES_MAX;
    for (const [name, value] of fields) size += name.length + value.length + 4;
    if (size > SEND_RESERVE_BYTES_MAX) throw new RangeError('an interim answer takes more than 64 KiB');
    const start = engine.reserve(size);
    const names = fields.map(([name]) => name);
    const values = fields.map(([, value]) => value);
    const at = checked(
      this.#encoder.encodeInterimInto(engine.out, start, status, names, values),
      names.join(', '),
    );
    engine.commit(at - start);
    return at - start;
  }

  /** The Date field has a resolution of one second: it is rendered anew when the next one begins. @hot */
  #refreshDate(nowMs: number): void {
    if (nowMs < this.#nextDateMs) return;
    const epochMs = Date.now();
    this.#nextDateMs = nowMs + 1000 - (epochMs % 1000);
    this.#encoder.setDate(epochMs);
  }
}

/**
 * What the head of `plan` takes at most.
 * @throws RangeError when that is more than can be sent at once
 */
export function headSizeOf(plan: AnswerPlan): number {
  const { names, values, contentType } = plan;
  let size =
    HEAD_OWN_BYTES_MAX + plan.statusText.length + (contentType === undefined ? 0 : contentType.length);
  for (let i = 0; i < names.length; i++) size += names[i]!.length + values[i]!.length + 4;
  if (size > SEND_RESERVE_BYTES_MAX)
    throw new RangeError(`the response's header fields take ${size} bytes; at most 64 KiB can be sent`);
  return size;
}

function checked(at: number, name: string): number {
  if (at < 0)
    throw new TypeError(
      `the response's field ${JSON.stringify(name)} has a name or value that cannot be sent`,
    );
  return at;
}
