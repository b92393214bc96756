/**
 * The chunked transfer coding, read: RFC 9112 §7.1. Strict where lenience has let requests be smuggled:
 * no white space around a size, no bare line feed anywhere (also in extensions, CVE-2025-22871), CRLF
 * after the data, extensions by their grammar. Extensions are validated and dropped.
 *
 * Data is not copied: an event names its place in the caller's bytes.
 */
import {
  FAULT_BARE_CR,
  FAULT_BARE_LF,
  FAULT_BODY_TOO_LARGE,
  FAULT_CHUNK_END,
  FAULT_CHUNK_EXTENSION,
  FAULT_CHUNK_EXTENSIONS_TOO_LARGE,
  FAULT_CHUNK_SIZE,
  type Fault,
} from '../error.ts';
import { CHUNK_SIZE_DIGITS_MAX, CHUNK_SIZE_SIGNIFICANT_DIGITS_MAX, type ChunkedLimits } from '../limits.ts';
import * as octet from '../semantics/octets.ts';
import { hexValue } from '../semantics/octets.ts';
import { HEAD_COMPLETE, HEAD_REFUSED } from './field-section.ts';
import { TrailerSection } from './trailers.ts';

// Bound here because an imported constant is a load and a check at every use; see field-section.ts.
const OCTETS = octet.OCTETS;
const TOKEN = octet.OCTET_TOKEN;
const HEX = octet.OCTET_HEX;
const QUOTED_TEXT = octet.OCTET_QUOTED_TEXT;
const FIELD_VALUE = octet.OCTET_FIELD_VALUE;
const CR = octet.CR;
const LF = octet.LF;

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** All bytes were taken and the body goes on. */
export const CHUNKED_MORE = 0;
/** `dataStart` to `dataEnd` is body; call again with what comes after. */
export const CHUNKED_DATA = 1;
/** The body has ended; bytes from the returned position on belong to the next message. */
export const CHUNKED_END = 2;
/** The peer broke a rule: `fault` says which. */
export const CHUNKED_REFUSED = 3;

const STATE_SIZE = 0;
const STATE_SIZE_LF = 1;
const STATE_DATA = 2;
const STATE_DATA_CR = 3;
const STATE_DATA_LF = 4;
const STATE_TRAILERS_START = 5;
const STATE_TRAILERS = 6;
const STATE_ENDED = 7;
const STATE_REFUSED = 8;
// Inside an extension: `;` name [ `=` ( token / quoted-string ) ]. Each state names what came last.
const STATE_EXT_SEMICOLON = 9;
const STATE_EXT_NAME = 10;
const STATE_EXT_EQUALS = 11;
const STATE_EXT_TOKEN = 12;
const STATE_EXT_QUOTED = 13;
const STATE_EXT_ESCAPE = 14;
const STATE_EXT_UNQUOTED = 15;
const STATE_TRAILERS_START_LF = 16;

export class ChunkedDecoder {
  event = CHUNKED_MORE;
  /** Where the bytes that were last given begin, after CHUNKED_DATA. */
  dataStart = 0;
  dataEnd = 0;
  /** After CHUNKED_REFUSED. */
  fault: Fault | undefined = undefined;
  /** Body bytes announced so far. */
  bodyBytes = 0;

  readonly #limits: ChunkedLimits;
  #bodyBytesMax: number;
  #state = STATE_SIZE;
  #size = 0;
  #digits = 0;
  #significantDigits = 0;
  /** Data of the present chunk that has not come yet. */
  #remaining = 0;
  /** Extension bytes that no data has made up for yet. */
  #extensionBytes = 0;
  #trailers: TrailerSection | undefined = undefined;
  #hasTrailers = false;

  constructor(limits: ChunkedLimits) {
    this.#limits = limits;
    this.#bodyBytesMax = limits.bodyBytesMax;
  }

  /**
   * Ready for the next body.
   * @param bodyBytesMax for this one body, where it differs from the limits'
   */
  reset(bodyBytesMax: number = this.#limits.bodyBytesMax): void {
    this.#bodyBytesMax = bodyBytesMax;
    this.event = CHUNKED_MORE;
    this.fault = undefined;
    this.bodyBytes = 0;
    this.#state = STATE_SIZE;
    this.#size = 0;
    this.#digits = 0;
    this.#significantDigits = 0;
    this.#extensionBytes = 0;
    this.#hasTrailers = false;
  }

