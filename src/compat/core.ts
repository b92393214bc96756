/**
 * What this room uses of node:http beyond its documented face: fields and methods of its messages that frameworks use
 * too, which is why they stay as they are (`_header`, `_storeHeader`, `_addHeaderLines`), and the one private symbol that is
 * needed, by its description. Types and that lookup, nothing else.
 */
import type { EventEmitter } from 'node:events';
import { IncomingMessage, OutgoingMessage, ServerResponse } from 'node:http';

/** Under which a message has the answer that it belongs to: an own field, which survives a change of prototypes. */
export const ANSWER: unique symbol = Symbol('holdfast.answer');

/** An answer as its messages and its socket know it. */
export interface AnswerFace {
  readonly reader: { read(): void };
  /** Nothing is answered on the connection behind it. */
  readonly mustBeLast: boolean;
  /** Core's bytes are sent as they are. */
  readonly isFramed: boolean;
  readonly bodyBytes: number;
  readonly unsentBytes: number;
  readonly hasRoom: boolean;
  /** All of it is written, and 'finish' is about to be emitted. */
  readonly isFinishing: boolean;
  write(
    data: string | Uint8Array,
    encoding: BufferEncoding | null,
    done: ((error?: Error | null) => void) | null,
  ): boolean;
  ended(): void;
  endsConnection(): void;
  abandon(reason: string): void;
  abortRequest(): void;
  emitTimeout(): boolean;
  guard(work: () => void): void;
  failed(error: unknown): void;
}

export type CoreRequest = Omit<IncomingMessage, 'socket'> & {
  socket: unknown;
  [ANSWER]: AnswerFace;
  httpVersion: string;
  httpVersionMajor: number;
  httpVersionMinor: number;
  complete: boolean;
  upgrade: boolean | null;
  joinDuplicateHeaders: boolean;
  readonly _eventsCount: number;
  readonly _readableState: { readingMore: boolean };
  _addHeaderLines(lines: string[], count: number): void;
  _dump(): void;
  _read(size: number): void;
};

export type CoreResponse = Omit<ServerResponse, 'socket'> & {
  socket: object | null;
  [ANSWER]: AnswerFace;
  destroyed: boolean;
  /** The head as text, once it is decided. */
  _header: string | null;
  _headerSent: boolean;
  /** The connection ends behind it. */
  _last: boolean;
  _hasBody: boolean;
  _contentLength: number | null;
  _keepAliveTimeout: number;
  _maxRequestsPerSocket: number;
  _closed: boolean;
  _trailer: string;
  _expect_continue: boolean;
  _storeHeader(firstLine: string, headers: unknown): void;
  _finish(): void;
  assignSocket(socket: object): void;
  detachSocket(socket: object): void;
};

interface CorePrototypes {
  readonly _storeHeader: CoreResponse['_storeHeader'];
  readonly _finish: CoreResponse['_finish'];
}

/** Of node:http's own prototypes, whatever those of a message are by now. */
export const { _storeHeader: coreStoreHeader } = OutgoingMessage.prototype as unknown as CorePrototypes;
export const { _finish: coreFinish } = ServerResponse.prototype as unknown as CorePrototypes;

/** Constructors of messages: node:http's, or ones with other prototypes. */
export interface MessageClasses {
  readonly request: new (socket: unknown) => CoreRequest;
  readonly response: new (request: CoreRequest, options?: object) => CoreResponse;
}

export const CORE_CLASSES: MessageClasses = {
  request: IncomingMessage as unknown as MessageClasses['request'],
  response: ServerResponse as unknown as MessageClasses['response'],
};

/** From this one on V8 keeps objects fast whose prototype is swapped. */
const V8_OF_FAST_SWAPS = 13;

interface ExpressApp {
  readonly request: object;
  readonly response: object;
  readonly handle: unknown;
}

/**
 * Express gives each message the prototype that its app has for it. V8 before 13 (Node 20 and 22) turns an object that this
 * happens to into a slow one: 136 us a request on Node 20, against 20 where messages are born with it and nothing is left to
 * swap. On later ones that is no gain.
 */
export function classesFor(listener: unknown): MessageClasses {
  if (Number.parseInt(process.versions.v8, 10) >= V8_OF_FAST_SWAPS || !isExpress(listener))
    return CORE_CLASSES;
  return {
    request: born(IncomingMessage, listener.request) as unknown as MessageClasses['request'],
    response: born(ServerResponse, listener.response) as unknown as MessageClasses['response'],
  };
}

function isExpress(listener: unknown): listener is ExpressApp {
  if (typeof listener !== 'function') return false;
  const { request, response, handle } = listener as unknown as ExpressApp;
  return (
    request instanceof IncomingMessage && response instanceof ServerResponse && typeof handle === 'function'
  );
}

/** node:http's classes are functions of the old kind on these versions, and may be called on an object of ours. */
function born(base: unknown, prototype: object): new (given: unknown) => object {
  const construct = base as { call(self: unknown, given: unknown): void };
  function Born(this: object, given: unknown): void {
    construct.call(this, given);
  }
  Born.prototype = prototype;
  return Born as unknown as new (
    given: unknown,
  ) => object;
}

/** @returns the symbol of a message's "somebody waits for 'drain'"; undefined where this Node has no such */
export function needDrainSymbol(): symbol | undefined {
  return Object.getOwnPropertySymbols(new OutgoingMessage()).find(
    ({ description }) => description === 'kNeedDrain',
  );
}

/** What an http.Server is to this room: where its events go. */
export type ServerFace = EventEmitter & {
  timeout?: number;
  /** 0 is off: nothing but `timeout` ends idle connections then. */
  keepAliveTimeout?: number;
  maxRequestsPerSocket?: number;
  /** A client that has sent FIN gets its answer all the same. */
  httpAllowHalfOpen?: boolean;
  /** Requests of HTTP/1.1 without Host are refused. @default true */
  requireHostHeader?: boolean;
  /** Whether a request that asks for another protocol goes to 'upgrade'; absent, where somebody listens for that. */
  shouldUpgradeCallback?: ((request: unknown) => boolean) | undefined;
  joinDuplicateHeaders?: boolean;
  rejectNonStandardBodyWrites?: boolean;
  highWaterMark?: number;
};
