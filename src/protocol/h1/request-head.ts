/**
 * The head of an HTTP/1 request, RFC 9112 §3 and §5: validates every byte and keeps the facts that
 * framing, routing and persistence need, as numbers and positions. It builds no field table and no
 * strings; `fields.ts` reads those from the head's text when somebody asks.
 *
 * A head is judged byte by byte in order. The first fault wins, so whole and split input agree. Faults
 * in a target, a field's value or the head as a whole show at the byte that ends them.
 */
import {
  FAULT_BARE_CR,
  FAULT_CONTENT_LENGTH,
  FAULT_CONTENT_LENGTH_REPEATED,
  FAULT_EMPTY_LINES,
  FAULT_EXPECTATION,
  FAULT_HEAD_TOO_LARGE,
  FAULT_HOST,
  FAULT_HOST_MISSING,
  FAULT_HOST_REPEATED,
  FAULT_HTTP2_PREFACE,
  FAULT_LENGTH_AND_CODING,
  FAULT_METHOD,
  FAULT_METHOD_UNSUPPORTED,
  FAULT_REQUEST_LINE,
  FAULT_TARGET,
  FAULT_TARGET_TOO_LONG,
  FAULT_TOO_MANY_FIELDS,
  FAULT_TRANSFER_CODING_UNSUPPORTED,
  FAULT_TRANSFER_ENCODING,
  FAULT_TRANSFER_ENCODING_ON_10,
  FAULT_VERSION,
  type Fault,
} from '../error.ts';
import {
  EMPTY_LINES_MAX,
  type HeadLimits,
  type HeadRules,
  METHOD_BYTES_MAX,
  ORIGIN_RULES,
} from '../limits.ts';
import {
  identifyMethod,
  METHOD_CONNECT,
  METHOD_GET,
  METHOD_HEAD,
  METHOD_OPTIONS,
  METHOD_TRACE,
} from '../semantics/methods.ts';
import * as octet from '../semantics/octets.ts';
import { asciiBytes, spells } from '../semantics/octets.ts';
import { isAuthority } from './authority.ts';
import { FieldSectionParser, HEAD_MORE, HEAD_REFUSED, KIND_NONE, STATE_FIELDS } from './field-section.ts';
import {
  CODING_BROKEN,
  CODING_CHUNKED_LAST,
  CODING_OTHER,
  CONNECTION_CLOSE,
  CONNECTION_KEEP_ALIVE,
  CONNECTION_UPGRADE,
  readConnectionOptions,
  readContentLength,
  readTransferCodings,
} from './framing.ts';
import {
  absoluteAuthorityEnd,
  absoluteAuthorityStart,
  isAsterisk,
  TARGET_ABSOLUTE,
  TARGET_ASTERISK,
  TARGET_AUTHORITY,
  TARGET_ORIGIN,
} from './request-target.ts';
import { isHttp11, isPreface, lineFault } from './request-words.ts';

export type { HeadLimits } from '../limits.ts';
export { HEAD_COMPLETE, HEAD_MORE, HEAD_REFUSED } from './field-section.ts';
export { TARGET_ABSOLUTE, TARGET_ASTERISK, TARGET_AUTHORITY, TARGET_ORIGIN } from './request-target.ts';

// Bound here because an imported constant is a load and a check at every use; see field-section.ts.
const OCTETS = octet.OCTETS;
const TOKEN = octet.OCTET_TOKEN;
const TARGET = octet.OCTET_TARGET;
const DIGIT = octet.OCTET_DIGIT;
const CR = octet.CR;
const LF = octet.LF;
const SP = octet.SP;
const METHOD_LENGTH_MAX = METHOD_BYTES_MAX;
const FIELDS = STATE_FIELDS;
const GET = METHOD_GET;
const NO_KIND = KIND_NONE;
const CLOSE = CONNECTION_CLOSE;
const KEEP_ALIVE = CONNECTION_KEEP_ALIVE;
const UPGRADE = CONNECTION_UPGRADE;

