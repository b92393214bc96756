/**
 * The light Response: what a handler gives back, kept as it was given until somebody asks. For the
 * common answers (`new Response(text)`, `Response.json(value)`, a status, a content type, a few fields)
 * no Headers and no stream ever exists; the server reads the slots through `parts.ts`.
 *
 * It checks what the Fetch standard checks, with the same classes of error. Bytes are copied, as the
 * standard has it. `x instanceof Response` holds for the platform's responses too.
 */
import { type BodyOwner, isReadable, isUsed, type OpenedBody, streamOf } from './body.ts';
import { type BodyInit, type BodySource, impliedContentType, sourceOfInit, TEXT_TYPE } from './body-init.ts';
import {
  readArrayBuffer,
  readBlob,
  readBytes,
  readFormData,
  readJson,
  readText,
  textStreamOf,
} from './consume.ts';
import { fieldName, fieldValue, reasonPhrase } from './field-rules.ts';
import { FileBody } from './file-body.ts';
import { appendAll, Headers, headersOfLists } from './headers.ts';
import { INSPECT, type Inspect, type InspectOptions, inspectAs } from './inspect.ts';
import { asInterface, requiresOnly, tooFewArguments } from './interface-shape.ts';
import { IterablePieces, type PieceReader, StreamPieces } from './pieces.ts';
import { ensurePlatform, type HeadersInit, onPlatform, recognisePlatform, standInFor } from './platform.ts';
import { redirectLocation } from './url.ts';

export interface ResponseInit {
  readonly status?: number | undefined;
  readonly statusText?: string | undefined;
  readonly headers?: HeadersInit | Headers | undefined;
}

/** Not `Object.hasOwn`: the optimising compiler knows this one inside of for-in, where it costs nothing. */
const hasOwn = Object.prototype.hasOwnProperty;

const SHOWN = 'status statusText headers body bodyUsed ok redirected type url'.split(' ');

/** Tells a body of our own rooms' making from the iterables of programs. */
export class BodyHolder {
  readonly body: PieceReader;

  constructor(body: PieceReader) {
    this.body = body;
  }
}

export class Response implements BodyOwner {
  /** @internal */
  _status: number;
  /** @internal */
  _statusText: string;
  /** @internal What will be sent, unless there is a stream. */
  _source: BodySource | FileBody | BodyHolder;
  /** @internal The content type, given or implied, while `_headers` does not exist. */
  _contentType: string | undefined;
  /** @internal All other fields, in lower case, while `_headers` does not exist; undefined for none. */
  _names: readonly string[] | undefined;
  /** @internal */
  _values: readonly string[] | undefined;
  /** @internal What the fields are the same as, until `_headers` exists. */
  _ready: ReadyFields | undefined;
  /** @internal Once asked for, these alone count. */
  _headers: Headers | undefined;
  /** @internal The program's own stream, or the one made for `body`. */
  _stream: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  /** @internal */
  _used: boolean;
  /** @internal 0 ordinary, 1 a network error, 2 a redirect: fields that cannot be changed. */
  _kind: number;

  /** @throws TypeError, RangeError as the platform's @hot */
  constructor(body?: BodyInit | null | undefined, init?: ResponseInit | undefined) {
    ensurePlatform();
    this._status = 200;
    this._statusText = '';
    this._source = null;
    this._contentType = undefined;
    this._names = undefined;
    this._values = undefined;
    this._ready = undefined;
    this._headers = undefined;
    this._stream = undefined;
    this._used = false;
    this._kind = 0;
    if (typeof body === 'string') {
      this._source = body;
      this._contentType = TEXT_TYPE;
    } else if (body !== null && body !== undefined) {
      readBody(this, body);
    }
    if (init !== undefined) readInit(this, init);
    if (this._status !== 200) refuseBody(this);
  }

  /** @hot */
  static json(data: unknown, init?: ResponseInit | undefined): Response {
    const text = JSON.stringify(data);
    if (text === undefined) throw new TypeError('Value is not JSON serializable');
    // The text comes last, so that it implies no type where the init gives none.
    const response = new Response(null, init);
    response._source = text;
    if (response._contentType === undefined) response._contentType = 'application/json';
    if (response._status !== 200) refuseBody(response);
    return response;
  }

  /**
   * @param url also relative, which a browser resolves against its page. A server has none, so it is sent as it is, as
   * RFC 9110 §10.2.2 allows, and the client resolves it against what it asked for
   */
  static redirect(url: string | URL, status: number = 302): Response {
    // biome-ignore lint/complexity/noArguments: WebIDL counts arguments; an undefined one is the text 'undefined'
    if (arguments.length < 1) throw tooFewArguments('Response.redirect', 1, arguments.length);
    const location = redirectLocation(`${url}`);
    const code = toUnsignedShort(status);
    if (code !== 301 && code !== 302 && code !== 303 && code !== 307 && code !== 308) {
      throw new RangeError(`Invalid status code ${status}`);
    }
    const response = new Response(null, { status: code });
    response._names = ['location'];
    response._values = [location];
    response._kind = 2;
    return response;
  }

