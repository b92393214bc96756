/**
 * The light Request: positions in the head text and a port to the exchange, and everything else made
 * when it is first asked for. It knows no socket and no protocol; the server makes it and answers
 * through the port, also when the exchange is over.
 *
 * What works without patched globals: `instanceof Request` everywhere; `clone()` is a Request of the
 * platform's own, so `fetch(request.clone())` and `new Request(request.clone(), init)` always work, as
 * does `new Request(url, request)`. `fetch(request)` and `new Request(request)` work where the platform
 * keeps its state under symbols (Node 20 and 22), and with `installGlobals()` on every version.
 *
 * Beyond the platform: a GET or HEAD may carry a body and it can be read, but `clone()` leaves it
 * behind; `method` is the token as it was sent, and TRACE and CONNECT have no clone.
 */
import { type BodyOwner, isReadable, isUsed, type OpenedBody, streamOf } from './body.ts';
import {
  decoded,
  readArrayBuffer,
  readBlob,
  readBytes,
  readFormData,
  readJson,
  readText,
  textStreamOf,
} from './consume.ts';
import type { EventsHost } from './events-host.ts';
import { type Headers, headersOfHead } from './headers.ts';
import { INSPECT, type Inspect, type InspectOptions, inspectAs } from './inspect.ts';
import { asInterface } from './interface-shape.ts';
import { ownText } from './own-text.ts';
import {
  answerPlatformSlots,
  ensurePlatform,
  onPlatform,
  type PlatformRequest,
  platform,
  type RequestInit,
  standInFor,
} from './platform.ts';
import { requestUrl } from './url.ts';

/** The client of a request, as the connection and the proxies that are trusted have it. */
export interface ForwardedClient {
  readonly ip: string | undefined;
  /** undefined where nobody who is trusted said it. */
  readonly scheme: 'http' | 'https' | undefined;
  readonly host: string | undefined;
}

/** Where the parts of a request's head are in its text, as a latin1 string. */
export interface RequestHead {
  readonly methodStart: number;
  /** 1 GET, 2 HEAD, 3 POST, 4 PUT, 5 DELETE, 6 OPTIONS, 7 PATCH; 0 is any other, and stands in the text. */
  readonly method: number;
  readonly methodEnd: number;
  readonly targetStart: number;
  readonly targetEnd: number;
  /** -1 when the request has no authority. */
  readonly hostStart: number;
  readonly hostEnd: number;
  readonly fieldsStart: number;
  /** Behind the last field line; the empty line that ends a head is no field. */
  readonly fieldsEnd: number;
  readonly hasContent: boolean;
}

/** What the server's exchange offers its Request, for as long as that is kept: also when the exchange is over. */
export interface ExchangePort {
  readonly scheme: 'http' | 'https';
  /** Authority to use when the request has none (HTTP/1.0), as `localhost:8080`. */
  readonly defaultAuthority: string;
  /** The address of the other end of the connection; undefined for a unix socket and when it has gone. */
  readonly peerIp: string | undefined;
  /** What proxies that are trusted say of the client; undefined where none is. */
  forwarded(request: HoldfastRequest): ForwardedClient | undefined;
  /** Aborts when the client goes, or sends FIN, before the last byte was handed over; never after success. */
  abortSignal(): AbortSignal;
  /** undefined when there is no body, or nothing of it was kept. */
  requestBody(): IncomingBody | undefined;
  /** Absent where there is no server. */
  readonly host?: EventsHost;
}

/** The body as the server receives it. One consumer. */
export interface IncomingBody {
  readonly contentLength: number | undefined;
  readonly givesPieces: true;
  /** The whole body, if all of it is already here and none was read: given away to the caller. */
  takeBuffered(): Uint8Array | undefined;
  /** The same as text, decoded where it lies. Absent where there is nothing to gain by it. */
  takeText?(): string | undefined;
  /** The next piece, never empty, given away to the caller; undefined at the end; rejects with the abort reason or a fault. */
  read(): Promise<Uint8Array | undefined>;
  /**
   * All that is left, given away to the caller, in memory that nothing else uses: for who has not read yet and reads
   * nothing else then. Absent where pieces are collected just as well.
   */
  readAll?(): Promise<Uint8Array>;
  cancel(reason?: unknown): void;
}