const STATE_START = 0;
const STATE_EMPTY_LINE_LF = 1;
const STATE_METHOD = 2;
const STATE_TARGET = 3;
const STATE_VERSION = 4;

const KIND_HOST = 1;
const KIND_CONTENT_LENGTH = 2;
const KIND_TRANSFER_ENCODING = 3;
const KIND_CONNECTION = 4;
const KIND_EXPECT = 5;
const KIND_UPGRADE = 6;

const NAME_EXPECT = asciiBytes('expect');
const NAME_UPGRADE = asciiBytes('upgrade');
const NAME_CONNECTION = asciiBytes('connection');
const NAME_CONTENT_LENGTH = asciiBytes('content-length');
const NAME_TRANSFER_ENCODING = asciiBytes('transfer-encoding');
const HUNDRED_CONTINUE = asciiBytes('100-continue');
const VERSION_PREFIX = asciiBytes('HTTP/');

// Little-endian words, for comparing four bytes at once.
const GET_WORD = 0x20544547; // `GET `
const HOST_WORD = 0x74736f68; // `host`
const CONN_WORD = 0x6e6e6f63; // `conn`
const CONT_WORD = 0x746e6f63; // `cont`
const TRAN_WORD = 0x6e617274; // `tran`
const EXPE_WORD = 0x65707865; // `expe`
const UPGR_WORD = 0x72677075; // `upgr`

const SLASH = 0x2f;
const DOT = 0x2e;
const ZERO = 0x30;
const ONE = 0x31;
const TWO = 0x32;

export class RequestHeadParser extends FieldSectionParser {
  /** One of the METHOD_ numbers; 0 is a token that has none. All offsets below count from the first byte of the head. */
  method = 0;
  /** After the empty lines that may come first. */
  methodStart = 0;
  methodEnd = 0;
  targetStart = 0;
  targetEnd = 0;
  targetForm = 0; // one of the TARGET_ numbers
  /** First byte of the first field line. */
  fieldsStart = 0;
  /** 0 or 1; a higher minor version is read as 1 (RFC 9110 §2.5). */
  minor = 1;
  /** Whether the client is willing to go on after this exchange. RFC 9112 §9.3 */
  keepAlive = true;
  /** -1 when there is none. */
  contentLength = -1;
  chunked = false;
  /** Never for HTTP/1.0. RFC 9110 §10.1.1 */
  expectContinue = false;
  /** It expects something else, which the rules let pass. */
  expectsOther = false;
  /** The value of the first Upgrade field; -1 when there is none, and for HTTP/1.0. RFC 9110 §7.8 */
  upgradeStart = -1;
  upgradeEnd = -1;
  hasConnectionUpgrade = false;
  /** The authority: of the target if that is absolute, else of Host; -1 when there is none. RFC 9112 §3.3 */
  hostStart = -1;
  hostEnd = -1;

  readonly #targetBytesMax: number;
  readonly #rules: HeadRules;
  #emptyLines = 0;
  #isPreface = false;
  /** The line names a version other than HTTP/1. */
  #isOtherMajor = false;
  #hasHost = false;
  #codings = 0;
  #connection = 0;

  constructor(limits: HeadLimits, rules: HeadRules = ORIGIN_RULES) {
    super(
      STATE_START,
      limits.headBytesMax,
      limits.headerCountMax,
      FAULT_HEAD_TOO_LARGE,
      FAULT_TOO_MANY_FIELDS,
    );
    this.#targetBytesMax = limits.targetBytesMax;
    this.#rules = rules;
  }

  /** Ready for the next head. @hot */
  reset(): void {
    this.restart();
    this.method = 0;
    this.contentLength = -1;
    this.chunked = false;
    this.expectContinue = false;
    this.expectsOther = false;
    this.upgradeStart = -1;
    this.upgradeEnd = -1;
    this.hasConnectionUpgrade = false;
    this.hostStart = -1;
    this.hostEnd = -1;
    this.#emptyLines = 0;
    this.#isPreface = false;
    this.#hasHost = false;
    this.#codings = 0;
    this.#connection = 0;
  }

