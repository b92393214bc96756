/**
 * The head of an HTTP/1 response, as a client reads it: RFC 9112 §4 and §6.3. It is as strict as the request
 * side, with the one lenience that servers need: a status line may lack the space before an empty
 * reason. Says how the body is framed; reads no body.
 */
import {
  FAULT_BARE_CR,
  FAULT_BARE_LF,
  FAULT_CONTENT_LENGTH,
  FAULT_CONTENT_LENGTH_REPEATED,
  FAULT_HEAD_TOO_LARGE,
  FAULT_LENGTH_AND_CODING,
  FAULT_STATUS_LINE,
  FAULT_TOO_MANY_FIELDS,
  FAULT_TRANSFER_CODING_UNSUPPORTED,
  FAULT_TRANSFER_ENCODING,
  FAULT_TRANSFER_ENCODING_ON_10,
  type Fault,
} from '../error.ts';
import { RESPONSE_HEAD_LIMITS } from '../limits.ts';
import { METHOD_HEAD } from '../semantics/methods.ts';
import * as octet from '../semantics/octets.ts';
import { asciiBytes, spells } from '../semantics/octets.ts';
import { isBodiless } from '../semantics/statuses.ts';
import { FieldSectionParser, HEAD_MORE, HEAD_REFUSED, KIND_NONE, STATE_FIELDS } from './field-section.ts';
import {
  CODING_BROKEN,
  CODING_CHUNKED_LAST,
  CODING_OTHER,
  CONNECTION_CLOSE,
  CONNECTION_KEEP_ALIVE,
  readConnectionOptions,
  readContentLength,
  readTransferCodings,
} from './framing.ts';

// Bound here because an imported constant is a load and a check at every use; see field-section.ts.
const OCTETS = octet.OCTETS;
const DIGIT = octet.OCTET_DIGIT;
const FIELD_VALUE = octet.OCTET_FIELD_VALUE;
const CR = octet.CR;
const LF = octet.LF;
const SP = octet.SP;
const FIELDS = STATE_FIELDS;
const NO_KIND = KIND_NONE;

// Little-endian words, in lower case.
const CONN_WORD = 0x6e6e6f63; // `conn`
const CONT_WORD = 0x746e6f63; // `cont`
const TRAN_WORD = 0x6e617274; // `tran`

/** The message ends with its head. */
export const BODY_NONE = 0;
/** `contentLength` bytes follow. */
export const BODY_LENGTH = 1;
export const BODY_CHUNKED = 2;
/** Everything until the connection ends. RFC 9112 §6.3, last rule */
export const BODY_UNTIL_CLOSE = 3;

const STATE_VERSION = 0;
const STATE_STATUS = 1;
const STATE_REASON = 2;
const STATE_REASON_LF = 3;

const KIND_CONTENT_LENGTH = 1;
const KIND_TRANSFER_ENCODING = 2;
const KIND_CONNECTION = 3;

const NAME_CONNECTION = asciiBytes('connection');
const NAME_CONTENT_LENGTH = asciiBytes('content-length');
const NAME_TRANSFER_ENCODING = asciiBytes('transfer-encoding');
const VERSION_PREFIX = asciiBytes('HTTP/1.');

const VERSION_BYTES = 9; // `HTTP/1.1` and a space
const SWITCHING_PROTOCOLS = 101;

export class ResponseHeadParser extends FieldSectionParser {
  status = 0;
  /** 0 or 1 */
  minor = 1;
  /** Offsets from the first byte of the head. */
  fieldsStart = 0;
  /** -1 when there is none. */
  contentLength = -1;
  /** One of the BODY_ numbers. */
  bodyFraming = BODY_NONE;
  /** Whether the connection can carry another exchange after this body. */
  keepAlive = true;
  /** A 1xx other than 101: the final response is still to come. RFC 9110 §15.2 */
  isInterim = false;

  #requestMethod = 0;
  #statusDigits = 0;
  #codings = 0;
  #connection = 0;

  constructor(
    limits: { readonly headBytesMax: number; readonly headerCountMax: number } = RESPONSE_HEAD_LIMITS,
  ) {
    super(
      STATE_VERSION,
      limits.headBytesMax,
      limits.headerCountMax,
      FAULT_HEAD_TOO_LARGE,
      FAULT_TOO_MANY_FIELDS,
    );
  }

  /**
   * Ready for the next head.
   * @param requestMethod METHOD_ number of the request that it answers: HEAD has no body whatever the fields say
   */
  reset(requestMethod: number): void {
    this.restart();
    this.contentLength = -1;
    this.#requestMethod = requestMethod;
    this.#statusDigits = 0;
    this.#codings = 0;
    this.#connection = 0;
    this.status = 0;
  }

  /** Does what RequestHeadParser.parse does. @hot */
  parse(bytes: Uint8Array, start: number, end: number): number {
    const limit = this.clip(start, end);
    this.look(bytes);
    if (this.state < FIELDS) {
      const status = this.#statusLine(bytes, start, limit);
      if (this.state < FIELDS || status === HEAD_REFUSED) return status;
    }
    return this.parseFields(bytes, start, limit);
  }

