/**
 * Notices connections that are not received from for a while, so that the engine can ask the kernel to tell of
 * their end: nobody would learn of a reset there otherwise. Knows no ring.
 *
 * A pause that ends within the turn costs nothing, and a connection that pauses again and again, as one that
 * pipelines does, costs an entry in a list each WATCH_AFTER_MS.
 */
import { CLOSED, CLOSING, READING_PAUSED, RECEIVE_ENDED } from '../descriptor/connection.ts';
import { type IouringConnection, WATCH_ARMED, WATCH_LISTED, WATCH_WANTED } from './connection.ts';

/** How late a reset may be noticed that comes early in a pause. Later ones are told at once. */
const WATCH_AFTER_MS = 100;

export class UnreadWatch {
  /** When `expire` is to be called. */
  dueMs = Number.POSITIVE_INFINITY;
  #listed: IouringConnection[] = [];

  /** `conn` is not received from at the end of a turn. */
  add(conn: IouringConnection, nowMs: number): void {
    conn.flags |= WATCH_LISTED;
    if (this.#listed.push(conn) === 1) this.dueMs = nowMs + WATCH_AFTER_MS;
  }

  /** Touches those that are not received from now, and wants a watch for them. */
  expire(owner: { touch(conn: IouringConnection): void }): void {
    const listed = this.#listed;
    this.#listed = [];
    this.dueMs = Number.POSITIVE_INFINITY;
    for (const conn of listed) {
      conn.flags &= ~WATCH_LISTED;
      if ((conn.flags & (CLOSED | CLOSING | WATCH_ARMED)) !== 0 || !isUnread(conn.flags)) continue;
      conn.flags |= WATCH_WANTED;
      owner.touch(conn);
    }
  }
}

/** Reading is paused, or the peer has sent FIN: nothing is received that would tell of an error. */
export function isUnread(flags: number): boolean {
  return (flags & (READING_PAUSED | RECEIVE_ENDED)) !== 0;
}