  /** After CHUNKED_END: how many trailer fields came. */
  get trailerCount(): number {
    return this.#hasTrailers ? (this.#trailers?.fieldCount ?? 0) : 0;
  }

  /** After CHUNKED_END: the trailer lines, for `readFields(text, 0, text.length, ...)`; empty when there are none. */
  trailerText(): string {
    return this.#hasTrailers ? (this.#trailers?.text() ?? '') : '';
  }

  /**
   * Takes from `bytes[start..end)` up to the next event, which is then in `event`. @hot
   * @returns the index after what was taken; `end` after CHUNKED_MORE
   */
  decode(bytes: Uint8Array, start: number, end: number): number {
    let p = start;
    while (p < end) {
      const state = this.#state;
      if (state === STATE_DATA) return this.#data(p, end);
      if (state === STATE_TRAILERS || state === STATE_ENDED || state === STATE_REFUSED)
        return this.#tail(bytes, p, end);
      if (state === STATE_SIZE) {
        p = this.#sizeDigits(bytes, p, end);
        if (p === end) break;
      }
      const byte = bytes[p]!;
      if (state === STATE_TRAILERS_START && byte !== CR) {
        this.#state = STATE_TRAILERS;
        this.#hasTrailers = true;
        this.#trailers ??= new TrailerSection(this.#limits);
        this.#trailers.reset();
        continue;
      }
      const fault = this.#step(byte);
      if (fault !== undefined) return this.#refuse(fault, p);
      p++;
      if (this.#state === STATE_ENDED) {
        this.event = CHUNKED_END;
        return p;
      }
    }
    this.event =
      this.#state === STATE_REFUSED
        ? CHUNKED_REFUSED
        : this.#state === STATE_ENDED
          ? CHUNKED_END
          : CHUNKED_MORE;
    return p;
  }