  #statusLine(bytes: Uint8Array, start: number, end: number): number {
    let p = start + this.position;
    while (this.state === STATE_VERSION && p < end) {
      const index = p - start;
      const byte = bytes[p]!;
      if (index < VERSION_PREFIX.length ? byte !== VERSION_PREFIX[index] : !this.#isVersionEnd(byte, index)) {
        return this.refuse(FAULT_STATUS_LINE);
      }
      p++;
      if (index === VERSION_BYTES - 1) this.state = STATE_STATUS;
    }
    while (this.state === STATE_STATUS && p < end) {
      const byte = bytes[p]!;
      if (this.#statusDigits < 3) {
        // The first digit is 1 to 9: 0xx is no class. RFC 9110 §15
        if ((OCTETS[byte]! & DIGIT) === 0 || (this.#statusDigits === 0 && byte === 0x30))
          return this.refuse(FAULT_STATUS_LINE);
        this.status = this.status * 10 + (byte - 0x30);
        this.#statusDigits++;
        p++;
      } else {
        if (byte !== SP && byte !== CR) return this.refuse(byte === LF ? FAULT_BARE_LF : FAULT_STATUS_LINE);
        if (byte === SP) p++;
        this.state = STATE_REASON;
      }
    }
    if (this.state === STATE_REASON) {
      while (p < end && (OCTETS[bytes[p]!]! & FIELD_VALUE) !== 0) p++;
      if (p < end) {
        if (bytes[p] !== CR) return this.refuse(bytes[p] === LF ? FAULT_BARE_LF : FAULT_STATUS_LINE);
        p++;
        this.state = STATE_REASON_LF;
      }
    }
    if (this.state === STATE_REASON_LF && p < end) {
      if (bytes[p] !== LF) return this.refuse(FAULT_BARE_CR);
      this.fieldsStart = p + 1 - start;
      this.position = this.fieldsStart;
      this.state = FIELDS;
      return HEAD_MORE;
    }
    return this.suspend(this.state, p - start, 0);
  }

  #isVersionEnd(byte: number, index: number): boolean {
    if (index === VERSION_BYTES - 1) return byte === SP;
    this.minor = byte === 0x30 ? 0 : 1;
    return (OCTETS[byte]! & DIGIT) !== 0;
  }

  /** By the first four letters, as in request-head.ts. @hot */
  protected override nameKind(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length < 4) return NO_KIND;
    switch (this.view.getInt32(start, true) | 0x20202020) {
      case CONN_WORD:
        return length === NAME_CONNECTION.length && spells(bytes, start, NAME_CONNECTION)
          ? KIND_CONNECTION
          : NO_KIND;
      case CONT_WORD:
        return length === NAME_CONTENT_LENGTH.length && spells(bytes, start, NAME_CONTENT_LENGTH)
          ? KIND_CONTENT_LENGTH
          : NO_KIND;
      case TRAN_WORD:
        return length === NAME_TRANSFER_ENCODING.length && spells(bytes, start, NAME_TRANSFER_ENCODING)
          ? KIND_TRANSFER_ENCODING
          : NO_KIND;
      default:
        return NO_KIND;
    }
  }

  protected override fieldLine(
    kind: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): Fault | undefined {
    switch (kind) {
      case KIND_CONNECTION:
        this.#connection |= readConnectionOptions(bytes, start, end);
        return undefined;
      case KIND_CONTENT_LENGTH:
        if (this.contentLength >= 0) return FAULT_CONTENT_LENGTH_REPEATED;
        if (this.#codings !== 0) return FAULT_LENGTH_AND_CODING;
        this.contentLength = readContentLength(bytes, start, end);
        return this.contentLength < 0 ? FAULT_CONTENT_LENGTH : undefined;
      default:
        if (this.minor === 0) return FAULT_TRANSFER_ENCODING_ON_10;
        if (this.contentLength >= 0) return FAULT_LENGTH_AND_CODING;
        this.#codings = readTransferCodings(bytes, start, end, this.#codings);
        return (this.#codings & CODING_BROKEN) !== 0 ? FAULT_TRANSFER_ENCODING : undefined;
    }
  }

  /** The rules of RFC 9112 §6.3, in their order. */
  protected override sectionEnd(): Fault | undefined {
    const status = this.status;
    this.isInterim = status < 200 && status !== SWITCHING_PROTOCOLS;
    const connection = this.#connection;
    this.keepAlive =
      this.minor === 1
        ? (connection & CONNECTION_CLOSE) === 0
        : (connection & (CONNECTION_CLOSE | CONNECTION_KEEP_ALIVE)) === CONNECTION_KEEP_ALIVE;
    if (this.#requestMethod === METHOD_HEAD || isBodiless(status)) {
      this.bodyFraming = BODY_NONE;
      return undefined;
    }
    if (this.#codings !== 0) {
      if ((this.#codings & CODING_CHUNKED_LAST) === 0) return FAULT_TRANSFER_ENCODING;
      if ((this.#codings & CODING_OTHER) !== 0) return FAULT_TRANSFER_CODING_UNSUPPORTED;
      this.bodyFraming = BODY_CHUNKED;
    } else if (this.contentLength >= 0) {
      this.bodyFraming = BODY_LENGTH;
    } else {
      this.bodyFraming = BODY_UNTIL_CLOSE;
      this.keepAlive = false;
    }
    return undefined;
  }
}
