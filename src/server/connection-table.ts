/**
 * The open connections of one thread as operators see them: how many are in each state, and one row
 * each. Computed when it is asked for, in time that grows with the number of connections; between looks
 * it costs nothing.
 */

import { STATE_EXCHANGE, STATE_IDLE, STATE_NAMES } from '../http/connection-state.ts';
import { addressText, type ConnectionRow, firstSample, movementOf } from '../observe/connection-row.ts';
import type { HttpConnection } from './connection.ts';

export type ConnectionStates = {
  /** Accepted, no byte yet. */
  accepted: number;
  /** Part of a request's head has come. */
  head: number;
  /** Keep-alive, between requests. */
  idle: number;
  /** A request is being answered. */
  exchange: number;
  /** Answered for the last time; late data is read and dropped. */
  linger: number;
  /** Ended; what was written still leaves. */
  closing: number;
};

/** A target may be 8 KiB long; its beginning tells which it is. */
const TARGET_CHARS_MAX = 256;

/** @returns how many connections are in each state, and how many bytes wait in all to be sent */
export function countStates(connections: Iterable<HttpConnection>): {
  states: ConnectionStates;
  unsentBytes: number;
} {
  const states: ConnectionStates = { accepted: 0, head: 0, idle: 0, exchange: 0, linger: 0, closing: 0 };
  let unsentBytes = 0;
  for (const connection of connections) {
    states[STATE_NAMES[connection.state]!]++;
    unsentBytes += connection.engine.unsentBytes;
  }
  return { states, unsentBytes };
}

/** @returns rows of at most `countMax` connections: those at work first, idle ones while there is room */
export function connectionRows(
  connections: Iterable<HttpConnection>,
  nowMs: number,
  countMax: number,
): ConnectionRow[] {
  const working: HttpConnection[] = [];
  const idle: HttpConnection[] = [];
  for (const connection of connections) {
    if (connection.state !== STATE_IDLE) working.push(connection);
    else if (idle.length < countMax) idle.push(connection);
  }
  // Rows cost system calls, so whom to show is decided before: who has most waiting.
  if (working.length > countMax) working.sort((a, b) => b.engine.unsentBytes - a.engine.unsentBytes);
  return [...working, ...idle].slice(0, countMax).map((connection) => rowOf(connection, nowMs));
}

function rowOf(connection: HttpConnection, nowMs: number): ConnectionRow {
  const { engine, exchange, state, acceptedAtMs } = connection;
  const { unsentBytes } = engine;
  // A system call, for those only that have something on its way.
  const peer = state === STATE_IDLE && unsentBytes === 0 ? undefined : engine.peerLiveness();
  const waitingBytes = peer === undefined ? unsentBytes : peer.outstandingBytes;
  const stateSinceMs =
    state === STATE_EXCHANGE && exchange !== null ? exchange.startedAtMs : connection.stateSinceMs;
  const { rateBytesPerSecond, stallMs, sample } = movementOf(connection.sample ?? firstSample(acceptedAtMs), {
    nowMs,
    bytesReceived: connection.bytesReceived,
    bytesMoved: Math.max(0, connection.bytesWritten - waitingBytes),
    isWaiting: unsentBytes > 0,
    noticedMs: Math.max(connection.movedAtMs, stateSinceMs),
    lastAckAtMs: peer === undefined ? undefined : nowMs - peer.lastAckMs,
  });
  connection.sample = sample;
  return {
    id: connection.id,
    worker: 0,
    state: STATE_NAMES[state]!,
    remoteAddress: addressText(engine.remoteAddress()),
    ageMs: Math.round(nowMs - acceptedAtMs),
    stateMs: Math.round(nowMs - stateSinceMs),
    requests: connection.exchangeId,
    bytesReceived: connection.bytesReceived,
    bytesSent: Math.max(0, connection.bytesWritten - unsentBytes),
    unsentBytes,
    unacknowledgedBytes: peer === undefined ? null : peer.outstandingBytes,
    rateBytesPerSecond,
    stallMs,
    method: exchange === null ? null : exchange.methodName,
    target: exchange === null ? null : pathOf(exchange.target).slice(0, TARGET_CHARS_MAX),
  };
}

/** Without the query: people look at this table, and tokens and searches of their users are none of their business. */
function pathOf(target: string): string {
  const at = target.indexOf('?');
  return at === -1 ? target : target.slice(0, at);
}
