/** One connection as operators see it, computed when it is asked for: between looks it costs nothing. */
import type { EngineConnection } from '../engine/engine.ts';
import { addressText, type ConnectionRow, firstSample, movementOf } from '../observe/connection-row.ts';
import { tlsSummary } from '../observe/tls-summary.ts';
import { type ConnectionAccount, STATE_IDLE, STATE_NAMES, STATE_UPGRADED } from './connection-account.ts';
import type { ExchangeRecord } from './exchange-host.ts';

/** A target may be 8 KiB long; its beginning tells which it is. */
export const TARGET_CHARS_MAX = 256;

interface AccountedSession extends ConnectionAccount {
  readonly engine: EngineConnection;
  readonly state: number;
}

/**
 * @param requests begun, those that are open included
 * @param exchange the oldest that is open
 */
export function rowOf(
  session: AccountedSession,
  nowMs: number,
  requests: number,
  exchange: ExchangeRecord | null,
): ConnectionRow {
  const { engine, state, acceptedAtMs } = session;
  const { unsentBytes } = engine;
  // A system call, for those only that have something on its way.
  const isQuiet = (state === STATE_IDLE || state === STATE_UPGRADED) && unsentBytes === 0;
  const peer = isQuiet ? undefined : engine.peerLiveness();
  const waitingBytes = peer === undefined ? unsentBytes : peer.outstandingBytes;
  const stateSinceMs = exchange === null ? session.stateSinceMs : exchange.startedAtMs;
  const { rateBytesPerSecond, stallMs, sample } = movementOf(session.sample ?? firstSample(acceptedAtMs), {
    nowMs,
    bytesReceived: session.bytesReceived,
    bytesMoved: Math.max(0, session.bytesWritten - waitingBytes),
    isWaiting: unsentBytes > 0,
    noticedMs: Math.max(session.movedAtMs, stateSinceMs),
    lastAckAtMs: peer === undefined ? undefined : nowMs - peer.lastAckMs,
  });
  session.sample = sample;
  return {
    id: session.id,
    worker: 0,
    state: STATE_NAMES[state]!,
    remoteAddress: addressText(engine.remoteAddress()),
    ageMs: Math.round(nowMs - acceptedAtMs),
    stateMs: Math.round(nowMs - stateSinceMs),
    requests,
    bytesReceived: session.bytesReceived,
    bytesSent: Math.max(0, session.bytesWritten - unsentBytes),
    unsentBytes,
    unacknowledgedBytes: peer === undefined ? null : peer.outstandingBytes,
    rateBytesPerSecond,
    stallMs,
    method: exchange === null ? null : exchange.methodName,
    tls: engine.secure === undefined ? null : tlsSummary(engine.secure),
    target: exchange === null ? null : pathOf(exchange.target).slice(0, TARGET_CHARS_MAX),
  };
}

/** Without the query: people look at this table, and tokens and searches of their users are none of their business. */
export function pathOf(target: string): string {
  const at = target.indexOf('?');
  return at === -1 ? target : target.slice(0, at);
}