  /** Behind the last field line: the empty line that ends a head (RFC 9112 §2.1) is no field. @hot */
  get fieldsEnd(): number {
    return this.headBytes - 2;
  }

  /** RFC 9112 §6.3 @hot */
  get hasContent(): boolean {
    return this.contentLength > 0 || this.chunked;
  }

  /** The answer must have no content; false until the method has been read. RFC 9110 §9.3.2 */
  get isHead(): boolean {
    return this.method === METHOD_HEAD;
  }

  /** Whether a byte of a request line has come: empty lines alone begin no request. */
  get hasBegun(): boolean {
    return this.state >= STATE_METHOD;
  }

  /**
   * Reads on. The head so far is `bytes[start..end)`, contiguous; a later call may bring it in another
   * buffer, at another start. What an earlier call has looked at is not looked at again, so a drip of
   * n bytes costs n steps. @hot
   * @returns HEAD_MORE, HEAD_COMPLETE or HEAD_REFUSED
   */
  parse(bytes: Uint8Array, start: number, end: number): number {
    const limit = this.clip(start, end);
    this.look(bytes);
    if (this.state < FIELDS) {
      const status = this.#requestLine(bytes, start, limit);
      if (this.state < FIELDS || status === HEAD_REFUSED) return status;
    }
    return this.parseFields(bytes, start, limit);
  }

  #requestLine(bytes: Uint8Array, start: number, end: number): number {
    const octets = OCTETS;
    let p = start + this.position;
    let mark = start + this.mark;
    if (this.state < STATE_METHOD) {
      p = this.#emptyLinesEnd(bytes, p, end);
      if (p < 0) return HEAD_REFUSED;
      if (p === end) return this.suspend(this.state, p - start, 0);
      mark = p;
      this.state = STATE_METHOD;
    }
    if (
      this.state === STATE_METHOD &&
      p === mark &&
      p + 4 <= end &&
      this.view.getInt32(p, true) === GET_WORD
    ) {
      this.method = GET;
      this.methodStart = mark - start;
      this.methodEnd = p + 3 - start;
      p += 4;
      mark = p;
      this.state = STATE_TARGET;
    } else if (this.state === STATE_METHOD) {
      while (p < end && (octets[bytes[p]!]! & TOKEN) !== 0) p++;
      if (p - mark > METHOD_LENGTH_MAX) return this.refuse(FAULT_METHOD_UNSUPPORTED);
      if (p === end) return this.suspend(STATE_METHOD, p - start, mark - start);
      if (bytes[p] !== SP || p === mark) return this.refuse(lineFault(bytes[p]!, FAULT_METHOD));
      const fault = this.#methodFault(bytes, mark, p);
      if (fault !== undefined) return this.refuse(fault);
      this.methodStart = mark - start;
      this.methodEnd = p - start;
      p++;
      mark = p;
      this.state = STATE_TARGET;
    }
    if (this.state === STATE_TARGET) {
      // The same is done in field-section.ts; here white space, `#` and bytes above 0x7f end the run as well.
      for (const wordEnd = end - 4; p <= wordEnd; p += 4) {
        const word = this.view.getInt32(p, true);
        const others =
          (word - 0x21212121) |
          ((word ^ 0x7f7f7f7f) - 0x01010101) |
          ((word ^ 0x23232323) - 0x01010101) |
          word;
        if ((others & 0x80808080) !== 0) break;
      }
      while (p < end && (octets[bytes[p]!]! & TARGET) !== 0) p++;
      if (p - mark > this.#targetBytesMax) return this.refuse(FAULT_TARGET_TOO_LONG);
      if (p === end) return this.suspend(STATE_TARGET, p - start, mark - start);
      if (bytes[p] !== SP || p === mark) return this.refuse(lineFault(bytes[p]!, FAULT_TARGET));
      if (!this.#readTarget(bytes, mark, p, start)) return this.refuse(FAULT_TARGET);
      this.targetStart = mark - start;
      this.targetEnd = p - start;
      p++;
      mark = p;
      this.state = STATE_VERSION;
    }
    return this.#version(bytes, start, p, end, mark);
  }

  /** The first byte after leading empty lines, `end` if that has not come, -1 when refused. */
  #emptyLinesEnd(bytes: Uint8Array, from: number, end: number): number {
    let p = from;
    while (p < end) {
      const byte = bytes[p];
      if (this.state === STATE_EMPTY_LINE_LF) {
        if (byte !== LF) {
          this.refuse(FAULT_BARE_CR);
          return -1;
        }
        this.state = STATE_START;
      } else if (byte === CR) {
        if (this.#emptyLines === EMPTY_LINES_MAX) {
          this.refuse(FAULT_EMPTY_LINES);
          return -1;
        }
        this.#emptyLines++;
        this.state = STATE_EMPTY_LINE_LF;
      } else {
        return p;
      }
      p++;
    }
    return p;
  }

