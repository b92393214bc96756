/**
 * The open connections of one thread as operators see them: how many are in each state, and one row
 * each. Computed when it is asked for, in time that grows with the number of connections; between looks
 * it costs nothing.
 */

import { STATE_IDLE, STATE_NAMES } from '../http/connection-account.ts';
import type { Session } from '../http/session.ts';
import type { ConnectionRow } from '../observe/connection-row.ts';

export type ConnectionStates = {
  /** Accepted, no byte yet. */
  accepted: number;
  /** Part of a request's head has come. */
  head: number;
  /** Keep-alive, between requests. */
  idle: number;
  /** A request is being answered. */
  exchange: number;
  /** Speaks what it has asked for in place of HTTP, as WebSocket. */
  upgraded: number;
  /** Answered for the last time; late data is read and dropped. */
  linger: number;
  /** Ended; what was written still leaves. */
  closing: number;
};

/** @returns how many connections are in each state, and how many bytes wait in memory to be sent */
export function countStates(connections: Iterable<Session>): {
  states: ConnectionStates;
  unsentBytes: number;
} {
  const states: ConnectionStates = {
    accepted: 0,
    head: 0,
    idle: 0,
    exchange: 0,
    upgraded: 0,
    linger: 0,
    closing: 0,
  };
  let unsentBytes = 0;
  for (const connection of connections) {
    states[STATE_NAMES[connection.state]!]++;
    if (connection.engine.unsentBytes > 0) unsentBytes += bytesInMemory(connection);
  }
  return { states, unsentBytes };
}

/** What is unsent, but for the file that it ends with. */
function bytesInMemory(connection: Session): number {
  let fileBytes = 0;
  connection.visitExchanges(({ content }) => {
    fileBytes += content?.fileBytes ?? 0;
  });
  return Math.max(0, connection.engine.unsentBytes - fileBytes);
}

/** @returns rows of at most `countMax` connections: those at work first, idle ones while there is room */
export function connectionRows(
  connections: Iterable<Session>,
  nowMs: number,
  countMax: number,
): ConnectionRow[] {
  const working: Session[] = [];
  const idle: Session[] = [];
  for (const connection of connections) {
    if (connection.state !== STATE_IDLE) working.push(connection);
    else if (idle.length < countMax) idle.push(connection);
  }
  // Rows cost system calls, so whom to show is decided before: who has most waiting.
  if (working.length > countMax) working.sort((a, b) => b.engine.unsentBytes - a.engine.unsentBytes);
  return [...working, ...idle].slice(0, countMax).map((connection) => connection.row(nowMs));
}
