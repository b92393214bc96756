/** What a connection of the node engine needs of whoever owns it. */
import type { SendArena } from './send-arena.ts';

/** What a connection, which is a `C`, asks of its engine. */
export interface ConnectionOwner<C> {
  readonly arena: SendArena;
  /** Flush `conn` at the end of this turn, or of the microtask queue when no turn is running. */
  touched(conn: C): void;
  setDeadline(slot: number, atMs: number): void;
  /** Nothing is read any more, for now or for good. */
  unread(conn: C): void;
  /** Bytes have come; @returns whether to go on reading. */
  received(conn: C, bytes: Uint8Array, end: number): boolean;
  socketConnected(conn: C): void;
  peerEnded(conn: C): void;
  socketClosed(conn: C): void;
  /** A write that had to wait is through. */
  wrote(conn: C): void;
  /** Everything was taken at once, and `onDrained` is owed all the same. */
  drained(conn: C): void;
  countSent(byteCount: number): void;
  /** The same as that of a connection. */
  takeReceived(bytes: Uint8Array): boolean;
}