  #methodFault(bytes: Uint8Array, start: number, end: number): Fault | undefined {
    const method = identifyMethod(bytes, start, end);
    this.method = method;
    if (method === METHOD_TRACE && !this.#rules.takesTrace) return FAULT_METHOD_UNSUPPORTED;
    return method === METHOD_CONNECT && !this.#rules.takesConnect ? FAULT_METHOD_UNSUPPORTED : undefined;
  }

  /** Judges `bytes[start..end)`, which is not empty and holds only target bytes. */
  #readTarget(bytes: Uint8Array, start: number, end: number, origin: number): boolean {
    if (bytes[start] === SLASH) {
      this.targetForm = TARGET_ORIGIN;
      return this.method !== METHOD_CONNECT;
    }
    if (isAsterisk(bytes, start, end)) {
      this.targetForm = TARGET_ASTERISK;
      if (this.method === METHOD_OPTIONS) return true;
      this.#isPreface = isPreface(bytes, origin, start);
      return this.#isPreface;
    }
    if (this.method === METHOD_CONNECT) {
      this.targetForm = TARGET_AUTHORITY;
      this.hostStart = start - origin;
      this.hostEnd = end - origin;
      return isAuthority(bytes, this.view, start, end);
    }
    this.targetForm = TARGET_ABSOLUTE;
    const authorityStart = absoluteAuthorityStart(bytes, start, end);
    const authorityEnd = absoluteAuthorityEnd(bytes, authorityStart, end);
    this.hostStart = authorityStart - origin;
    this.hostEnd = authorityEnd - origin;
    return isAuthority(bytes, this.view, authorityStart, authorityEnd);
  }

  /** `HTTP/1.` DIGIT CRLF, byte by byte unless all ten of the usual bytes are there. */
  #version(bytes: Uint8Array, start: number, from: number, end: number, mark: number): number {
    let p = from;
    if (p === mark && end - p >= 10 && isHttp11(this.view, p) && !this.#isPreface) {
      this.minor = 1;
      p += 10;
    } else {
      while (p - mark < 10) {
        if (p === end) return this.suspend(STATE_VERSION, p - start, mark - start);
        const fault = this.#versionFault(bytes[p]!, p - mark);
        if (fault !== undefined) return this.refuse(fault);
        p++;
      }
    }
    this.state = FIELDS;
    this.position = p - start;
    this.fieldsStart = p - start;
    return HEAD_MORE;
  }

  #versionFault(byte: number, index: number): Fault | undefined {
    if (index < 5) return byte === VERSION_PREFIX[index] ? undefined : lineFault(byte, FAULT_REQUEST_LINE);
    const isDigit = (OCTETS[byte]! & DIGIT) !== 0;
    if (index === 5) {
      if (!isDigit) return lineFault(byte, FAULT_REQUEST_LINE);
      if (this.#isPreface) return byte === TWO ? FAULT_HTTP2_PREFACE : FAULT_TARGET;
      this.#isOtherMajor = byte !== ONE;
      return undefined;
    }
    if (index === 6) return byte === DOT ? undefined : lineFault(byte, FAULT_REQUEST_LINE);
    if (index === 7) {
      this.minor = byte === ZERO ? 0 : 1;
      return isDigit ? undefined : lineFault(byte, FAULT_REQUEST_LINE);
    }
    // Only now is it a version: `HTTP/01.01` is none.
    if (index === 8) {
      if (byte !== CR) return lineFault(byte, FAULT_REQUEST_LINE);
      return this.#isOtherMajor ? FAULT_VERSION : undefined;
    }
    return byte === LF ? undefined : FAULT_BARE_CR;
  }

  /** Tells the fields that matter by their first four letters; most others are done with by then. @hot */
  protected override nameKind(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length < 4) return NO_KIND;
    switch (this.view.getInt32(start, true) | 0x20202020) {
      case HOST_WORD:
        return length === 4 ? KIND_HOST : NO_KIND;
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
      case EXPE_WORD:
        return length === NAME_EXPECT.length && spells(bytes, start, NAME_EXPECT) ? KIND_EXPECT : NO_KIND;
      case UPGR_WORD:
        return length === NAME_UPGRADE.length && spells(bytes, start, NAME_UPGRADE) ? KIND_UPGRADE : NO_KIND;
      default:
        return NO_KIND;
    }
  }

  protected override fieldLine(
    kind: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    origin: number,
  ): Fault | undefined {
    switch (kind) {
      case KIND_HOST:
        if (this.#hasHost) return FAULT_HOST_REPEATED;
        this.#hasHost = true;
        if (!isAuthority(bytes, this.view, start, end)) return FAULT_HOST;
        if (this.targetForm !== TARGET_ABSOLUTE && this.targetForm !== TARGET_AUTHORITY) {
          this.hostStart = start - origin;
          this.hostEnd = end - origin;
        }
        return undefined;
      case KIND_CONNECTION:
        this.#connection |= readConnectionOptions(bytes, start, end);
        return undefined;
      case KIND_CONTENT_LENGTH:
        if (this.contentLength >= 0) return FAULT_CONTENT_LENGTH_REPEATED;
        if (this.#codings !== 0) return FAULT_LENGTH_AND_CODING;
        this.contentLength = readContentLength(bytes, start, end);
        return this.contentLength < 0 ? FAULT_CONTENT_LENGTH : undefined;
      case KIND_TRANSFER_ENCODING:
        if (this.minor === 0) return FAULT_TRANSFER_ENCODING_ON_10;
        if (this.contentLength >= 0) return FAULT_LENGTH_AND_CODING;
        this.#codings = readTransferCodings(bytes, start, end, this.#codings);
        return (this.#codings & CODING_BROKEN) !== 0 ? FAULT_TRANSFER_ENCODING : undefined;
      case KIND_EXPECT:
        if (end - start === HUNDRED_CONTINUE.length && spells(bytes, start, HUNDRED_CONTINUE))
          this.expectContinue = true;
        else if (this.#rules.takesExpectations) this.expectsOther = true;
        else return FAULT_EXPECTATION;
        return undefined;
      default:
        if (this.upgradeStart < 0) {
          this.upgradeStart = start - origin;
          this.upgradeEnd = end - origin;
        }
        return undefined;
    }
  }

  protected override sectionEnd(): Fault | undefined {
    const codings = this.#codings;
    if (codings !== 0) {
      if ((codings & CODING_CHUNKED_LAST) === 0) return FAULT_TRANSFER_ENCODING;
      if ((codings & CODING_OTHER) !== 0) return FAULT_TRANSFER_CODING_UNSUPPORTED;
      this.chunked = true;
    }
    if (this.method === METHOD_CONNECT) {
      this.contentLength = -1;
      this.chunked = false;
    }
    const connection = this.#connection;
    if (this.minor === 1) {
      if (!this.#hasHost && this.#rules.requiresHost) return FAULT_HOST_MISSING;
      this.keepAlive = (connection & CLOSE) === 0;
      this.hasConnectionUpgrade = (connection & UPGRADE) !== 0;
    } else {
      this.keepAlive = (connection & (CLOSE | KEEP_ALIVE)) === KEEP_ALIVE;
      this.expectContinue = false;
      this.expectsOther = false;
      this.upgradeStart = -1;
      this.upgradeEnd = -1;
    }
    return undefined;
  }
}
