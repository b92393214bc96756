/**
 * One stream of HTTP/2 as the carrier of its exchange, and how its answer is written: frames of the core (server-core.ts)
 * in place of HTTP/1's heads and chunks. Windows and turns are the core's; here they are only how much room there is.
 *
 * The core's stream serves another request when this one is over, so it is let go of with the last frame: what a handler
 * still does afterwards finds none.
 */

import type { CloseReason, EngineConnection, RemoteAddress } from '../../engine/engine.ts';
import { SEND_RESERVE_BYTES_MAX } from '../../engine/engine.ts';
import { FAULT_BODY_TOO_LARGE, type Fault } from '../../protocol/error.ts';
import { CANCEL, INTERNAL_ERROR } from '../../protocol/h2/error-codes.ts';
import type { AnswerHeads } from '../../protocol/h2/server/answer-heads.ts';
import type { H2Stream } from '../../protocol/h2/server/h2-stream.ts';
import { CONTINUE_BLOCK } from '../../protocol/h2/server/response-block.ts';
import type { H2Server } from '../../protocol/h2/server/server-core.ts';
import { faultText } from '../../protocol/semantics/fault-text.ts';
import { TEXT_TYPE } from '../../web/body-init.ts';
import { Headers } from '../../web/headers.ts';
import { STATUS_SWITCHING } from '../../web/switching-response.ts';
import { type AnswerPlan, isFramingField } from '../answer-plan.ts';
import type { AnswerSink } from '../answer-sink.ts';
import type { Attachment } from '../connection-account.ts';
import { NEVER } from '../connection-deadline.ts';
import { ClientGoneError, RequestFaultError } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import type { ExchangeHost, ExchangeRecord } from '../exchange-host.ts';
import type { ExchangeOwner } from '../exchange-owner.ts';
import type { BodyOwner, RequestBody } from '../request-body.ts';
import type { Trailers } from '../trailers.ts';
import type { StreamTunnelling } from './stream-tunnelling.ts';
import type { H2SessionThread } from './thread.ts';

/** What a stream needs of its session. */
export interface StreamSession {
  readonly id: number;
  readonly host: ExchangeHost;
  readonly engine: EngineConnection;
  readonly core: H2Server;
  readonly thread: H2SessionThread;
  readonly hasPeerEnded: boolean;
  /** The exchange of the stream has got a deadline. */
  streamTimed(stream: StreamCarrier, atMs: number): void;
  /** It needs none any more: the exchange is over. */
  streamUntimed(stream: StreamCarrier): void;
  /** `drained` is to be called when what is unsent has left. */
  streamYields(stream: StreamCarrier): void;
  /** @param bytesPerSecond Infinity where the answer has no pace, or is over */
  streamPaced(stream: StreamCarrier, bytesPerSecond: number): void;
}

export class StreamCarrier implements ExchangeOwner, AnswerSink, BodyOwner {
  readonly #session: StreamSession;
  #stream: H2Stream | null;
  attachment: Attachment | undefined = undefined;
  exchange!: Exchange; // made by the session right after, since it needs its carrier
  /** Content that was handed over, and that the client may not send anew yet. */
  #unread = 0;
  #isTimed = false;
  /** Where the request is an extended CONNECT: what comes, before the answer and behind it. */
  tunnelling: StreamTunnelling | null = null;
  #isPaced = false;

  constructor(session: StreamSession, stream: H2Stream) {
    this.#session = session;
    this.#stream = stream;
  }

  // What comes.

