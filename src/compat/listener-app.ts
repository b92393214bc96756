/**
 * A listener of node:http, or a server with listeners, as what answers exchanges. One object an app and thread: it makes
 * the messages, emits the events that node:http's server would, and publishes its diagnostics_channel events.
 */
import { type Channel, channel } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import { Server as CoreServer, type RequestListener } from 'node:http';
import type { AcceptedSession } from '../http/connection-account.ts';
import type { Exchange } from '../http/exchange.ts';
import type { ExchangeHost, ExchangeRecord } from '../http/exchange-host.ts';
import type { ReplacedSession } from '../http/session.ts';
import type { UpgradedSession } from '../http/upgraded-session.ts';
import type { Fault } from '../protocol/error.ts';
import type { HeadRules } from '../protocol/limits.ts';
import { METHOD_CONNECT } from '../protocol/semantics/methods.ts';
import { STATUS_SWITCHING } from '../web/switching-response.ts';
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
import type { AnswerOwner, NodeExchange } from './node-exchange.ts';
import { clientError } from './refusals.ts';
import { SocketSession, type UpgradedSocket } from './upgraded-socket.ts';

const startChannel: Channel = channel('http.server.request.start');

const REJECTION = Symbol.for('nodejs.rejection');

/** Holds listeners; one that gives back a promise and rejects fails its own request. */
export class ListenerServer extends EventEmitter {
  static {
    // Connect and others ask for `instanceof http.Server`. Nothing of it is constructed: its methods would be of a net.Server.
    Object.setPrototypeOf(ListenerServer.prototype, CoreServer.prototype);
  }

  constructor() {
    super({ captureRejections: true });
  }

  [REJECTION](error: unknown, event: string, ...given: unknown[]): void {
    const response = given[1] as Partial<CoreResponse> | undefined;
    const answer = response?.[ANSWER];
    if (answer !== undefined) answer.failed(error);
    else if (event === 'upgrade' || event === 'connect') (given[1] as UpgradedSocket).destroy();
    else this.emit('error', error);
  }
}

type Emit = (this: EventEmitter, event: string, ...given: unknown[]) => boolean;

/** Tools that trace (OpenTelemetry) put their own in the place of node:http's `emit`, and see our requests too. */
const coreServer = CoreServer.prototype as unknown as { emit: Emit };

export class ListenerApp implements HeadRules {
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

  // HeadRules

  get takesTrace(): boolean {
    return true;
  }

  get takesConnect(): boolean {
    return this.server.listenerCount('connect') > 0;
  }

  get takesExpectations(): boolean {
    return this.server.listenerCount('checkExpectation') > 0;
  }

  get requiresHost(): boolean {
    return this.server.requireHostHeader !== false;
  }

  /** Answers an exchange of a server's. */
  answer(exchange: Exchange): void {
    const event = this.#takeoverOf(exchange);
    if (event === undefined || !this.#takeOver(exchange, event))
      this.respond(exchange, (message) => this.#readHead(message, exchange));
  }

  /** @returns the event whose listener gets the connection itself */
  #takeoverOf(exchange: Exchange): 'connect' | 'upgrade' | undefined {
    if (exchange.body !== null || exchange.sink.mayChangeProtocol !== true) return undefined;
    if (exchange.method === METHOD_CONNECT) return 'connect';
    return this.server.listenerCount('upgrade') > 0 && asksForUpgrade(exchange.request)
      ? 'upgrade'
      : undefined;
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
    socket.works();
    const { idleMs } = exchange.host.settings.timeouts;
    response.shouldKeepAlive = !answer.mustBeLast;
    response._keepAliveTimeout = Number.isFinite(idleMs) ? idleMs : 0;
    response._maxRequestsPerSocket = server.maxRequestsPerSocket ?? 0;
    if (startChannel.hasSubscribers) startChannel.publish({ request, response, socket, server });
    response.assignSocket(socket);
    answer.run(this.#listenerOf(exchange, request));
  }

  #listenerOf(exchange: NodeExchange, request: CoreRequest): (answer: NodeAnswer) => void {
    if (exchange.expectsOther) return listenForExpectation;
    return this.#asksToContinue(exchange, request) ? listenForContinue : listenForRequest;
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

  /** A connection has been accepted. Where nobody listens for that or watches its silence, it has no socket before its first request. */
  accepted(host: ExchangeHost, owner: AcceptedSession): void {
    const { server } = this;
    if (server.listenerCount('connection') === 0 && !(server.timeout! > 0)) return;
    const tell = (): void => {
      server.emit('connection', this.#open(owner, host.scheme));
    };
    host.scope.run(tell, undefined);
  }

  #socketOf({ owner, host }: NodeExchange): ConnectionSocket {
    return (owner.attachment as ConnectionSocket | undefined) ?? this.#open(owner, host.scheme);
  }

  #open(owner: AnswerOwner, scheme: 'http' | 'https'): ConnectionSocket {
    const { server } = this;
    const socket = new ConnectionSocket(owner, server, scheme === 'https');
    owner.attachment = socket;
    if (server.timeout !== undefined && server.timeout > 0) socket.setTimeout(server.timeout);
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
      // Nothing more is said to a client that says nothing more.
      socket.allowHalfOpen = false;
      // A listener may destroy it with the error that it was told, as Fastify's does; nobody is left to hear of that.
      socket.on('error', ignore);
      server.emit('clientError', clientError(fault), socket);
    };
    // Whoever listens ends it; who forgets that does not keep it for ever.
    const session = new SocketSession(host, record, from, server, tell, {
      endsInMs: host.settings.timeouts.bodyMs,
    });
    from.engine.user = session;
    session.begin();
    return true;
  }

  /**
   * The connection is the listener's from here on: nothing is answered but what it writes.
   * @returns false where the server would rather answer
   */
  #takeOver(exchange: Exchange, event: 'connect' | 'upgrade'): boolean {
    const { server } = this;
    const request = new (this.#classes ??= classesFor(this.#onlyListener)).request(undefined);
    readHead1(request, exchange.request);
    if (event === 'upgrade' && server.shouldUpgradeCallback?.(request) === false) return false;
    request.upgrade = true;
    request.complete = true;
    const begin = (socket: UpgradedSocket, head: Buffer): void => {
      (exchange.owner.attachment as ConnectionSocket | undefined)?.succeededBy(socket);
      request.socket = socket;
      (request as unknown as { client: unknown }).client = socket;
      coreServer.emit.call(server, event, request, socket, head);
    };
    exchange.takeover = {
      isRaw: true,
      succeed: (from: ReplacedSession): UpgradedSession =>
        new SocketSession(exchange.host, exchange, from, server, begin, { hasHead: true }),
    };
    if (exchange.begins(STATUS_SWITCHING)) exchange.finish();
    return true;
  }
}

function ignore(): void {}

function listenForRequest({ socket, request, response }: NodeAnswer): void {
  coreServer.emit.call(socket.server, 'request', request, response);
}

/** It expects what HTTP does not know: its listener decides. */
function listenForExpectation({ socket, request, response }: NodeAnswer): void {
  coreServer.emit.call(socket.server, 'checkExpectation', request, response);
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
