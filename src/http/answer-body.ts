/** The content of an answer on its way out, which comes piece by piece or is a file. */
import type { CloseReason } from '../engine/engine.ts';
import type { AnswerSink } from './answer-sink.ts';
import type { ExchangeHost } from './exchange-host.ts';
import type { ExchangeOwner } from './exchange-owner.ts';
import type { Trailers } from './trailers.ts';

/** What it asks and tells of its exchange. */
export interface AnsweredExchange {
  readonly host: ExchangeHost;
  readonly owner: ExchangeOwner;
  readonly sink: AnswerSink;
  responseBytes: number;
  readonly trailers: Trailers | undefined;
  /** What the handler wants to leave in a second at most. */
  readonly paceBytesPerSecond: number | undefined;
  finish(): void;
  breakOff(error: unknown, reason: CloseReason): void;
  watchQuiet(): void;
}

export interface AnswerBody {
  /** The Content-Length that was told, -1 for none. */
  readonly declaredLength: number;
  /** Of content, what the engine has been given so far: it may not have left yet. */
  readonly committedBytes: number;
  /** So much of that is a file, which takes no memory while it waits. */
  readonly fileBytes: number;
  /** All that was promised has been written, though its source may not have said that it is the end. */
  readonly isWhole: boolean;
  start(): void;
  drained(): void;
  /** The client has sent FIN: one that writes its answer itself may take that for its going. */
  peerEnded?(): void;
  /** The client is gone. */
  cancel(reason: unknown): void;
}