  /** @returns whether so much content may be handed over, as by `data`, when what belongs together has come */
  counts(bytes: number): boolean {
    const { exchange } = this;
    exchange.expectsContinue = false;
    exchange.bodyBytes += bytes;
    this.#unread += bytes;
    if (exchange.body?.isInPieces === true) this.#session.host.pieces.came(bytes);
    if (exchange.bodyBytes <= this.#session.host.settings.limits.bodyBytesMax) return true;
    this.#giveBack();
    exchange.requestFault(FAULT_BODY_TOO_LARGE, new RequestFaultError(FAULT_BODY_TOO_LARGE));
    return false;
  }

  /** @param bytes the engine's @param places where content begins and ends in them, again and again */
  data(bytes: Uint8Array, places: readonly number[]): void {
    const body = this.exchange.body!;
    body.feedFramed(bytes, places);
    // Nothing is kept where the handler reads the whole body, or has said that it wants none of it.
    if (body.memoryBytes === 0) this.#giveBack();
    this.#wait();
  }

  /** @param names of the fields behind it */
  bodyEnds(body: RequestBody, names: readonly string[], values: readonly string[]): void {
    body.finish(names.length === 0 ? undefined : headersOf(names, values));
    this.#wait();
  }

  /** The stream is over, by the client's wish or its fault, or with its connection. */
  reset(error: ClientGoneError): void {
    const { exchange } = this;
    this.#leave();
    this.tunnelling?.over();
    // A handler that works on behind a reset keeps its place taken: else each reset could begin one more.
    if (exchange.isHandlerBusy) this.#session.core.handlerOutlives();
    exchange.clientGone(error);
    exchange.release();
  }

  handlerEnded(): void {
    this.#session.core.handlerEnds();
  }

  /** FIN, which may stand behind bytes that are not read yet: who sends no more may still read. */
  peerEnded(): void {
    if (this.#stream !== null) this.exchange.peerEnded();
  }

  /** FIN has been read: half a body is none. */
  bodyBreaksOff(): void {
    const { exchange } = this;
    this.tunnelling?.peerEnded();
    if (exchange.body !== null && !exchange.body.complete)
      this.exchangeBroken(exchange, 'client-closed-in-body');
  }

  /** All that was written has left, after the client's FIN: from now on nothing tells whether anybody reads. */
  watchQuiet(): void {
    if (this.#stream !== null) this.exchange.watchQuiet();
  }

  /** Content that was read may be followed by more. */
  #giveBack(): void {
    const bytes = this.#unread;
    this.#unread = 0;
    if (bytes > 0 && this.#stream !== null) this.#session.core.consumed(this.#stream, bytes);
  }

  // BodyOwner

  bodyWanted(): void {
    const { exchange } = this;
    if (exchange.expectsContinue) {
      exchange.expectsContinue = false;
      this.continue();
    }
    this.#giveBack();
    this.#wait();
  }

  /** Content lies between frames: what was received is never all one body's. */
  takeReceived(): boolean {
    return false;
  }

  bodyCancelled(): void {
    this.#giveBack();
    this.#wait();
  }

  // ExchangeOwner

  get hasPeerEnded(): boolean {
    return this.#session.hasPeerEnded;
  }

  get connectionId(): number {
    return this.#session.id;
  }

  get secure(): EngineConnection['secure'] {
    return this.#session.engine.secure;
  }

  get proxied(): EngineConnection['proxied'] {
    return this.#session.engine.proxied;
  }

  remoteAddress(): RemoteAddress | undefined {
    return this.#session.engine.remoteAddress();
  }

  localAddress(): RemoteAddress | undefined {
    return this.#session.engine.localAddress();
  }

  abandon(reason: CloseReason): void {
    this.exchangeBroken(this.exchange, reason);
  }

  exchangeFinished(): void {
    const { exchange, tunnelling } = this;
    if (tunnelling !== null && exchange.status === STATUS_SWITCHING) {
      exchange.release();
      tunnelling.begin(exchange);
      return;
    }
    tunnelling?.dropEarly();
    this.#leave();
    this.exchange.release();
  }

  /** The stream is another's from now on. */
  #leave(): void {
    this.#stream = null;
    this.attachment?.ended('answered');
    if (this.#isTimed) this.#session.streamUntimed(this);
    if (this.#isPaced) this.pace(Number.POSITIVE_INFINITY);
  }

  pace(bytesPerSecond: number): void {
    this.#isPaced = this.#stream !== null && bytesPerSecond !== Number.POSITIVE_INFINITY;
    this.#session.streamPaced(this, this.#isPaced ? bytesPerSecond : Number.POSITIVE_INFINITY);
  }

  exchangeBroken(_record: ExchangeRecord, reason: CloseReason): void {
    const stream = this.#stream;
    if (stream === null) return;
    this.#session.core.reset(stream, reason === 'response-failed' ? INTERNAL_ERROR : CANCEL);
    this.reset(new ClientGoneError(String(reason)));
  }

  exchangeWaits(): void {
    this.#wait();
  }

  armExchange(): void {
    const { deadlineMs } = this.exchange;
    if (deadlineMs === NEVER || this.#stream === null) return;
    this.#isTimed = true;
    this.#session.streamTimed(this, deadlineMs);
  }

  #wait(): void {
    const { exchange } = this;
    const { host } = this.#session;
    exchange.bodyDeadlineMs =
      exchange.body?.isWaited === true ? host.nowMs + host.settings.timeouts.bodyMs : undefined;
    this.armExchange();
  }

  get deadlineMs(): number {
    return this.tunnelling?.isOpen === true ? this.tunnelling.deadlineMs : this.exchange.deadlineMs;
  }

  /** @returns when it is to be asked again; NEVER when no deadline holds */
  deadline(nowMs: number): number {
    if (this.#stream === null) return NEVER;
    if (this.tunnelling?.isOpen === true) this.tunnelling.expire(nowMs);
    else this.exchange.deadline(nowMs);
    return this.#stream === null ? NEVER : this.deadlineMs;
  }

  // What its tunnel asks.

  get engine(): EngineConnection {
    return this.#session.engine;
  }

  get host(): ExchangeHost {
    return this.#session.host;
  }

  consumed(bytes: number): void {
    if (this.#stream !== null) this.#session.core.consumed(this.#stream, bytes);
  }

  wakeAt(atMs: number): void {
    if (this.#stream === null || atMs === NEVER) return;
    this.#isTimed = true;
    this.#session.streamTimed(this, atMs);
  }

  /** `room` was 0 and is not now. */
  windowOpened(): void {
    if (this.tunnelling?.isOpen === true) this.tunnelling.drained();
    else this.exchange.drained();
  }

  endTunnel(): void {
    const stream = this.#stream;
    this.#leave();
    if (stream !== null) this.#session.core.end(stream);
  }

  cancelTunnel(): void {
    const stream = this.#stream;
    this.#leave();
    if (stream !== null) this.#session.core.reset(stream, CANCEL);
  }

  // AnswerSink

  get mayChangeProtocol(): boolean {
    return this.tunnelling !== null;
  }

  get opensTunnel(): boolean {
    return this.tunnelling !== null;
  }

  /** @hot */
  shortText(status: number, contentType: string | undefined, text: string): boolean {
    const stream = this.#stream;
    // The exchange is over for its client; the answer counts as given, as HTTP/1's to a closed socket does.
    if (stream === null) return true;
    const { core, thread } = this.#session;
    const { heads } = thread;
    return (
      heads.simple(status, contentType, text.length) &&
      core.respondText(stream, heads.block, 0, heads.end, text)
    );
  }

  begin(plan: AnswerPlan): boolean {
    const stream = this.#stream;
    if (stream === null) return true;
    const { core, thread } = this.#session;
    const { heads } = thread;
    // The tunnel is open with it, and nothing of HTTP follows. RFC 8441 §5
    if (plan.status === STATUS_SWITCHING) {
      plan.status = 200;
      writeHead(heads, plan);
      core.sendHead(stream, heads.block, 0, heads.end, false);
      return true;
    }
    writeHead(heads, plan);
    const { bytes } = plan;
    if (plan.stream === null && plan.file === null && bytes === null && !plan.endsWithTrailers) {
      core.sendHead(stream, heads.block, 0, heads.end, true);
      return true;
    }
    const mayBeWhole = bytes !== null && !plan.endsWithTrailers;
    if (mayBeWhole && core.respond(stream, heads.block, 0, heads.end, bytes, 0, bytes.length)) return true;
    core.sendHead(stream, heads.block, 0, heads.end, false);
    return false;
  }

  fault(fault: Fault, withContent: boolean): number {
    const stream = this.#stream;
    if (stream === null) return 0;
    return writeFault(this.#session.core, this.#session.thread.heads, stream, fault, withContent);
  }

  get room(): number {
    return this.#stream === null ? 0 : this.#session.core.room(this.#stream);
  }

  get unsentBytes(): number {
    return this.#session.engine.unsentBytes;
  }

  get takesBytes(): boolean {
    return this.#stream !== null && this.#session.engine.takesBytes;
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    const stream = this.#stream;
    if (stream === null) return end;
    const to = Math.min(end, start + this.#session.core.room(stream));
    this.#session.core.write(stream, bytes, start, to, false);
    return to;
  }

  end(trailers: Trailers | undefined): void {
    const stream = this.#stream;
    if (stream === null) return;
    const { core, thread } = this.#session;
    if (trailers === undefined) {
      core.end(stream);
      return;
    }
    const { heads } = thread;
    const { names, values } = trailers;
    heads.beginTrailers();
    for (let i = 0; i < names.length; i++) heads.field(names[i]!, values[i]!);
    heads.finish();
    core.sendTrailers(stream, heads.block, heads.end);
  }

  interim(status: number, fields: readonly (readonly [string, string])[]): void {
    const { heads } = this.#session.thread;
    heads.beginInterim(status);
    for (const [name, value] of fields) checked(heads.field(name.toLowerCase(), value), name);
    heads.finish();
    if (this.#stream !== null) this.#session.core.sendInterim(this.#stream, heads.block, heads.end);
  }

  continue(): void {
    if (this.#stream !== null) this.#session.core.sendInterim(this.#stream, CONTINUE_BLOCK);
  }

  yields(): void {
    this.#session.streamYields(this);
  }

  /** Other requests have streams of their own. */
  last(): void {}
}

/**
 * The head of `plan`, left in `heads`.
 * @throws TypeError, RangeError when a field cannot be sent
 */
function writeHead(heads: AnswerHeads, plan: AnswerPlan): void {
  const { names, values, contentType } = plan;
  if (names.length === 0) {
    checked(heads.simple(plan.status, contentType, plan.contentLength), 'content-type');
    return;
  }
  heads.begin(plan.status);
  if (contentType !== undefined) checked(heads.field('content-type', contentType), 'content-type');
  for (let i = 0; i < names.length; i++) {
    const name = names[i]!;
    if (!isFramingField(name)) checked(heads.field(name, values[i]!), name);
  }
  heads.finish(plan.contentLength);
  if (heads.end > SEND_RESERVE_BYTES_MAX)
    throw new RangeError(`the response's header fields take ${heads.end} bytes; at most 64 KiB can be sent`);
}

function checked(isSound: boolean, name: string): void {
  if (!isSound)
    throw new TypeError(
      `the response's field ${JSON.stringify(name)} has a name or value that cannot be sent`,
    );
}

function headersOf(names: readonly string[], values: readonly string[]): Headers {
  const headers = new Headers();
  for (let i = 0; i < names.length; i++) headers.append(names[i]!, values[i]!);
  return headers;
}

/** Writes a short answer of our own. @returns the bytes of its content */
export function writeFault(
  core: H2Server,
  heads: AnswerHeads,
  stream: H2Stream,
  fault: Fault,
  withContent: boolean,
): number {
  const text = faultText(fault);
  heads.simple(fault.status, TEXT_TYPE, text.length);
  if (withContent) {
    if (core.respondText(stream, heads.block, 0, heads.end, text)) return text.length;
    // No window is open, so the status goes out alone; with a Content-Length of content that is not sent it would be malformed.
    heads.simple(fault.status, undefined, 0);
  }
  core.sendHead(stream, heads.block, 0, heads.end, true);
  return 0;
}
