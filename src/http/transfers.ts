/**
 * Requests under way as operators see them. Everything is computed when somebody looks, from what exchanges and
 * connections count anyway; what a look has to remember for the next is the caller's to keep.
 */
import type { EngineConnection } from '../engine/engine.ts';
import { addressText, firstSample, movementOf, type Sample } from '../observe/connection-row.ts';
import type { TransferPhase, TransferRow } from '../observe/transfer-row.ts';
import type { AnswerBody } from './answer-body.ts';
import type { RequestBody } from './request-body.ts';
import { pathOf, TARGET_CHARS_MAX } from './session-row.ts';

/** An exchange that is open, as far as a look needs it. */
export interface OpenExchange {
  readonly startedAtMs: number;
  readonly status: number;
  readonly methodName: string;
  readonly target: string;
  readonly responseBytes: number;
  readonly bodyBytes: number;
  readonly body: RequestBody | null;
  /** What is being sent, where it was not sent at once. */
  readonly content: Pick<AnswerBody, 'declaredLength' | 'committedBytes' | 'fileBytes'> | null;
  /** What is left of what may be sent now. */
  readonly sink: { readonly room: number };
}

/** Its connection. */
export interface CarryingConnection {
  readonly id: number;
  readonly engine: EngineConnection;
  readonly movedAtMs: number;
  /** Whether the connection carries several at once. */
  readonly isShared: boolean;
}

/** What is kept of a look at a transfer for the next. */
export interface TransferLook {
  readonly id: number;
  sample: Sample;
}

export function phaseOf({ status, body }: OpenExchange): TransferPhase {
  if (status !== 0) return 'sending';
  return body !== null && !body.complete && body.isWaited ? 'receiving' : 'handler';
}

/** @returns how much of the answer's content the engine has been given so far */
export function committedOf({ content, responseBytes }: OpenExchange): number {
  return content?.committedBytes ?? responseBytes;
}

export function newLook(id: number, exchange: OpenExchange): TransferLook {
  return { id, sample: firstSample(exchange.startedAtMs) };
}

/** @param look of this exchange, which is brought up to date */
export function transferRow(
  exchange: OpenExchange,
  connection: CarryingConnection,
  look: TransferLook,
  nowMs: number,
): TransferRow {
  const phase = phaseOf(exchange);
  const { engine } = connection;
  const isFirst = look.sample.bytesMoved === undefined;
  const sending = phase === 'sending' ? unmovedOf(exchange, connection) : undefined;
  const bytes =
    sending === undefined ? exchange.bodyBytes : Math.max(0, committedOf(exchange) - sending.waitingBytes);
  const total =
    phase === 'sending' ? (exchange.content?.declaredLength ?? -1) : (exchange.body?.contentLength ?? -1);
  const { rateBytesPerSecond, stallMs, sample } = movementOf(look.sample, {
    nowMs,
    bytesReceived: 0,
    bytesMoved: bytes,
    isWaiting: sending === undefined ? phase === 'receiving' : sending.isWaiting,
    noticedMs: Math.max(
      exchange.startedAtMs,
      sending === undefined ? 0 : noticed(connection, sending, isFirst, nowMs),
    ),
    lastAckAtMs: sending?.lastAckMs === undefined ? undefined : nowMs - sending.lastAckMs,
  });
  look.sample = sample;
  return {
    id: look.id,
    worker: 0,
    connection: connection.id,
    protocol: connection.isShared ? 'HTTP/2' : 'HTTP/1.1',
    remoteAddress: addressText(engine.remoteAddress()),
    method: exchange.methodName,
    target: pathOf(exchange.target).slice(0, TARGET_CHARS_MAX),
    status: exchange.status,
    phase,
    ageMs: Math.round(nowMs - exchange.startedAtMs),
    bytes,
    totalBytes: total < 0 ? null : total,
    rateBytesPerSecond,
    stallMs,
  };
}

/**
 * The last movement that is known without a look before. What moves on a connection of many may be another's, and what a
 * peer has acknowledged may be a probe: both are believed at the first look alone.
 */
function noticed(
  connection: CarryingConnection,
  { lastAckMs }: Unmoved,
  isFirst: boolean,
  nowMs: number,
): number {
  if (isFirst && lastAckMs !== undefined) return Math.max(connection.movedAtMs, nowMs - lastAckMs);
  return isFirst || !connection.isShared ? connection.movedAtMs : 0;
}

interface Unmoved {
  readonly waitingBytes: number;
  readonly isWaiting: boolean;
  readonly lastAckMs: number | undefined;
}

/** What has been written and has not arrived, as far as anybody can tell whose it is. */
function unmovedOf({ sink }: OpenExchange, { engine, isShared }: CarryingConnection): Unmoved {
  const { unsentBytes } = engine;
  if (isShared)
    return { waitingBytes: 0, isWaiting: unsentBytes > 0 || sink.room <= 0, lastAckMs: undefined };
  // A system call, for those only that are shown.
  const peer = engine.peerLiveness();
  return {
    waitingBytes: peer?.outstandingBytes ?? unsentBytes,
    isWaiting: unsentBytes > 0,
    lastAckMs: peer?.lastAckMs,
  };
}
