/**
 * What a listener's messages ask of the exchange that they belong to. An Exchange of http/ is one, whatever its protocol, and
 * so is a Request that a program hands to `toFetch(listener)` itself (detached-exchange.ts).
 */
import type { CloseReason, RemoteAddress } from '../engine/engine.ts';
import type { AnswerBody } from '../http/answer-body.ts';
import type { AnswerPlan } from '../http/answer-plan.ts';
import type { AnswerSink } from '../http/answer-sink.ts';
import type { Attachment } from '../http/connection-account.ts';
import type { ExchangeHost } from '../http/exchange-host.ts';
import type { Takeover } from '../http/takeover.ts';
import type { ConnectionTls } from '../web/connection-tls.ts';
import type { HoldfastRequest } from '../web/request.ts';

export interface AnswerOwner {
  attachment: Attachment | undefined;
  remoteAddress(): RemoteAddress | undefined;
  localAddress(): RemoteAddress | undefined;
  /** What TLS has agreed on. */
  readonly secure?: ConnectionTls | undefined;
  abandon(reason: CloseReason): void;
  /** RST, where that is more than to abandon it. */
  reset?(reason: CloseReason): void;
}

export interface IncomingContent {
  readonly complete: boolean;
  readonly contentLength: number | undefined;
  /** The whole, or what is left of it, if all of it is here. */
  takeBuffered(): Uint8Array | undefined;
  read(): Promise<Uint8Array | undefined>;
  /** The fields behind the content as they were sent, where they came as lines. */
  readonly trailerText?: string | undefined;
  trailers(): Promise<Iterable<readonly [string, string]>>;
}

/** What a listener's exchange asks of the server around it. */
export interface AnswerHost {
  readonly scheme: 'http' | 'https';
  readonly settings: { readonly timeouts: { readonly idleMs: number; readonly bodyMs: number } };
  readonly scope: Pick<ExchangeHost['scope'], 'run'>;
  readonly plan: AnswerPlan;
  readonly nowMs: number;
}

export interface NodeExchange<Host extends AnswerHost = AnswerHost, Owner extends AnswerOwner = AnswerOwner> {
  readonly host: Host;
  readonly owner: Owner;
  readonly sink: AnswerSink;
  readonly body: IncomingContent | null;
  readonly request: HoldfastRequest | undefined;
  readonly bodyBytes: number;
  readonly isFinished: boolean;
  responseBytes: number;
  expectsContinue: boolean;
  readonly expectsOther: boolean;
  takeover: Takeover | undefined;
  writtenBy(writer: AnswerBody): void;
  awaited(): void;
  begins(status: number): boolean;
  finish(): void;
  failed(error: unknown): void;
  breakOff(error: unknown, reason: CloseReason): void;
  /** Something has moved in a request whose answer is whole already: it may go on for another while. */
  lingersForBody(): void;
  /** For the log. */
  report(what: string, error: unknown): void;
}
