/**
 * What a handler returned, as the server sends it: ours read from their slots with no promise and no
 * Headers, the platform's and anything else that looks like a Response the slow way, with the same
 * result. Taking the parts uses the body up, as sending it does.
 */
import { show } from '../base/errors.ts';
import { type BodyOwner, claimBody, claimStream, isStreamReadable, type OpenedBody } from './body.ts';
import { fieldName, fieldValue, reasonPhrase } from './field-rules.ts';
import { IterablePieces, type OutgoingBody, type PieceReader } from './pieces.ts';
import { platform, platformBodySource } from './platform.ts';
import { Response } from './response.ts';

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
  /** Text is to be sent as UTF-8. A body that is not sent (HEAD, 304) has to be cancelled. */
  body: null | string | Uint8Array | OutgoingBody = null;
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
  else if (response instanceof platform().Response) readPlatform(response, into);
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
  } else {
    parts.contentType = undefined;
    parts.names = headers._names ?? headers._read();
    parts.values = headers._values;
  }
}

/** The platform's, and what is derived from it or from ours. */
function readPlatform(response: globalThis.Response, parts: ResponseParts): void {
  if (response.type === 'error') throw networkError();
  const status = response.status;
  const names: string[] = [];
  const values: string[] = [];
  // Checked when they were set; iterating gives each set-cookie by itself.
  for (const [name, value] of response.headers) {
    names.push(name);
    values.push(value);
  }
  // Last, for whoever reads a stream owns it, and nothing may fail from then on.
  fill(parts, status, response.statusText, names, values, openPlatform(response));
}

function openPlatform(response: globalThis.Response): OpenedBody {
  if (isDerivedLight(response)) return claimBody(response);
  const stream = response.body;
  if (stream === null) return null;
  const source = platformBodySource(response);
  if (source === undefined || !isStreamReadable(stream)) return claimStream(stream);
  // The stream only repeats what the platform still holds; cancelling marks it as read.
  void stream.cancel();
  return source;
}

function isDerivedLight(response: object): response is BodyOwner {
  return Object.prototype.isPrototypeOf.call(Response.prototype, response);
}

/** A Response of another library or realm, by its shape. */
function readForeign(value: unknown, parts: ResponseParts): void {
  if (!isResponseLike(value)) {
    throw new TypeError(`The handler must return a Response, but it returned ${named(value)}`);
  }
  const { status, body } = value;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new TypeError(
      `The handler returned a Response with the status ${show(status)}; 200 to 599 are allowed`,
    );
  }
  if (value.bodyUsed === true)
    throw new TypeError('The handler returned a Response whose body has been read');
  const names: string[] = [];
  const values: string[] = [];
  const cookies = value.headers.getSetCookie?.();
  for (const [name, field] of value.headers) {
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
  fill(parts, status, reasonPhrase(value.statusText ?? ''), names, values, openForeign(body));
}

function openForeign(body: unknown): OpenedBody {
  if (body === null || body === undefined) return null;
  if (body instanceof ReadableStream) return claimStream(body);
  if (typeof body === 'object' && Symbol.asyncIterator in body) {
    return new IterablePieces(body as AsyncIterable<unknown>);
  }
  throw new TypeError(`The handler returned a Response whose body is ${show(body)}, which is no stream`);
}

interface ResponseLike {
  readonly status: number;
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

function fill(
  parts: ResponseParts,
  status: number,
  statusText: string,
  names: string[],
  values: string[],
  body: OpenedBody,
): void {
  parts.status = status;
  parts.statusText = statusText;
  parts.contentType = undefined;
  parts.names = names;
  parts.values = values;
  parts.body = asOutgoing(body);
}

/** A request's body that is handed on as the answer's comes as a bare reader. */
function asOutgoing(body: OpenedBody): null | string | Uint8Array | OutgoingBody {
  if (body === null || typeof body === 'string' || body instanceof Uint8Array) return body;
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