/** By `methodId`; 0 is any other and stands in the text. */
const METHODS = ['', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'CONNECT'] as const;

const NO_PARAMS: Readonly<Record<string, string>> = Object.freeze({});

const SHOWN = (
  'method url headers destination referrer referrerPolicy mode credentials cache redirect integrity ' +
  'keepalive isReloadNavigation isHistoryNavigation signal'
).split(' ');

export class HoldfastRequest implements BodyOwner {
  /** @internal */
  _port: ExchangePort;
  /** @internal A latin1 snapshot that holds the head; the positions below are indexes in it. */
  _text: string;
  /** @internal */
  _start: number;
  /** @internal */
  _methodId: number;
  /** @internal */
  _methodEnd: number;
  /** @internal */
  _targetStart: number;
  /** @internal */
  _targetEnd: number;
  /** @internal -1: no authority. */
  _hostStart: number;
  /** @internal */
  _hostEnd: number;
  /** @internal */
  _fieldsStart: number;
  /** @internal */
  _fieldsEnd: number;
  /** @internal */
  _withBody: boolean;
  /** @internal */
  _used: boolean;
  /** @internal */
  _url: string | undefined;
  /** @internal */
  _headers: Headers | undefined;
  /** @internal The body, kept when a clone needed it whole. */
  _kept: Uint8Array | undefined;
  /** @internal */
  _stream: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  /** @internal */
  _signal: AbortSignal | undefined;
  /** @internal What the pattern of its route names; undefined without one. */
  _params: Readonly<Record<string, string>> | undefined;

  /** Use `createRequest`. @hot */
  constructor(port: ExchangePort, head: RequestHead, text: string, url: string | undefined) {
    this._port = port;
    this._text = text;
    this._start = head.methodStart;
    this._methodId = head.method;
    this._methodEnd = head.methodEnd;
    this._targetStart = head.targetStart;
    this._targetEnd = head.targetEnd;
    this._hostStart = head.hostStart;
    this._hostEnd = head.hostEnd;
    this._fieldsStart = head.fieldsStart;
    this._fieldsEnd = head.fieldsEnd;
    this._withBody = head.hasContent;
    this._used = false;
    this._url = url;
    this._headers = undefined;
    this._kept = undefined;
    this._stream = undefined;
    this._signal = undefined;
    this._params = undefined;
  }

  get method(): string {
    const id = this._methodId;
    return id === 0 ? ownText(this._text, this._start, this._methodEnd) : METHODS[id]!;
  }

  get url(): string {
    return (this._url ??= urlOf(this));
  }

  /**
   * The client's address: the other end of the connection, or whom proxies that are trusted name. Beyond the
   * platform, as srvx has it; `context.ip` is the same.
   */
  get ip(): string | undefined {
    const client = this._port.forwarded(this);
    return client === undefined ? this._port.peerIp : client.ip;
  }

  /** What the pattern of its route names, decoded: `routes` of `serve`. Beyond the platform, as Bun has it. */
  get params(): Readonly<Record<string, string>> {
    return this._params ?? NO_PARAMS;
  }

  get headers(): Headers {
    return (this._headers ??= headersOfHead(this._text, this._fieldsStart, this._fieldsEnd));
  }

  /** Aborts when the client goes, or sends FIN, before the last byte of the answer was handed over; never after success. */
  get signal(): AbortSignal {
    // Kept once asked for: a Request that outlives its exchange shows what became of it.
    return (this._signal ??= this._port.abortSignal());
  }

