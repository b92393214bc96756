/**
 * A connection that has left HTTP/1 by `Upgrade`: what every protocol behind it has in common. The deadline and the look after
 * the peer, ends and their names, and the row for operators are here; what bytes mean is the subclass's to say.
 *
 * Events come as the engine makes them: `begin` first, then `take` with what had come behind the request, if anything
 * had, and from then on whatever happens. Nobody but who wrote it closes such a connection, but for drain, force and dead peers.
 */
import type { CloseReason } from '../engine/engine.ts';
import type { ConnectionRow } from '../observe/connection-row.ts';
import type { Fault } from '../protocol/error.ts';
import { STATE_EXCHANGE, STATE_LINGER, STATE_UPGRADED } from './connection-account.ts';
import { NEVER } from './connection-deadline.ts';
import { ConnectionEnds } from './connection-ends.ts';
import type { ExchangeHost, ExchangeRecord } from './exchange-host.ts';
import type { ReplacedSession, Session } from './session.ts';
import { rowOf } from './session-row.ts';

export abstract class UpgradedSession extends ConnectionEnds implements Session {
  /** The request by which it began, for rows and logs. */
  protected readonly record: ExchangeRecord;
  #isOver = false;

  constructor(host: ExchangeHost, record: ExchangeRecord, from: ReplacedSession) {
    super(host, from.engine, from);
    this.record = record;
    this.stateSinceMs = host.nowMs;
    this.state = STATE_EXCHANGE;
    this.enter(STATE_UPGRADED);
    this.arm(NEVER);
  }

  /** It is the connection's session now: called once, before anything else. What it throws resets the connection. */
  abstract begin(): void;
  abstract drained(): void;
  /** The server is going down. @param idleGraceMs how long who is idle may still be there */
  abstract drain(idleGraceMs: number): void;
  /** Bytes have come, borrowed until return. What it throws ends the connection, and is the process's to judge. */
  protected abstract take(bytes: Uint8Array, start: number, end: number): void;
  /** FIN has come, behind the last byte. */
  protected abstract takeEnd(): void;
  /** The deadline that was set by `arm` has come. */
  protected abstract due(): void;
  /** Nothing more comes, and what is written goes nowhere: called once, from within whatever ends it, or when the client has gone. */
  protected abstract over(reason: CloseReason): void;

  /** @hot */
  receive(bytes: Uint8Array, start: number, end: number): void {
    this.bytesReceived += end - start;
    if (this.state >= STATE_LINGER) {
      if (this.state === STATE_LINGER) this.armLingering();
      return;
    }
    let isBroken = true;
    try {
      this.take(bytes, start, end);
      isBroken = false;
    } finally {
      if (isBroken) this.broken();
    }
  }

  peerEnded(): void {
    this.hasReadEnd = true;
    if (this.state === STATE_LINGER) this.close('client-closed');
    else if (this.state < STATE_LINGER) this.takeEnd();
  }

  /** FIN behind bytes that are not read yet is read in its turn. */
  peerEndSeen(): void {}

  deadline(): void {
    if (!this.isDue) this.lookAfterPeer();
    else if (this.state === STATE_LINGER) this.lingerIsOver();
    else this.due();
  }

  closed(reason: CloseReason): void {
    this.gone(reason);
  }

  /** Admission looks at connections before their first byte. */
  turnAway(fault: Fault): void {
    this.reset(fault.code);
  }

  row(nowMs: number): ConnectionRow {
    return rowOf(this, nowMs, 1, this.record);
  }

  /** It has none: the request that began it was answered by 101. */
  visitExchanges(): void {}

  protected clientGone(reason: CloseReason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.over(reason);
  }

  protected forgetInput(): void {}

  /** Nothing of it passes for whole that is not. */
  protected get isCutShort(): boolean {
    return false;
  }
}
