/** The states of a connection (ARCHITECTURE.md draws how they follow each other), and what it keeps for whoever looks. */
import type { CloseReason, EngineConnection, RemoteAddress } from '../engine/engine.ts';
import type { Sample } from '../observe/connection-row.ts';

/** Accepted; the first byte of the first head has not come. */
export const STATE_ACCEPTED = 0;
/** Part of a head has come. */
export const STATE_HEAD = 1;
/** Between exchanges. */
export const STATE_IDLE = 2;
/** A request has been handed to the handler and its answer is not finished. */
export const STATE_EXCHANGE = 3;
/** A request has asked for another protocol, which is spoken now: WebSocket, or what an `upgrade` listener speaks. */
export const STATE_UPGRADED = 4;
/** The last byte and FIN are on their way; what still arrives is discarded. */
export const STATE_LINGER = 5;
/** Over for us; what was written still leaves, then the engine releases the socket. */
export const STATE_CLOSED = 6;

/** For the connection table and the metrics. */
export const STATE_NAMES = ['accepted', 'head', 'idle', 'exchange', 'upgraded', 'linger', 'closing'] as const;

/** What somebody has made of a connection or stream, and is told of its end. */
export interface Attachment {
  /** Nothing comes any more, and nothing leaves. */
  ended(reason: CloseReason): void;
}

/**
 * What a connection counts for the connection table: an addition here, a store there. All else is
 * computed when somebody looks (connection-table.ts).
 */
export class ConnectionAccount {
  /** Counts the connections of its thread. */
  readonly id: number;
  readonly acceptedAtMs: number;
  bytesReceived = 0;
  /** Bytes given to the engine, sent or not. */
  bytesWritten = 0;
  /** When this state began; an exchange has a moment of its own. */
  stateSinceMs: number;
  /** When waiting bytes were last seen to leave, or began to wait. */
  movedAtMs: number;
  /** What the last look found; null until the first. */
  sample: Sample | null = null;
  attachment: Attachment | undefined = undefined;

  constructor(id: number, nowMs: number) {
    this.id = id;
    this.acceptedAtMs = nowMs;
    this.stateSinceMs = nowMs;
    this.movedAtMs = nowMs;
  }

  /** Goes on counting where another session of the same connection ends. */
  protected takeOver(from: ConnectionAccount): void {
    this.bytesReceived = from.bytesReceived;
    this.bytesWritten = from.bytesWritten;
    this.movedAtMs = from.movedAtMs;
    this.sample = from.sample;
    this.attachment = from.attachment;
  }
}

/** What another session takes over from one that it replaces. */
export type ReplacedSession = ConnectionAccount & { readonly engine: EngineConnection };

/** A connection that has been accepted, before its first request. */
export interface AcceptedSession extends ReplacedSession {
  remoteAddress(): RemoteAddress | undefined;
  localAddress(): RemoteAddress | undefined;
  /** Ends the connection. */
  abandon(reason: CloseReason): void;
}
