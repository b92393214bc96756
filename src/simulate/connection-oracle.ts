/** What judges one connection, whatever it speaks: told what the server is about to be told, it sees what comes back. */
import type { ConnectionTap, SimConnection } from '../engine/sim/connection.ts';
import type { SimPeer } from '../engine/sim/peer.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import type { RequestPlan } from './request-plan.ts';
import type { SentBytes } from './sent-bytes.ts';

export interface ConnectionOracle extends ConnectionTap {
  readonly acceptedMs: number;
  /** What the server committed, for the client to compare. */
  readonly sent: SentBytes;
  readonly isClosed: boolean;
  /** The server broke it off: by a reset of its own, or at the engine's end. */
  readonly wasReset: boolean;
  /** Why it was ended last: after FIN and lingering comes the close. */
  readonly lastReason: string;
  find(what: string): void;
  /** Held at each event: nothing owed is overdue, no deadline has been missed. */
  check(): void;

  // What the server is about to be told.
  delivering(size: number): void;
  drained(): void;
  peerEnding(): void;
  /** FIN has come behind bytes that the server does not read yet. */
  peerEndSeen(): void;
  deadlineFires(): void;
  drainBegins(): void;
  /** It is one connection too many. */
  exceedsLimit(): void;
  /** The engine is done with it. */
  closed(reason: string): void;
  /** The server has been told of that, and has counted. */
  counted(reasons: readonly string[]): void;
  /** The server has been told of bytes, of FIN, or that its own have left, and has done what it does at once. */
  told?(): void;

  // What handlers do.
  handlerCalled(plan: RequestPlan): ExchangeRecord;
  /** The handler has answered, and the server must do so at once. */
  handlerAnswered(exchange: ExchangeRecord): void;
  /** The exchange that is open for `plan`. */
  exchangeOf(plan: RequestPlan): ExchangeRecord | undefined;
  /** The server has seen the end of an answer. */
  exchangeFinished?(): void;

  /** Everything has come to rest: what is left over? */
  judge(): void;
  /** Whether the client may have lost what the server sent last, by its own fault. */
  mayLose(peer: SimPeer): boolean;
}

/** A client of the simulation, whatever it speaks. */
export interface SimulatedClient {
  readonly plan: {
    readonly kind: string;
    readonly connectAtMs: number;
    readonly requests: readonly RequestPlan[];
  };
  readonly peer: SimPeer;
  /** Is there as soon as the server has accepted. */
  model: ConnectionOracle | undefined;
  start(port: number): void;
  createModel(conn: SimConnection): ConnectionOracle;
}
