/**
 * A listener of node:http, or a server with listeners, as what answers exchanges. One object an app and thread: it makes
 * the messages, emits the events that node:http's server would, and publishes its diagnostics_channel events.
 */
import { type Channel, channel } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import { Server as CoreServer, type RequestListener } from 'node:http';
import type { Exchange } from '../http/exchange.ts';
import type { ExchangeHost, ExchangeRecord } from '../http/exchange-host.ts';
import type { ReplacedSession } from '../http/session.ts';
import type { UpgradedSession } from '../http/upgraded-session.ts';
import type { Fault } from '../protocol/error.ts';
import { NodeAnswer } from './answer.ts';
import { ConnectionSocket } from './connection-socket.ts';
import {
  ANSWER,
  type CoreRequest,
  type CoreResponse,
  classesFor,
  type MessageClasses,
  needDrainSymbol,
  type ServerFace,
} from './core.ts';
import { asksForUpgrade, readHead1, readHead2 } from './message-head.ts';
import type { NodeExchange } from './node-exchange.ts';
import { SocketSession, type UpgradedSocket } from './upgraded-socket.ts';

const startChannel: Channel = channel('http.server.request.start');

const REJECTION = Symbol.for('nodejs.rejection');

/** Holds listeners; one that gives back a promise and rejects fails its own request. */
export class ListenerServer extends EventEmitter {
  constructor() {
    super({ captureRejections: true });
  }

  [REJECTION](error: unknown, event: string, ...given: unknown[]): void {
    const response = given[1] as Partial<CoreResponse> | undefined;
    const answer = event === 'upgrade' ? undefined : response?.[ANSWER];
    if (answer !== undefined) answer.failed(error);
    else if (event === 'upgrade') (given[1] as UpgradedSocket).destroy();
    else this.emit('error', error);
  }
}

type Emit = (this: EventEmitter, event: string, ...given: unknown[]) => boolean;

/** Tools that trace (OpenTelemetry) put their own in the place of node:http's `emit`, and see our requests too. */
const coreServer = CoreServer.prototype as unknown as { emit: Emit };

export class ListenerApp {
  readonly server: ServerFace;
  #classes: MessageClasses | undefined = undefined;
  readonly #needDrain = needDrainSymbol();

  /** @param classes of messages; else node:http's own, or as they suit the listener */
  constructor(server: ServerFace, classes?: MessageClasses) {
    this.server = server;
    this.#classes = classes;
  }

  /** @param listener what `http.createServer` would take */
  static of(listener: RequestListener): ListenerApp {
    const server = new ListenerServer();
    server.on('request', listener);
    return new ListenerApp(server);
  }

  /** Answers an exchange of a server's. */
  answer(exchange: Exchange): void {
    const { server } = this;
    if (
      exchange.body === null &&
      exchange.sink.mayChangeProtocol === true &&
      server.listenerCount('upgrade') > 0 &&
      asksForUpgrade(exchange.request)
    )
      this.#upgrade(exchange);
    else this.respond(exchange, (message) => this.#readHead(message, exchange));
  }

  #readHead(message: CoreRequest, { sink, request, host }: Exchange): void {
    if (sink.framing === undefined) readHead2(message, request, host.scheme);
    else readHead1(message, request);
  }

  /** @param readHead fills in the message */
  respond(exchange: NodeExchange, readHead: (message: CoreRequest) => void): void {
    const { server } = this;
    const { request: Request, response: Response } = (this.#classes ??= classesFor(this.#onlyListener));
    const socket = this.#socketOf(exchange);
    const request = new Request(socket);
    if (server.joinDuplicateHeaders === true) request.joinDuplicateHeaders = true;
    readHead(request);
    if (exchange.body === null || exchange.body.complete) request.complete = exchange.body === null;
    const response = new Response(request, server);
    const answer = new NodeAnswer(exchange, request, response, socket, this.#needDrain);
    exchange.writtenBy(answer);
    const previous = socket._httpMessage as CoreResponse | null;
    // Its 'finish' comes a tick later than its last byte was written.
    if (previous !== null) previous.detachSocket(socket);
    socket.answer = answer;
    const { idleMs } = exchange.host.settings.timeouts;
    response.shouldKeepAlive = !answer.mustBeLast;
    response._keepAliveTimeout = Number.isFinite(idleMs) ? idleMs : 0;
    response._maxRequestsPerSocket = server.maxRequestsPerSocket ?? 0;
    if (startChannel.hasSubscribers) startChannel.publish({ request, response, socket, server });
    response.assignSocket(socket);
    answer.run(this.#asksToContinue(exchange, request) ? listenForContinue : listenForRequest);
  }

  /** Also where the content has come unasked: a listener that decides about it is to be asked. */
  #asksToContinue({ expectsContinue, body }: NodeExchange, { headers }: CoreRequest): boolean {
    if (expectsContinue) return true;
    return body !== null && this.server.listenerCount('checkContinue') > 0 && headers.expect !== undefined;
  }

  get #onlyListener(): unknown {
    const listeners = this.server.listeners('request');
    return listeners.length === 1 ? listeners[0] : undefined;
  }

  #socketOf({ owner, host }: NodeExchange): ConnectionSocket {
    const known = owner.attachment as ConnectionSocket | undefined;
    if (known !== undefined) return known;
    const { server } = this;
    const socket = new ConnectionSocket(owner, server, host.scheme === 'https');
    owner.attachment = socket;
    if (server.timeout !== undefined && server.timeout > 0) socket.setTimeout(server.timeout);
    if (server.listenerCount('connection') > 0) server.emit('connection', socket);
    return socket;
  }

