/**
 * Heads of answers as field blocks: RFC 9113 §8.3.2. What repeats from answer to answer is made once: a whole block for
 * each status and content type, in which only the date and the length change, and the fields that come again. No dynamic
 * table is used, so all connections of a thread share what is here.
 *
 * A head is made by `simple`, or by `begin`, `field` for each and `finish`; it stands in `block` up to `end` until the
 * next is made. The gate against fields that may not be sent: they are refused here.
 *
 * The moment comes in by `setDate`; this file asks no clock.
 */
import { formatHttpDate } from '../../semantics/http-date.ts';
import * as octet from '../../semantics/octets.ts';
import { encodedBytesMax, encodeFieldInto, encodePlainFieldInto } from '../hpack-encoder.ts';
import { CONNECTION_FIELDS } from '../message-fields.ts';
import {
  contentLengthInto,
  DATE_FIELD_BYTES,
  dateFieldInto,
  LENGTH_FIELD_BYTES_MAX,
} from './response-block.ts';

const OCTETS = octet.OCTETS;
const TOKEN = octet.OCTET_TOKEN;
const FIELD_VALUE = octet.OCTET_FIELD_VALUE;

/** No field says how long the content is. */
export const LENGTH_NONE = -1;

// Direct-mapped, so that they are bounded and need no tidying.
const TEMPLATE_COUNT = 64;
const LINE_COUNT = 256;
/** 256 times that bound what fields are remembered. */
const LINE_BYTES_MAX = 256;
/** Status and date. */
const BEGINNING_BYTES_MAX = 16 + DATE_FIELD_BYTES;
const FIRST_SCRATCH_BYTES = 1024;
const NO_LINE = new Uint8Array(0);
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;

/** What HTTP/2's answers do not have. TE may stand in requests alone, and clients take an answer for malformed that repeats it. */
const LEFT_OUT: ReadonlySet<string> = new Set([...CONNECTION_FIELDS, 'te']);

class Template {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly bytes: Uint8Array;
  readonly dateAt: number;
  readonly lengthAt: number;
  dateVersion = -1;
  contentLength = LENGTH_NONE;
  end: number;

  constructor(status: number, contentType: string | undefined) {
    this.status = status;
    this.contentType = contentType;
    const room = contentType === undefined ? 0 : encodedBytesMax('content-type', contentType);
    this.bytes = new Uint8Array(BEGINNING_BYTES_MAX + room + LENGTH_FIELD_BYTES_MAX);
    this.dateAt = encodeFieldInto(this.bytes, 0, ':status', String(status));
    let at = this.dateAt + DATE_FIELD_BYTES;
    if (contentType !== undefined) at = encodeFieldInto(this.bytes, at, 'content-type', contentType);
    this.lengthAt = at;
    this.end = at;
  }
}

class Line {
  name = '';
  value = '';
  /** The field as bytes, once it has come twice. */
  bytes: Uint8Array = NO_LINE;
}

export class AnswerHeads {
  /** Holds the head that was made last, from 0 up to `end`. Not to be changed. */
  block: Uint8Array = NO_LINE;
  end = 0;
  readonly #templates = new Array<Template | undefined>(TEMPLATE_COUNT).fill(undefined);
  readonly #lines: readonly Line[] = Array.from({ length: LINE_COUNT }, () => new Line());
  #scratch = new Uint8Array(FIRST_SCRATCH_BYTES);
  #at = 0;
  #date = formatHttpDate(0);
  #dateSecond = 0;
  #dateVersion = 0;