  get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    return streamOf(this);
  }

  get bodyUsed(): boolean {
    return isUsed(this);
  }

  text(): Promise<string> {
    const text = takeText(this);
    return text !== undefined ? Promise.resolve(text) : heard(readText(this));
  }

  /** `any`, as every other declaration of it has it: the shape is the program's to know. */
  // biome-ignore lint/suspicious/noExplicitAny: handlers written for other servers rely on it
  json(): Promise<any> {
    const text = takeText(this);
    return text !== undefined ? parsed(text) : heard(readJson(this));
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    const whole = takeWhole(this);
    return whole !== undefined ? Promise.resolve(whole.buffer) : heard(readArrayBuffer(this));
  }

  bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const whole = takeWhole(this);
    return whole !== undefined ? Promise.resolve(whole) : heard(readBytes(this));
  }

  /** The body as text, decoded while it comes. */
  textStream(): ReadableStream<string> {
    return textStreamOf(this);
  }

  blob(): Promise<Blob> {
    return heard(readBlob(this, this.headers.get('content-type')));
  }

  formData(): Promise<FormData> {
    return heard(readFormData(this, this.headers.get('content-type')));
  }

  /** A Request of the platform's own. A body that is here as a whole is shared, any other is teed. */
  clone(): PlatformRequest {
    if (!isReadable(this)) throw new TypeError('Request.clone: the body has been read or is locked');
    if (!this._withBody || !mayHaveBody(this.method)) return platformRequest(this, null);
    if (this._stream === undefined) {
      const body = this._open();
      if (body instanceof Uint8Array) {
        this._kept = body;
        // What the server receives into is never shared memory.
        return platformRequest(this, body as Uint8Array<ArrayBuffer>);
      }
    }
    const [kept, given] = streamOf(this)!.tee();
    this._stream = kept;
    return platformRequest(this, given);
  }

  get cache(): 'default' {
    return 'default';
  }

  get credentials(): 'same-origin' {
    return 'same-origin';
  }

  get destination(): '' {
    return '';
  }

  get duplex(): 'half' {
    return 'half';
  }

  get integrity(): string {
    return '';
  }

  get isHistoryNavigation(): boolean {
    return false;
  }

  get isReloadNavigation(): boolean {
    return false;
  }

  get keepalive(): boolean {
    return false;
  }

  get mode(): 'cors' {
    return 'cors';
  }

  get redirect(): 'follow' {
    return 'follow';
  }

  get referrer(): string {
    return 'about:client';
  }

  get referrerPolicy(): '' {
    return '';
  }

  /** @internal JSON shows nothing, as of the platform's objects, whose properties are all getters of the class. */
  toJSON(): object {
    return {};
  }

  /** @internal For `util.inspect`. */
  [INSPECT](_depth: number, options: InspectOptions, inspect: Inspect): string {
    return inspectAs('Request', this, SHOWN, options, inspect);
  }

  /** @internal */
  _hasBody(): boolean {
    return this._withBody;
  }

  /** @internal */
  _open(): OpenedBody {
    if (this._kept !== undefined) return this._kept;
    const body = this._port.requestBody();
    if (body === undefined) {
      throw new TypeError('The request body is gone: the exchange was over before it was read');
    }
    return body.takeBuffered() ?? body;
  }
}

onPlatform(({ Request: Platform }) => {
  standInFor(HoldfastRequest, Platform);
  answerPlatformSlots(HoldfastRequest, new Platform('http://localhost/'), toPlatformRequest);
});
// What builds a second Request by `request.constructor` gets one that it can give arguments to.
Object.defineProperty(HoldfastRequest.prototype, 'constructor', {
  get: () => platform().Request.prototype.constructor,
  configurable: true,
});

asInterface(HoldfastRequest, 'Request', 1);

/**
 * @param head read now, and not kept
 * @param text that the positions of `head` are in
 * @param url what `requestUrl` gives for these positions, where the caller has it already
 * @hot
 */
export function createRequest(
  port: ExchangePort,
  head: RequestHead,
  text: string,
  url?: string,
): HoldfastRequest {
  ensurePlatform();
  return new HoldfastRequest(port, head, text, url);
}

function urlOf(request: HoldfastRequest): string {
  const { _port: port, _text: text, _targetStart: start, _targetEnd: end } = request;
  const client = port.forwarded(request);
  const scheme = client?.scheme ?? port.scheme;
  if (client?.host !== undefined) return requestUrl(scheme, client.host, text, start, end, -1, -1);
  return requestUrl(scheme, port.defaultAuthority, text, start, end, request._hostStart, request._hostEnd);
}

