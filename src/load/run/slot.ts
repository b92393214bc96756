/**
 * One of a thread's places for a connection: the link that speaks on it, the connection that it has now,
 * and what that has been through. Times are kept in arrays of the thread (request-driver.ts), where a
 * number costs no allocation.
 */
import type { EngineConnection } from '../../engine/engine.ts';
import type { ClientLink } from '../client/client.ts';

export class Slot {
  readonly index: number;
  /** Set once, by the thread. */
  link!: ClientLink;
  conn: EngineConnection | undefined = undefined;
  /** `conn` stands. */
  isOpen = false;
  /** Index of the target that `conn` goes to. */
  target = 0;
  /** Answers that `conn` has carried. */
  answers = 0;
  /** Row of the URL that was asked last. */
  lastUrl = 0;
  /** Connections in a row that came to nothing. */
  failures = 0;
  /** Place in the list of requests. */
  cursor: number;
  /** A deadline is set that will look at its requests. */
  isTimed = false;

  constructor(index: number, cursor: number) {
    this.index = index;
    this.cursor = cursor;
  }
}