  /** A request was refused before it was one: `clientError`, if anybody listens for that. */
  refused(host: ExchangeHost, fault: Fault, from: ReplacedSession): boolean {
    const { server } = this;
    if (server.listenerCount('clientError') === 0) return false;
    const record = {
      startedAtMs: host.nowMs,
      status: fault.status,
      responseBytes: 0,
      methodName: '-',
      target: '-',
      peerIp: undefined,
    } as ExchangeRecord;
    const tell = (socket: UpgradedSocket): void => {
      server.emit('clientError', clientError(fault), socket);
    };
    // Whoever listens ends it; who forgets that does not keep it for ever.
    const session = new SocketSession(host, record, from, server, tell, host.settings.timeouts.bodyMs);
    from.engine.user = session;
    session.begin();
    return true;
  }

  /** The connection is the listener's from here on: nothing is answered but what it writes. */
  #upgrade(exchange: Exchange): void {
    const { server } = this;
    const request = new (this.#classes ??= classesFor(this.#onlyListener)).request(undefined);
    readHead1(request, exchange.request);
    request.upgrade = true;
    request.complete = true;
    const begin = (socket: UpgradedSocket): void => {
      request.socket = socket;
      (request as unknown as { client: unknown }).client = socket;
      coreServer.emit.call(server, 'upgrade', request, socket, Buffer.alloc(0));
    };
    exchange.takeover = {
      isRaw: true,
      succeed: (from: ReplacedSession): UpgradedSession =>
        new SocketSession(exchange.host, exchange, from, server, begin),
    };
    if (exchange.begins(101)) exchange.finish();
  }
}

/** By our name of a fault: how node:http's parser calls its like. */
const CODES: Readonly<Record<string, string>> = {
  'header-timeout': 'ERR_HTTP_REQUEST_TIMEOUT',
  'head-too-large': 'HPE_HEADER_OVERFLOW',
  'target-too-long': 'HPE_HEADER_OVERFLOW',
  'too-many-fields': 'HPE_HEADER_OVERFLOW',
  'bad-method': 'HPE_INVALID_METHOD',
  'version-unsupported': 'HPE_INVALID_VERSION',
  'bad-field-name': 'HPE_INVALID_HEADER_TOKEN',
  'space-before-colon': 'HPE_INVALID_HEADER_TOKEN',
  'bad-field-value': 'HPE_INVALID_HEADER_TOKEN',
  'bad-content-length': 'HPE_INVALID_CONTENT_LENGTH',
  'content-length-repeated': 'HPE_UNEXPECTED_CONTENT_LENGTH',
  'content-length-with-transfer-encoding': 'HPE_INVALID_TRANSFER_ENCODING',
  'bad-transfer-encoding': 'HPE_INVALID_TRANSFER_ENCODING',
};

/** What a `clientError` listener gets: `code` in node:http's words, `reason` in ours. */
function clientError({ code, sentence, status }: Fault): Error {
  const message = code === 'header-timeout' ? 'Request timeout' : `Parse Error: ${sentence}`;
  return Object.assign(new Error(message), {
    code: CODES[code] ?? 'HPE_INVALID_CONSTANT',
    reason: sentence,
    status,
    bytesParsed: 0,
  });
}

function listenForRequest({ socket, request, response }: NodeAnswer): void {
  coreServer.emit.call(socket.server, 'request', request, response);
}

/** RFC 9110 §10.1.1 */
function listenForContinue(answer: NodeAnswer): void {
  const { socket, request, response, exchange } = answer;
  const { server } = socket;
  const isWaiting = exchange.expectsContinue;
  exchange.expectsContinue = false;
  answer.owesContinue = isWaiting;
  response._expect_continue = true;
  if (server.listenerCount('checkContinue') > 0) {
    coreServer.emit.call(server, 'checkContinue', request, response);
    return;
  }
  if (isWaiting) response.writeContinue();
  coreServer.emit.call(server, 'request', request, response);
}