  #refuse(fault: Fault, at: number): number {
    this.fault = fault;
    this.#state = STATE_REFUSED;
    this.event = CHUNKED_REFUSED;
    return at;
  }

  #data(p: number, end: number): number {
    const available = end - p;
    const count = Math.min(available, this.#remaining);
    this.#remaining -= count;
    if (this.#remaining === 0) this.#state = STATE_DATA_CR;
    this.dataStart = p;
    this.dataEnd = p + count;
    this.event = CHUNKED_DATA;
    return p + count;
  }

  #sizeDigits(bytes: Uint8Array, from: number, end: number): number {
    let p = from;
    while (p < end && (OCTETS[bytes[p]!]! & HEX) !== 0) {
      if (
        this.#digits === CHUNK_SIZE_DIGITS_MAX ||
        this.#significantDigits === CHUNK_SIZE_SIGNIFICANT_DIGITS_MAX
      )
        break;
      const value = hexValue(bytes[p]!);
      this.#digits++;
      if (this.#significantDigits > 0 || value > 0) this.#significantDigits++;
      this.#size = this.#size * 16 + value;
      p++;
    }
    return p;
  }

  /** One byte that is neither a digit of a size nor data nor a trailer. */
  #step(byte: number): Fault | undefined {
    const octets = OCTETS[byte]!;
    switch (this.#state) {
      case STATE_SIZE:
        if (this.#digits === 0 || (octets & HEX) !== 0) return byte === LF ? FAULT_BARE_LF : FAULT_CHUNK_SIZE;
        return this.#afterElement(byte, FAULT_CHUNK_SIZE);
      case STATE_SIZE_LF:
        return byte === LF ? this.#beginChunk() : FAULT_BARE_CR;
      case STATE_DATA_CR:
        this.#state = STATE_DATA_LF;
        return byte === CR ? undefined : FAULT_CHUNK_END;
      case STATE_DATA_LF:
        this.#state = STATE_SIZE;
        return byte === LF ? undefined : FAULT_CHUNK_END;
      case STATE_TRAILERS_START:
        // Only a CR comes here: the empty line that ends a body without trailers.
        this.#state = STATE_TRAILERS_START_LF;
        return undefined;
      case STATE_TRAILERS_START_LF:
        this.#state = STATE_ENDED;
        return byte === LF ? undefined : FAULT_BARE_CR;
      default:
        return this.#extension(byte, octets);
    }
  }

  /** After a size, or after a complete extension: the line ends or an extension begins. */
  #afterElement(byte: number, otherwise: Fault): Fault | undefined {
    if (byte === CR) {
      this.#state = STATE_SIZE_LF;
      return undefined;
    }
    if (byte !== SEMICOLON) return byte === LF ? FAULT_BARE_LF : otherwise;
    this.#state = STATE_EXT_SEMICOLON;
    return this.#countExtensionByte();
  }

  #countExtensionByte(): Fault | undefined {
    this.#extensionBytes++;
    return this.#extensionBytes > this.#limits.chunkExtensionBytesMax
      ? FAULT_CHUNK_EXTENSIONS_TOO_LARGE
      : undefined;
  }

  #extension(byte: number, octets: number): Fault | undefined {
    switch (this.#state) {
      case STATE_EXT_NAME:
        if (byte === EQUALS) this.#state = STATE_EXT_EQUALS;
        else if ((octets & TOKEN) === 0) return this.#afterElement(byte, FAULT_CHUNK_EXTENSION);
        break;
      case STATE_EXT_TOKEN:
        if ((octets & TOKEN) === 0) return this.#afterElement(byte, FAULT_CHUNK_EXTENSION);
        break;
      case STATE_EXT_UNQUOTED:
        return this.#afterElement(byte, FAULT_CHUNK_EXTENSION);
      case STATE_EXT_QUOTED:
        if (byte === QUOTE) this.#state = STATE_EXT_UNQUOTED;
        else if (byte === BACKSLASH) this.#state = STATE_EXT_ESCAPE;
        else if ((octets & QUOTED_TEXT) === 0) return extensionFault(byte);
        break;
      case STATE_EXT_ESCAPE:
        if ((octets & FIELD_VALUE) === 0) return extensionFault(byte);
        this.#state = STATE_EXT_QUOTED;
        break;
      default:
        // A name or a value must begin here.
        if (byte === QUOTE && this.#state === STATE_EXT_EQUALS) this.#state = STATE_EXT_QUOTED;
        else if ((octets & TOKEN) === 0) return extensionFault(byte);
        else this.#state = this.#state === STATE_EXT_SEMICOLON ? STATE_EXT_NAME : STATE_EXT_TOKEN;
    }
    return this.#countExtensionByte();
  }

  /** The size line has ended. */
  #beginChunk(): Fault | undefined {
    const size = this.#size;
    this.#size = 0;
    this.#digits = 0;
    this.#significantDigits = 0;
    if (size === 0) {
      this.#state = STATE_TRAILERS_START;
      return undefined;
    }
    this.bodyBytes += size;
    if (this.bodyBytes > this.#bodyBytesMax) return FAULT_BODY_TOO_LARGE;
    this.#extensionBytes = Math.max(this.#extensionBytes - size, 0);
    this.#remaining = size;
    this.#state = STATE_DATA;
    return undefined;
  }

  /** Trailers, and calls after the end. */
  #tail(bytes: Uint8Array, p: number, end: number): number {
    if (this.#state !== STATE_TRAILERS) {
      this.event = this.#state === STATE_ENDED ? CHUNKED_END : CHUNKED_REFUSED;
      return p;
    }
    const trailers = this.#trailers!; // made when the state was entered
    const status = trailers.take(bytes, p, end);
    if (status === HEAD_REFUSED) return this.#refuse(trailers.fault!, p); // a refusal always has its fault
    this.#state = status === HEAD_COMPLETE ? STATE_ENDED : STATE_TRAILERS;
    this.event = status === HEAD_COMPLETE ? CHUNKED_END : CHUNKED_MORE;
    return p + trailers.consumedBytes;
  }
}

function extensionFault(byte: number): Fault {
  return byte === LF ? FAULT_BARE_LF : FAULT_CHUNK_EXTENSION;
}
