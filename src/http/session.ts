/**
 * What a connection speaks now: `user` of the engine's connection. Another protocol on the same connection is another
 * session in its place (an HTTP/2 preface, an upgrade, ALPN); nobody but those who replace it knows which one it is.
 */
import type { CloseReason, EngineConnection } from '../engine/engine.ts';
import type { ConnectionRow } from '../observe/connection-row.ts';
import type { Fault } from '../protocol/error.ts';
import type { RequestHead } from '../web/request.ts';
import type { ReplacedSession } from './connection-account.ts';
import type { CarryingConnection, OpenExchange } from './transfers.ts';

/** A request that has been read when the protocol changes: it is answered in the new one. */
export interface RequestSoFar {
  readonly head: RequestHead;
  /** That the positions of `head` are in. */
  readonly text: string;
  readonly startedAtMs: number;
}

/** Puts another session in the place of one that speaks HTTP/1. */
export interface ProtocolSwitch {
  /** bytes[start..end) begin with the preface of HTTP/2, as far as they go. */
  toHttp2(from: ReplacedSession, bytes: Uint8Array, start: number, end: number): void;
  /**
   * `Upgrade: h2c`. @param settings the content of a SETTINGS frame
   * @returns false when they are bad: nothing has changed then
   */
  upgradeToHttp2(from: ReplacedSession, settings: Uint8Array, request: RequestSoFar): boolean;
}

export type { ReplacedSession } from './connection-account.ts';

export type ExchangeVisitor = (exchange: OpenExchange, connection: CarryingConnection) => void;

export interface Session {
  readonly engine: EngineConnection;
  /** One of the STATE_ numbers. */
  readonly state: number;
  receive(bytes: Uint8Array, start: number, end: number): void;
  /** The kernel has taken everything that was written. */
  drained(): void;
  /** FIN has come, behind the last byte that was received. */
  peerEnded(): void;
  /** FIN has come behind bytes that wait to be read. */
  peerEndSeen(): void;
  /** The deadline that was set has come. */
  deadline(): void;
  /** The connection is gone. */
  closed(reason: CloseReason): void;
  /** The server is going down: idle connections end in `idleGraceMs`, others behind what is under way. */
  drain(idleGraceMs: number): void;
  /** Refuses the connection before its first byte, as admission wants it. */
  turnAway(fault: Fault): void;
  /** RST, what is unsent dropped. */
  reset(reason: CloseReason): void;
  /** An exception has passed through; nobody knows what it has left undone. */
  broken(): void;
  /** The connection as operators see it. */
  row(nowMs: number): ConnectionRow;
  /** Calls `visit` with each exchange that is open. */
  visitExchanges(visit: ExchangeVisitor): void;
}
