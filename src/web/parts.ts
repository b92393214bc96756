/**
 * What a handler returned, as the server sends it: ours read from their slots with no promise and no
 * Headers, the platform's and anything else that looks like a Response the slow way, with the same
 * result. Taking the parts uses the body up, as sending it does.
 */
import { show } from '../base/errors.ts';
import { type BodyOwner, claimBody, claimStream, isStreamReadable, type OpenedBody } from './body.ts';
import { TEXT_TYPE } from './body-init.ts';
import { EarlyPieces } from './early-pieces.ts';
import { fieldName, fieldValue, reasonPhrase } from './field-rules.ts';
import { IterablePieces, type OutgoingBody, type PieceReader, StreamPieces } from './pieces.ts';
import { platform, platformBody } from './platform.ts';
import { type ReadyFields, Response } from './response.ts';
import { isByteStream } from './stream-cancel.ts';

export type { OutgoingBody } from './pieces.ts';

const NONE: readonly string[] = [];

/** What is sent. Owned by the server, which may use one object again and again. */
export class ResponseParts {
  status = 200;
  /** Empty: the protocol's own phrase for the status. */
  statusText = '';
  /** The content type, where it is not in the lists; a response has it in one of the two places only. */
  contentType: string | undefined = undefined;
  /**
   * Fields in lower case, checked: no CR, LF, NUL, no character above 0xff. A repeated name, as of
   * `set-cookie`, is as many fields. Borrowed from the response: not to be changed or kept.
   */
  names: readonly string[] = NONE;
  values: readonly string[] = NONE;
  /** What type and lists are the same as, where they are an answer's that is given again and again. */
  ready: ReadyFields | undefined = undefined;
  /** Text is to be sent as UTF-8. A body that is not sent (HEAD, 304) has to be cancelled. */
  body: null | string | Uint8Array | OutgoingBody = null;

  /** An answer of the server's own. */
  setText(status: number, text: string): void {
    this.status = status;
    this.statusText = '';
    this.contentType = TEXT_TYPE;
    this.names = NONE;
    this.values = NONE;
    this.ready = undefined;
    this.body = text;
  }
}

/** Whether it is sent piece by piece. */
export function isOutgoing(body: ResponseParts['body']): body is OutgoingBody {
  return typeof body === 'object' && body !== null && !(body instanceof Uint8Array);
}

/** By prototype, so it is cheap; a class derived from ours takes the other way. */
export function isLightResponse(value: unknown): value is Response {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Response.prototype;
}

/**
 * Reads everything that is to be sent, and marks the body used.
 * @param into an object to use again; its former content is replaced
 * @throws TypeError when it is no Response, when the body was used, or a field cannot be sent
 * @hot
 */
export function responseParts(response: unknown, into: ResponseParts = new ResponseParts()): ResponseParts {
  if (isLightResponse(response)) readLight(response, into);
  else readForeign(response, into);
  return into;
}

/** Longer texts are better encoded by native code. */
const SHORT_TEXT_CHARS_MAX = 256;

/**
 * The text of a response that is a short text, a status and at most a content type, and nothing else:
 * what most answers are. Whoever sends it marks it as used.
 * @hot
 */
export function shortText(response: Response): string | undefined {
  const source = response._source;
  return typeof source === 'string' &&
    source.length <= SHORT_TEXT_CHARS_MAX &&
    response._headers === undefined &&
    response._names === undefined &&
    response._stream === undefined &&
    response._statusText === '' &&
    !response._used
    ? source
    : undefined;
}

/** @hot */
function readLight(response: Response, parts: ResponseParts): void {
  if (response._kind === 1) throw networkError();
  const source = response._source;
  if (response._stream === undefined && !response._used && (source === null || typeof source === 'string')) {
    response._used = source !== null;
    parts.body = source;
  } else {
    parts.body = asOutgoing(claimBody(response));
  }
  parts.status = response._status;
  parts.statusText = response._statusText;
  const headers = response._headers;
  if (headers === undefined) {
    parts.contentType = response._contentType;
    parts.names = response._names ?? NONE;
    parts.values = response._values ?? NONE;
    parts.ready = response._ready;
  } else {
    parts.contentType = undefined;
    parts.names = headers._names ?? headers._read();
    parts.values = headers._values;
    parts.ready = undefined;
  }
}

/**
 * The platform's, what is derived from it or from ours, and a Response of another library or realm, by its
 * shape. Getters can be overridden, so nothing is taken on trust that decides how the answer is read. @throws before the body is opened, so that
 * whoever hears of it can let go of the body
 */