  static error(): Response {
    const response = new Response();
    response._status = 0;
    response._kind = 1;
    return response;
  }

  get status(): number {
    return known(this)._status;
  }

  get ok(): boolean {
    return known(this)._status >= 200 && this._status <= 299;
  }

  get statusText(): string {
    return known(this)._statusText;
  }

  get type(): 'default' | 'error' {
    return known(this)._kind === 1 ? 'error' : 'default';
  }

  get url(): string {
    known(this);
    return '';
  }

  get redirected(): boolean {
    known(this);
    return false;
  }

  get headers(): Headers {
    return known(this)._headers ?? makeHeaders(this);
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    return streamOf(known(this));
  }

  get bodyUsed(): boolean {
    return isUsed(known(this));
  }

  text(): Promise<string> {
    return readText(this);
  }

  /** `any`, as every other declaration of it has it: the shape is the program's to know. */
  // biome-ignore lint/suspicious/noExplicitAny: code written for other Responses relies on it
  json(): Promise<any> {
    return readJson(this);
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return readArrayBuffer(this);
  }

  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return readBytes(this);
  }

  /** The body as text, decoded while it comes. */
  textStream(): ReadableStream<string> {
    return textStreamOf(this);
  }

  async blob(): Promise<Blob> {
    return readBlob(this, this.headers.get('content-type'));
  }

  async formData(): Promise<FormData> {
    return readFormData(this, this.headers.get('content-type'));
  }

  /** What is in memory is shared; a stream is teed. */
  clone(): Response {
    if (!isReadable(this)) throw new TypeError('Response.clone: the body has been read or is locked');
    const copy = new Response();
    copy._status = this._status;
    copy._statusText = this._statusText;
    copy._kind = this._kind;
    copy._contentType = this._contentType;
    copy._names = this._names?.slice();
    copy._values = this._values?.slice();
    if (this._headers !== undefined) {
      copy._headers = new Headers(this._headers);
      copy._headers._immutable = this._headers._immutable;
    }
    if (!this._hasBody() || canBeShared(this._source)) {
      copy._source = this._source;
    } else {
      const [kept, given] = streamOf(this)!.tee();
      this._stream = kept;
      copy._stream = given;
    }
    return copy;
  }

  /** @internal JSON shows nothing, as of the platform's objects, whose properties are all getters of the class. */
  toJSON(): object {
    return {};
  }

  /** @internal For `util.inspect`. */
  [INSPECT](_depth: number, options: InspectOptions, inspect: Inspect): string {
    return inspectAs('Response', this, SHOWN, options, inspect);
  }

  /** @internal */
  _hasBody(): boolean {
    return this._source !== null || this._stream !== undefined;
  }

  /** @internal */
  _open(): OpenedBody {
    const source = this._source;
    if (source === null || typeof source === 'string' || source instanceof Uint8Array) return source;
    if (source instanceof Blob) return new StreamPieces(source.stream(), source.size);
    if (source instanceof FileBody) return source;
    if (source instanceof BodyHolder) return source.body;
    return new IterablePieces(source as AsyncIterable<unknown>);
  }
}

/** An answer of bytes that nobody changes from now on: they are shared, where the standard's constructor copies. */
export function sharedBytes(bytes: Uint8Array, init: ResponseInit): Response {
  const response = new Response(null, init);
  response._source = bytes;
  return response;
}

/** The status, type and other fields of an answer, for others that are to be like it. */
export class ReadyFields {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly names: readonly string[];
  readonly values: readonly string[];
  /** The type and the fields as HTTP/1 writes them; for whoever sends the first to fill in. */
  encoded: Uint8Array | undefined = undefined;

  /** @param response whose `headers` nobody has asked for */
  constructor(response: Response) {
    this.status = response._status;
    this.contentType = response._contentType;
    this.names = response._names?.slice() ?? [];
    this.values = response._values?.slice() ?? [];
  }
}

/** A text and a type, and nothing else: the answer that is sent fastest. @hot */
export function readyText(status: number, contentType: string | undefined, text: string): Response {
  const response = new Response();
  response._status = status;
  response._source = text;
  response._contentType = contentType;
  return response;
}