/** By prototype, so it is cheap; what a program derives from ours does not exist. */
export function isLightRequest(value: unknown): value is HoldfastRequest {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === HoldfastRequest.prototype
  );
}

const hasOwn = Object.prototype.hasOwnProperty;

/**
 * The text of a request's head, where method, URL path and fields are still what it says: two requests with the same text say the same.
 * @returns undefined for what is none of ours, or may have been changed by its program @hot
 */
export function untouchedHead(request: unknown): string | undefined {
  if (!isLightRequest(request) || request._headers !== undefined || request._start !== 0) return undefined;
  const isRedefined =
    hasOwn.call(request, 'method') || hasOwn.call(request, 'url') || hasOwn.call(request, 'headers');
  return isRedefined ? undefined : request._text;
}

/**
 * A Request of the platform's that stands for ours: same stream, same signal, a copy of the fields.
 * Where our body has been read or is being read, so is its body: `new Request(ours, { body })` needs
 * the rest, as when a middleware wraps the body that it counts.
 * @throws TypeError for what the platform cannot make: TRACE, CONNECT
 */
export function toPlatformRequest(request: HoldfastRequest): PlatformRequest {
  if (!request._withBody || !mayHaveBody(request.method)) return platformRequest(request, null);
  if (isReadable(request)) return platformRequest(request, request.body);
  const spent = platformRequest(request, new ReadableStream());
  spent.body!.getReader();
  return spent;
}

function platformRequest(
  request: HoldfastRequest,
  body: Uint8Array<ArrayBuffer> | ReadableStream | null,
): PlatformRequest {
  const init: RequestInit = { method: request.method, headers: [...request.headers], signal: request.signal };
  if (body !== null) {
    init.body = body;
    init.duplex = 'half';
  }
  return new (platform().Request)(request.url, init);
}

/**
 * The commonest case by far, a body that is all here and that nobody else has a part in: given away, with no detour.
 * @returns undefined where it is not as simple as that; nothing has been taken then
 */
function takeWhole(request: HoldfastRequest): Uint8Array<ArrayBuffer> | undefined {
  const whole = untouchedBody(request)?.takeBuffered();
  if (whole === undefined) return undefined;
  request._used = true;
  // What the server receives into is never shared memory.
  const own = whole as Uint8Array<ArrayBuffer>;
  return own.byteLength === own.buffer.byteLength ? own : own.slice();
}

/** Does what `takeWhole` does. */
function takeText(request: HoldfastRequest): string | undefined {
  const body = untouchedBody(request);
  if (body === undefined) return undefined;
  if (body.takeText === undefined) {
    const whole = takeWhole(request);
    return whole === undefined ? undefined : decoded(whole);
  }
  const text = body.takeText();
  if (text !== undefined) request._used = true;
  return text;
}

function untouchedBody(request: HoldfastRequest): IncomingBody | undefined {
  if (!request._withBody || request._used || request._stream !== undefined || request._kept !== undefined)
    return undefined;
  return request._port.requestBody();
}

function parsed(text: string): Promise<unknown> {
  try {
    return Promise.resolve(JSON.parse(text));
  } catch (error) {
    return heard(Promise.reject(error));
  }
}

/**
 * A body that fails because its client has left must not end the process, which a rejection does that nobody
 * waits for, be it only yet. Whoever waits for it, now or later, gets it all the same.
 */
function heard<T>(reading: Promise<T>): Promise<T> {
  reading.catch(ignore);
  return reading;
}

function ignore(): void {}

function mayHaveBody(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/** The method as it was sent, whatever a program has made of the property. */
export function sentMethod({ _text, _start, _methodEnd }: HoldfastRequest): string {
  return _text.slice(_start, _methodEnd);
}

/** The head as it was sent: of HTTP/2, as HTTP/1 would have sent it. */
export function sentHead({ _text }: HoldfastRequest): string {
  return _text;
}

/** The request target as it was sent. */
export function sentTarget({ _text, _targetStart, _targetEnd }: HoldfastRequest): string {
  return _text.slice(_targetStart, _targetEnd);
}