  /** The present moment, for Date. The same second costs nothing. */
  setDate(epochMs: number): void {
    const second = Math.floor(epochMs / 1000);
    if (second === this.#dateSecond) return;
    this.#dateSecond = second;
    this.#dateVersion++;
    this.#date = formatHttpDate(epochMs);
  }

  /**
   * A whole head of the commonest shape.
   * @param contentLength or LENGTH_NONE
   * @returns false when the content type may not be sent @hot
   */
  simple(status: number, contentType: string | undefined, contentLength: number): boolean {
    const template = this.#template(status, contentType);
    if (template === undefined) return false;
    if (template.dateVersion !== this.#dateVersion) {
      template.dateVersion = this.#dateVersion;
      dateFieldInto(template.bytes, template.dateAt, this.#date);
    }
    if (template.contentLength !== contentLength) {
      template.contentLength = contentLength;
      template.end =
        contentLength < 0
          ? template.lengthAt
          : contentLengthInto(template.bytes, template.lengthAt, contentLength);
    }
    this.block = template.bytes;
    this.end = template.end;
    return true;
  }

  /** Status and date; `field` and `finish` follow. */
  begin(status: number): void {
    const at = encodeFieldInto(this.#scratch, 0, ':status', String(status));
    this.#at = dateFieldInto(this.#scratch, at, this.#date);
  }

  /** An interim answer has no date. RFC 9110 §15.2 */
  beginInterim(status: number): void {
    this.#at = encodeFieldInto(this.#scratch, 0, ':status', String(status));
  }

  /** Fields behind the content. */
  beginTrailers(): void {
    this.#at = 0;
  }

  /**
   * @param name in lower case
   * @returns false when the name or the value may not be sent; the head is then to be given up @hot
   */
  field(name: string, value: string): boolean {
    const valueLength = value.length;
    const last = valueLength === 0 ? 0 : value.charCodeAt(valueLength - 1);
    const line = this.#lines[(name.length * 31 + valueLength * 7 + last) & (LINE_COUNT - 1)]!;
    if (line.value === value && line.name === name) {
      if (line.bytes.length === 0) this.#remember(line);
      if (line.bytes.length > 0) {
        this.#reserve(line.bytes.length);
        this.#scratch.set(line.bytes, this.#at);
        this.#at += line.bytes.length;
        return true;
      }
    }
    if (LEFT_OUT.has(name)) return true;
    const trimmed = trim(value);
    if (!isFieldName(name) || !isFieldValue(trimmed)) return false;
    this.#reserve(encodedBytesMax(name, trimmed));
    this.#at = encodePlainFieldInto(this.#scratch, this.#at, name, trimmed, isSecret(name));
    line.name = name;
    line.value = value;
    line.bytes = NO_LINE;
    return true;
  }

  /** @param contentLength or LENGTH_NONE, for trailers and interim answers too */
  finish(contentLength = LENGTH_NONE): void {
    if (contentLength >= 0) {
      this.#reserve(LENGTH_FIELD_BYTES_MAX);
      this.#at = contentLengthInto(this.#scratch, this.#at, contentLength);
    }
    this.block = this.#scratch;
    this.end = this.#at;
  }

  /** A field that comes a second time in a row is worth Huffman's code. It has been found sound. */
  #remember(line: Line): void {
    const value = trim(line.value);
    const room = encodedBytesMax(line.name, value);
    if (room > LINE_BYTES_MAX) return;
    const bytes = new Uint8Array(room);
    line.bytes = bytes.slice(0, encodeFieldInto(bytes, 0, line.name, value, isSecret(line.name)));
  }

  #template(status: number, contentType: string | undefined): Template | undefined {
    const length = contentType === undefined ? 0 : contentType.length;
    const slot = (status * 31 + length) & (TEMPLATE_COUNT - 1);
    const known = this.#templates[slot];
    if (known !== undefined && known.status === status && known.contentType === contentType) return known;
    if (contentType !== undefined && !isFieldValue(contentType)) return undefined;
    const template = new Template(status, contentType);
    this.#templates[slot] = template;
    return template;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#scratch.length) return;
    const larger = new Uint8Array(2 * (this.#at + bytes));
    larger.set(this.#scratch.subarray(0, this.#at));
    this.#scratch = larger;
  }
}

/** Caches on the way are not to keep it in a table of theirs. RFC 7541 §7.1.3 */
function isSecret(name: string): boolean {
  return name === 'set-cookie';
}

/** RFC 9113 §8.2.1: no white space at either end. */
function trim(value: string): string {
  const first = value.charCodeAt(0);
  const last = value.charCodeAt(value.length - 1);
  return first === octet.SP || first === octet.HTAB || last === octet.SP || last === octet.HTAB
    ? value.replace(/^[ \t]+|[ \t]+$/g, '')
    : value;
}

/** RFC 9113 §8.2.1 */
function isFieldName(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code > 0xff || (OCTETS[code]! & TOKEN) === 0 || (code >= UPPER_A && code <= UPPER_Z)) return false;
  }
  return name.length > 0;
}

function isFieldValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code > 0xff || (OCTETS[code]! & FIELD_VALUE) === 0) return false;
  }
  return true;
}