/** An answer with fields that were checked when the first of its kind was made, and shared bytes. @hot */
export function readyResponse(fields: ReadyFields, bytes: Uint8Array | null): Response {
  const response = new Response();
  response._status = fields.status;
  response._source = bytes;
  response._contentType = fields.contentType;
  response._names = fields.names;
  response._values = fields.values;
  response._ready = fields;
  return response;
}

onPlatform(({ Response: Platform }) => standInFor(Response, Platform));
recognisePlatform(Response, 'Response');
asInterface(Response, 'Response', 0);
requiresOnly(Response.json, 1);

/** @throws TypeError for what inherits from a Response and is none, as the prototype itself */
function known(response: Response): Response {
  if (response._kind === undefined) throw new TypeError('Illegal invocation: this is no Response');
  return response;
}

/** Text, bytes and blobs never change, so that two responses can hold the same. */
function canBeShared(source: Response['_source']): boolean {
  return typeof source === 'string' || source instanceof Uint8Array || source instanceof Blob;
}

function readBody(response: Response, body: unknown): void {
  const source = sourceOfInit(body);
  if (source instanceof ReadableStream) response._stream = source;
  else response._source = source;
  response._contentType = impliedContentType(body, source);
}

/** @hot */
function readInit(response: Response, init: ResponseInit): void {
  if (init === null) return;
  if (typeof init !== 'object' && typeof init !== 'function') {
    throw new TypeError('Response: the init must be an object');
  }
  const status = init.status;
  if (status !== undefined) {
    const code = toUnsignedShort(status);
    if (code < 200 || code > 599) {
      throw new RangeError('init["status"] must be in the range of 200 to 599, inclusive.');
    }
    response._status = code;
  }
  const statusText = init.statusText;
  if (statusText !== undefined) response._statusText = reasonPhrase(statusText);
  const headers = init.headers;
  if (headers !== undefined) readFields(response, headers);
}

/**
 * A plain record goes straight into the slots; everything else by way of lists. Enumerable symbols in a plain record are
 * passed over, where WebIDL throws: to look for them costs 110 ns, as much as all the rest. `new Headers` does look.
 * @hot
 */
function readFields(response: Response, init: HeadersInit | Headers): void {
  if (init === null || typeof init !== 'object' || Object.getPrototypeOf(init) !== Object.prototype) {
    readFieldList(response, init);
    return;
  }
  const record = init as Record<string, string>;
  if (Symbol.iterator in record) {
    readFieldList(response, init);
    return;
  }
  let typed = false;
  for (const key in record) {
    if (!hasOwn.call(record, key)) continue;
    const name = fieldName(key);
    const value = fieldValue(record[key]);
    if (name === 'content-type') {
      // A second one, in another case, is appended as the standard has it.
      response._contentType = typed ? `${response._contentType}, ${value}` : value;
      typed = true;
    } else {
      addField(response, name, value);
    }
  }
}

function readFieldList(response: Response, init: unknown): void {
  const names: string[] = [];
  const values: string[] = [];
  appendAll(names, values, init);
  let typed = false;
  for (let i = 0; i < names.length; i++) {
    if (names[i] !== 'content-type') {
      addField(response, names[i]!, values[i]!);
    } else {
      response._contentType = typed ? `${response._contentType}, ${values[i]}` : values[i];
      typed = true;
    }
  }
}

function addField(response: Response, name: string, value: string): void {
  if (response._names === undefined) {
    response._names = [name];
    response._values = [value];
  } else {
    // Its own while it is being made.
    (response._names as string[]).push(name);
    (response._values as string[]).push(value);
  }
}

function makeHeaders(response: Response): Headers {
  // Whoever asks for them may change them, and others may have the same.
  const names = response._names?.slice() ?? [];
  const values = response._values?.slice() ?? [];
  if (response._contentType !== undefined) {
    names.push('content-type');
    values.push(response._contentType);
  }
  const headers = headersOfLists(names, values);
  headers._immutable = response._kind !== 0;
  response._headers = headers;
  response._contentType = undefined;
  response._names = undefined;
  response._values = undefined;
  response._ready = undefined;
  return headers;
}

/** Fetch standard, "null body status": 101, 103, 204, 205, 304, of which an init can give the last three. */
function refuseBody(response: Response): void {
  const status = response._status;
  if ((status === 204 || status === 205 || status === 304) && response._hasBody()) {
    throw new TypeError(`Response constructor: Invalid response status code ${status}: it has no body`);
  }
}

/** WebIDL `unsigned short`: https://webidl.spec.whatwg.org/#abstract-opdef-converttoint */
function toUnsignedShort(value: unknown): number {
  if (typeof value === 'number' && (value & 0xffff) === value) return value;
  const number = Math.trunc(Number(value));
  return Number.isFinite(number) ? ((number % 65_536) + 65_536) % 65_536 : 0;
}
