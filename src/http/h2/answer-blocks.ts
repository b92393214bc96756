/**
 * Field blocks of answers, for all HTTP/2 connections of a thread: what many answers share stands ready encoded, and only
 * the length is put in anew, and the date once a second.
 */
import { encodedBytesMax, encodeFieldInto } from '../../protocol/h2/hpack-encoder.ts';
import {
  contentLengthInto,
  DATE_FIELD_BYTES,
  dateFieldInto,
  LENGTH_FIELD_BYTES_MAX,
} from '../../protocol/h2/server/response-block.ts';
import { formatHttpDate } from '../../protocol/semantics/http-date.ts';
import { fieldName, fieldValue } from '../../web/field-rules.ts';
import { type AnswerPlan, isFramingField } from '../answer-plan.ts';

const STATUS_BYTES_MAX = 16;
/** Kinds of short answers that are kept: a status and a content type each. */
const TEMPLATES_MAX = 32;
const TYPE_CHARS_MAX = 256;
const SHORT_BYTES_MAX = 512;
/** What the head of one answer may take: as much as a reservation of the engine's holds. */
const BLOCK_BYTES_MAX = 64 * 1024;

interface Template {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly bytes: Uint8Array;
  readonly dateAt: number;
  /** Where the length belongs: behind all else. */
  readonly lengthAt: number;
  dateVersion: number;
}

export class AnswerBlocks {
  /** The block that was made last is `block[0..end)`. */
  block: Uint8Array = new Uint8Array(1024);
  end = 0;
  /** For content of short answers: used again by all, since it is copied at once. */
  readonly scratch = new Uint8Array(SHORT_BYTES_MAX);
  readonly #templates: Template[] = [];
  /** The one that was used last: most answers are alike. */
  #template: Template | undefined = undefined;
  #own: Uint8Array = this.block;
  #date = '';
  #dateVersion = 0;
  /** On the engine's clock: when the Date field is stale. */
  #nextDateMs = Number.NEGATIVE_INFINITY;

  /**
   * The block of a short answer.
   * @returns false when the type cannot be sent, or is too long to be remembered @hot
   */
  short(nowMs: number, status: number, contentType: string | undefined, contentBytes: number): boolean {
    this.#refreshDate(nowMs);
    let template = this.#template;
    if (template === undefined || template.status !== status || template.contentType !== contentType) {
      template = this.#find(status, contentType) ?? this.#make(status, contentType);
      if (template === undefined) return false;
      this.#template = template;
    }
    const { bytes } = template;
    if (template.dateVersion !== this.#dateVersion) {
      dateFieldInto(bytes, template.dateAt, this.#date);
      template.dateVersion = this.#dateVersion;
    }
    this.block = bytes;
    this.end = contentLengthInto(bytes, template.lengthAt, contentBytes);
    return true;
  }

  /**
   * The block of any answer.
   * @throws TypeError, RangeError when a field cannot be sent
   */
  general(nowMs: number, plan: AnswerPlan): void {
    this.#refreshDate(nowMs);
    const { names, values, contentType, contentLength } = plan;
    let size = STATUS_BYTES_MAX + DATE_FIELD_BYTES + LENGTH_FIELD_BYTES_MAX;
    if (contentType !== undefined) size += encodedBytesMax('content-type', contentType);
    for (let i = 0; i < names.length; i++) size += encodedBytesMax(names[i]!, values[i]!);
    if (size > BLOCK_BYTES_MAX)
      throw new RangeError(`the response's header fields take ${size} bytes; at most 64 KiB can be sent`);
    if (this.#own.length < size) this.#own = new Uint8Array(2 * size);
    const out = this.#own;
    let at = encodeFieldInto(out, 0, ':status', String(plan.status));
    at = dateFieldInto(out, at, this.#date);
    if (contentType !== undefined) at = encodeFieldInto(out, at, 'content-type', fieldValue(contentType));
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      // Credentials are to stand in nobody's table. RFC 7541 §7.1.3
      if (!isFramingField(name)) at = encodeFieldInto(out, at, name, values[i]!, name === 'set-cookie');
    }
    if (contentLength >= 0) at = contentLengthInto(out, at, contentLength);
    this.block = out;
    this.end = at;
  }

  #find(status: number, contentType: string | undefined): Template | undefined {
    for (const each of this.#templates)
      if (each.status === status && each.contentType === contentType) return each;
    return undefined;
  }

  /** @returns undefined when it cannot be sent, or is not worth keeping */
  #make(status: number, contentType: string | undefined): Template | undefined {
    if (this.#templates.length >= TEMPLATES_MAX) return undefined;
    if (contentType !== undefined && (contentType.length > TYPE_CHARS_MAX || !isSendable(contentType)))
      return undefined;
    const typeBytes = contentType === undefined ? 0 : encodedBytesMax('content-type', contentType);
    const bytes = new Uint8Array(STATUS_BYTES_MAX + DATE_FIELD_BYTES + typeBytes + LENGTH_FIELD_BYTES_MAX);
    const dateAt = encodeFieldInto(bytes, 0, ':status', String(status));
    let lengthAt = dateFieldInto(bytes, dateAt, this.#date);
    if (contentType !== undefined) lengthAt = encodeFieldInto(bytes, lengthAt, 'content-type', contentType);
    const template: Template = {
      status,
      contentType,
      bytes,
      dateAt,
      lengthAt,
      dateVersion: this.#dateVersion,
    };
    this.#templates.push(template);
    return template;
  }

  /** It has a resolution of one second: it is rendered anew when the next one begins. @hot */
  #refreshDate(nowMs: number): void {
    if (nowMs < this.#nextDateMs) return;
    const epochMs = Date.now();
    this.#nextDateMs = nowMs + 1000 - (epochMs % 1000);
    this.#date = formatHttpDate(epochMs);
    this.#dateVersion++;
  }
}

/** Fields of an interim answer, in lower case and checked. @throws TypeError when one cannot be sent */
export function checkedFields(fields: readonly (readonly [string, string])[]): {
  names: string[];
  values: string[];
} {
  return {
    names: fields.map(([name]) => fieldName(name)),
    values: fields.map(([, value]) => fieldValue(value)),
  };
}

function isSendable(value: string): boolean {
  try {
    return fieldValue(value) === value;
  } catch {
    return false;
  }
}