function readForeign(value: unknown, parts: ResponseParts): void {
  if (!isResponseLike(value)) {
    throw new TypeError(`The handler must return a Response, but it returned ${named(value)}`);
  }
  if (value.type === 'error') throw networkError();
  const { status, headers } = value;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new TypeError(
      `The handler returned a Response with the status ${show(status)}; 200 to 599 are allowed`,
    );
  }
  if (value.bodyUsed === true)
    throw new TypeError('The handler returned a Response whose body has been read');
  const statusText = reasonPhrase(value.statusText ?? '');
  const names: string[] = [];
  const values: string[] = [];
  const cookies = headers.getSetCookie?.();
  for (const [name, field] of headers) {
    const key = fieldName(name);
    // Those that know getSetCookie may still join them when they are iterated.
    if (key === 'set-cookie' && cookies !== undefined) continue;
    names.push(key);
    values.push(fieldValue(field));
  }
  for (const cookie of cookies ?? []) {
    names.push('set-cookie');
    values.push(fieldValue(cookie));
  }
  const body = openForeign(value);
  parts.status = status;
  parts.statusText = statusText;
  parts.contentType = undefined;
  parts.names = names;
  parts.values = values;
  parts.ready = undefined;
  parts.body = isNullBodyStatus(status) ? withoutBody(body) : asOutgoing(body);
}

/** Ours and the platform's refuse a body with these; a class derived from them may have changed its mind. */
function isNullBodyStatus(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

function withoutBody(body: OpenedBody): null {
  if (body !== null && typeof body === 'object' && 'cancel' in body) body.cancel();
  return null;
}

function openForeign(response: ResponseLike): OpenedBody {
  if (isDerivedLight(response)) return claimBody(response);
  const { body } = response;
  if (body === null || body === undefined) return null;
  if (body instanceof ReadableStream) return openStream(response, body);
  if (typeof body === 'object' && Symbol.asyncIterator in body) {
    return new IterablePieces(body as AsyncIterable<unknown>);
  }
  throw new TypeError(`The handler returned a Response whose body is ${show(body)}, which is no stream`);
}

/** Memory of the platform's is copied up to that size; what is longer is read from its stream. */
const COPIED_BYTES_MAX = 16 * 1024;

function openStream(response: ResponseLike, stream: ReadableStream): OpenedBody {
  if (!(response instanceof platform().Response)) return claimStream(stream);
  const known = platformBody(response);
  if (known === undefined) {
    // All that the platform makes itself are byte streams.
    const mayBeWhole = isByteStream(stream);
    const opened = claimStream(stream);
    return mayBeWhole && opened instanceof StreamPieces ? new EarlyPieces(opened) : opened;
  }
  if (known.stream !== stream) return claimStream(stream);
  const { source, length } = known;
  const lengthBytes = typeof length === 'number' && Number.isSafeInteger(length) ? length : undefined;
  if (!isStreamReadable(stream) || !isWhole(source, lengthBytes)) return claimStream(stream, lengthBytes);
  // The stream only repeats what the platform still holds; cancelling marks it as read. With a clone it never settles.
  stream.cancel().catch(() => {});
  // Copied, because a clone that is read later takes the memory away.
  return typeof source === 'string' ? source : source.slice();
}

/** Whether a platform Response holds all of its body beside its stream, and little enough to copy. */
function isWhole(source: unknown, lengthBytes: number | undefined): source is string | Uint8Array {
  if (typeof source === 'string') return true;
  return source instanceof Uint8Array && source.byteLength === lengthBytes && lengthBytes <= COPIED_BYTES_MAX;
}

function isDerivedLight(response: object): response is ResponseLike & BodyOwner {
  return Object.prototype.isPrototypeOf.call(Response.prototype, response);
}

interface ResponseLike {
  readonly status: number;
  readonly type?: string;
  readonly statusText?: string;
  readonly headers: Iterable<[string, string]> & { getSetCookie?(): string[] };
  readonly body: unknown;
  readonly bodyUsed?: boolean;
}

function isResponseLike(value: unknown): value is ResponseLike {
  if (typeof value !== 'object' || value === null) return false;
  const { status, headers, arrayBuffer } = value as Record<string, unknown>;
  return (
    typeof status === 'number' &&
    typeof headers === 'object' &&
    headers !== null &&
    Symbol.iterator in headers &&
    typeof arrayBuffer === 'function'
  );
}

/** A request's body that is handed on as the answer's comes as a bare reader. */
function asOutgoing(body: OpenedBody): null | string | Uint8Array | OutgoingBody {
  if (body === null || typeof body === 'string' || body instanceof Uint8Array) return body;
  if (body instanceof StreamPieces) body.isLenient = true;
  // Both kinds of reader have the length where it is known.
  return body as PieceReader & OutgoingBody;
}

function named(value: unknown): string {
  if (value === undefined) return 'undefined (is a return missing?)';
  return value === null ? 'null' : show(value);
}

function networkError(): TypeError {
  return new TypeError(
    'The handler returned Response.error(), which stands for a failed fetch and cannot be sent',
  );
}
